"""Counters of calls that all workers and machines share through Redis, and what holds without it.

Rate limits and the quota budget both count here, by the `limits` library. While Redis is away every
process counts for itself: calls go on, limits are looser by the number of processes, and a log line
and a metric say so.
"""

import time
from collections.abc import Callable
from typing import TypeVar

import structlog
from limits.errors import StorageError
from limits.storage import MemoryStorage, RedisStorage, Storage, storage_from_string

from app.observability import metrics

logger = structlog.get_logger(__name__)

Answer = TypeVar("Answer")

REDIS_TIMEOUT = 0.25
"""Seconds, to connect and to answer. A limit is not worth more of a caller's time."""

REDIS_PAUSE = 5.0
"""Seconds to leave Redis alone after it failed, so that its time-out is not paid on every call."""


def open_counters(uri: str) -> Storage:
    """The counters at `uri`, which `counters_uri` gave."""
    storage = storage_from_string(uri)
    assert isinstance(storage, Storage)  # noqa: S101 - the library's other kind is for asyncio
    return storage


def counters_uri(redis_url: str | None) -> str:
    """Where to count, as the `limits` library is told: Redis if there is one, or else here."""
    if redis_url:
        return f"{RedisOrMemoryStorage.STORAGE_SCHEME[0]}:{redis_url}"
    logger.warning("limits_are_per_process", because="REDIS_URL is not set")
    return "memory://"


class RedisOrMemoryStorage(Storage):
    """Redis, with this process's memory to stand in for it."""

    STORAGE_SCHEME = ["redis-or-memory"]

    def __init__(self, uri: str, **_: object) -> None:
        super().__init__(uri)
        self._redis = RedisStorage(
            uri.removeprefix(f"{self.STORAGE_SCHEME[0]}:"),
            wrap_exceptions=True,
            socket_timeout=REDIS_TIMEOUT,
            socket_connect_timeout=REDIS_TIMEOUT,
        )
        self._memory = MemoryStorage()
        self._away_until = 0.0

    @property
    def base_exceptions(self) -> type[Exception]:
        return StorageError

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        return self._either(lambda storage: storage.incr(key, int(expiry), amount))

    def get(self, key: str) -> int:
        return self._either(lambda storage: storage.get(key))

    def get_expiry(self, key: str) -> float:
        return self._either(lambda storage: storage.get_expiry(key))

    def clear(self, key: str) -> None:
        self._either(lambda storage: storage.clear(key))

    def reset(self) -> int | None:
        return self._either(lambda storage: storage.reset())

    def check(self) -> bool:
        return self._redis.check()

    def _either(self, use: Callable[[Storage], Answer]) -> Answer:
        if time.monotonic() >= self._away_until:
            try:
                return use(self._redis)
            except StorageError as error:
                self._away_until = time.monotonic() + REDIS_PAUSE
                metrics.REDIS_FAILURES.inc()
                logger.warning("redis_away", error=type(error.storage_error).__name__)
        return use(self._memory)
