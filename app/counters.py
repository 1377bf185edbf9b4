"""Counts of calls: in Redis for all workers and machines, or else in this process.

Rate limits and the quota budget both count here, by the `limits` library. While Redis is away each
process counts alone: calls go on, limits are looser by the number of processes, and a log line and
a metric say so.
"""

import math
import time
from dataclasses import dataclass, replace

import gevent
import structlog
from limits import RateLimitItem
from limits.storage import Storage, storage_from_string
from limits.strategies import FixedWindowRateLimiter

from app.observability import metrics

logger = structlog.get_logger(__name__)

REDIS_TIMEOUT = 0.25
"""Seconds for all that one count takes. A limit is not worth more of a caller's time."""

REDIS_PAUSE = 5.0
"""Seconds to leave Redis alone after it failed, so that not every call pays the time-out."""


SWEEP_SIZE = 10_000
"""Windows to keep before those that have ended are looked for."""


@dataclass(frozen=True, slots=True)
class Window:
    """What came of a count. `reset`: seconds until the window ends, rounded up."""

    allowed: bool
    remaining: int
    reset: int


class Windows:
    """Fixed windows in this process, each as long as its limit says from the first hit on.

    `limits`' own storage in memory runs a timer thread, which costs each call ten times as much.
    """

    def __init__(self) -> None:
        self._open: dict[tuple[str, ...], list[float]] = {}
        self._sweep_at = SWEEP_SIZE

    def hit(self, limit: RateLimitItem, key: tuple[str, ...]) -> Window:
        """Count one hit for `key`, which is always of the same limit."""
        now = time.monotonic()
        window = self._open.get(key)
        if window is None or window[1] <= now:
            if len(self._open) >= self._sweep_at:
                self._sweep(now)
            window = self._open[key] = [0, now + limit.get_expiry()]
        window[0] += 1
        remaining = limit.amount - int(window[0])
        return Window(
            remaining >= 0, max(0, remaining), max(1, math.ceil(round(window[1] - now, 3)))
        )

    def _sweep(self, now: float) -> None:
        """Drop the windows that have ended. Next time once there are twice as many as are left."""
        self._open = {key: window for key, window in self._open.items() if window[1] > now}
        self._sweep_at = max(SWEEP_SIZE, 2 * len(self._open))


class RedisTimeout(BaseException):
    """Redis did not answer within `REDIS_TIMEOUT`. Not an Exception, so that no library eats it."""


class Counters:
    """Counts hits of limits. `redis_url`: None counts in this process alone."""

    def __init__(self, redis_url: str | None) -> None:
        self._alone = Windows()
        self._shared = FixedWindowRateLimiter(_redis(redis_url)) if redis_url else None
        self._away = False
        self._ask_again_at = 0.0

    def hit(self, limit: RateLimitItem, *key: str, alone: RateLimitItem | None = None) -> Window:
        """Count one hit for `key`, and tell whether it is within `limit`.

        `alone`: the limit where this process counts alone, if that is another one.
        """
        if self._shared is None or time.monotonic() < self._ask_again_at:
            return self._alone.hit(alone or limit, key)
        try:
            with gevent.Timeout(REDIS_TIMEOUT, RedisTimeout):
                window = _hit_shared(self._shared, limit, key)
        except (Exception, RedisTimeout) as error:
            self._leave_redis_alone(error)
            return self._alone.hit(alone or limit, key)
        if self._away:
            self._away = False
            logger.info("redis_back", limits="shared")
        return replace(window, reset=window.reset + 1)  # Redis tells whole seconds, rounded

    def _leave_redis_alone(self, error: BaseException) -> None:
        metrics.REDIS_FAILURES.inc()
        self._ask_again_at = time.monotonic() + REDIS_PAUSE
        if not self._away:
            self._away = True
            logger.warning("redis_away", error=type(error).__name__, limits="per process")


def _hit_shared(
    windows: FixedWindowRateLimiter, limit: RateLimitItem, key: tuple[str, ...]
) -> Window:
    allowed = windows.hit(limit, *key)
    reset_time, remaining = windows.get_window_stats(limit, *key)
    return Window(allowed, remaining, max(1, math.ceil(reset_time - time.time())))


def _redis(url: str) -> Storage:
    from redis.backoff import NoBackoff  # 20 MiB: not for those without Redis
    from redis.retry import Retry

    storage = storage_from_string(
        url,
        socket_timeout=REDIS_TIMEOUT,
        socket_connect_timeout=REDIS_TIMEOUT,
        retry=Retry(NoBackoff(), 0),  # type: ignore[arg-type] # redis-py would try three more times, over seconds
    )
    assert isinstance(storage, Storage)  # noqa: S101 - the other kind is for asyncio
    return storage
