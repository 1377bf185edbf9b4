"""Counters of calls that all workers and machines share through Redis, and what holds without it.

Rate limits and the quota budget both count here, by the `limits` library. While Redis is away every
process counts for itself: calls go on, rate limits are looser by the number of processes, a budget
is shared out among a machine's workers, and a log line and a metric say so.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, TypeVar

import structlog
from limits.errors import StorageError
from limits.storage import RedisStorage, Storage, storage_from_string

from app.deadlines import within
from app.observability import metrics

logger = structlog.get_logger(__name__)

Answer = TypeVar("Answer")

REDIS_TIMEOUT = 0.25
"""Seconds for one answer, with all it takes: a lookup of the name, a connection. A limit is not
worth more of a caller's time."""

REDIS_SLOW = 0.1
"""Seconds. A call counts several times, and pays for each."""

REDIS_SLOW_ANSWERS = 10
"""In a row, which make a Redis as good as away; fewer may be this machine's own fault."""

REDIS_PAUSE = 5.0
"""Seconds to leave Redis alone after it failed, so that its time-out is not paid on every call."""

SWEEP_INTERVAL = 10.0
"""Seconds between two removals of counters that have expired, where nobody else removes them."""


@dataclass(frozen=True)
class Counters:
    """Where to count, as the `limits` library is told: a storage's URI and its options."""

    uri: str
    options: dict[str, Any] = field(default_factory=dict)

    def open(self, sharers: int = 1) -> Storage:
        """`sharers`: processes that share each limit out between them where they count apart."""
        storage = storage_from_string(self.uri, **self.options, sharers=sharers)
        assert isinstance(storage, Storage)  # noqa: S101 - the library's other kind is for asyncio
        return storage


def counters_at(redis_url: str | None) -> Counters:
    """Redis if there is one, or else this process's memory."""
    if redis_url:
        return Counters(
            f"{RedisOrMemoryStorage.STORAGE_SCHEME[0]}:{redis_url}", {"reach": RedisReach()}
        )
    logger.warning("limits_are_per_process", because="REDIS_URL is not set")
    return Counters(f"{ProcessStorage.STORAGE_SCHEME[0]}://")


class Turn(Enum):
    """What a caller is to do about Redis."""

    ASK = auto()
    FIND_OUT = auto()
    LEAVE = auto()


class RedisReach:
    """Whether Redis is worth asking. One for all of a process's counters: if Redis hangs, the calls
    that are under way pay its time-out once, and then one call in `REDIS_PAUSE` seconds does. So it
    is with a Redis that stays slow."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._away = False
        self._ask_again_at = 0.0
        self._slow_answers = 0

    def turn(self) -> Turn:
        """Whether to ask now. While Redis is away, one caller after each pause is to find out."""
        with self._lock:
            if not self._away:
                return Turn.ASK
            if self._clock() < self._ask_again_at:
                return Turn.LEAVE
            self._ask_again_at = self._clock() + REDIS_PAUSE
            return Turn.FIND_OUT

    def failed(self, error: Exception) -> None:
        metrics.REDIS_FAILURES.inc()
        with self._lock:
            self._slow_answers = 0
            news, self._away = not self._away, True
            self._ask_again_at = self._clock() + REDIS_PAUSE
        if news:
            logger.warning("redis_away", error=type(error).__name__, limits="per process")

    def answered(self, turn: Turn, seconds: float) -> None:
        """Redis is back if so says the one who was to find out; an answer that was under way when
        Redis went says nothing."""
        finds_out = turn is Turn.FIND_OUT
        slow = seconds > REDIS_SLOW
        with self._lock:
            self._slow_answers = self._slow_answers + 1 if slow else 0
            too_slow = slow and (finds_out or self._slow_answers >= REDIS_SLOW_ANSWERS)
            back = finds_out and not slow
            if back:
                self._away = False
        if too_slow:
            self.failed(TimeoutError("slow"))
        if back:
            logger.info("redis_back", limits="shared")


class ProcessStorage(Storage):
    """This process's memory, for fixed windows.

    Each count stands for one of each of the `sharers`, as if all were as busy as this process: it
    is let through its part of a limit, rounded down.

    Not limits' own `MemoryStorage`: that starts a thread at nearly every count, to clean up, and
    when two calls do so at once one of them may start the other's thread, a RuntimeError.
    """

    STORAGE_SCHEME = ["process"]

    def __init__(self, uri: str | None = None, *, sharers: int = 1, **_: object) -> None:
        super().__init__(uri)
        self._sharers = sharers
        self._lock = threading.Lock()
        self._counts: dict[str, tuple[int, float]] = {}
        self._sweep_at = 0.0

    @property
    def base_exceptions(self) -> type[Exception]:
        return StorageError

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        now = time.time()
        with self._lock:
            self._sweep(now)
            count, expires_at = self._counts.get(key, (0, 0.0))
            if expires_at <= now:
                count, expires_at = 0, now + expiry
            count += amount * self._sharers
            self._counts[key] = (count, expires_at)
            return count

    def get(self, key: str) -> int:
        count, expires_at = self._counts.get(key, (0, 0.0))
        return count if expires_at > time.time() else 0

    def get_expiry(self, key: str) -> float:
        return self._counts.get(key, (0, time.time()))[1]

    def clear(self, key: str) -> None:
        with self._lock:
            self._counts.pop(key, None)

    def reset(self) -> int:
        with self._lock:
            number = len(self._counts)
            self._counts.clear()
        return number

    def check(self) -> bool:
        return True

    def _sweep(self, now: float) -> None:
        """Drop what has expired, now and then."""
        if now >= self._sweep_at:
            self._sweep_at = now + SWEEP_INTERVAL
            self._counts = {key: kept for key, kept in self._counts.items() if kept[1] > now}


class PunctualRedisStorage(RedisStorage):
    """limits' own, to the millisecond: in whole seconds, TTL rounds, and a caller who waits as long
    as Retry-After says would come half a second early."""

    STORAGE_SCHEME = ["punctual-redis"]

    def get_expiry(self, key: str) -> float:
        milliseconds: int = self.storage.pttl(self.prefixed_key(key))
        return time.time() + max(milliseconds, 0) / 1000


class RedisOrMemoryStorage(Storage):
    """Redis, with this process's memory to stand in for it."""

    STORAGE_SCHEME = ["redis-or-memory"]

    def __init__(self, uri: str, *, reach: RedisReach, sharers: int = 1, **_: object) -> None:
        # 20 MiB, of which OpenTelemetry's metrics are a part: not for who has no Redis.
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        super().__init__(uri)
        self._redis = PunctualRedisStorage(
            uri.removeprefix(f"{self.STORAGE_SCHEME[0]}:"),
            wrap_exceptions=True,
            socket_timeout=REDIS_TIMEOUT,
            socket_connect_timeout=REDIS_TIMEOUT,
            # redis-py's own would try three times more, and take seconds over it.
            retry=Retry(NoBackoff(), 0),  # type: ignore[arg-type]
        )
        self._memory = ProcessStorage(sharers=sharers)
        self._reach = reach

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
        turn = self._reach.turn()
        if turn is Turn.LEAVE:
            return use(self._memory)
        started = time.monotonic()
        try:
            answer = within(REDIS_TIMEOUT, lambda: use(self._redis))
        except Exception as error:  # redis-py has many, of names that are none and odd answers too
            self._reach.failed(error.storage_error if isinstance(error, StorageError) else error)
            return use(self._memory)
        self._reach.answered(turn, time.monotonic() - started)
        return answer
