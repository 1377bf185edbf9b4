"""Counts of calls: in Redis for all workers and machines, or else in this process.

Rate limits and the quota budget both count here, by the `limits` library. While Redis is away each
process counts alone: calls go on, limits are looser by the number of processes, and a log line and
a metric say so.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from limits import RateLimitItem
from limits.storage import Storage, storage_from_string
from limits.strategies import FixedWindowRateLimiter

from app.optional_redis import OptionalRedis, client_options

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
    """Fixed windows in this process, each as long as its limit says from the first hit on. What is
    kept is a count for each key; it can refuse the calls of that key alone.

    `limits`' own storage in memory runs a timer thread, which costs each call ten times as much.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, sweep_size: int = SWEEP_SIZE
    ) -> None:
        self._clock = clock
        self._open: dict[tuple[str, ...], list[float]] = {}
        self._sweep_size = self._sweep_at = sweep_size

    def __len__(self) -> int:
        return len(self._open)

    def hit(self, limit: RateLimitItem, key: tuple[str, ...]) -> Window:
        """Count one hit for `key`, which is always of the same limit."""
        now = self._clock()
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
        self._sweep_at = max(self._sweep_size, 2 * len(self._open))


class Counters:
    """Counts hits of limits. `redis_url`: None counts in this process alone."""

    def __init__(self, redis_url: str | None) -> None:
        self._alone = Windows()
        self._shared = FixedWindowRateLimiter(_storage(redis_url)) if redis_url else None
        self._redis = OptionalRedis(
            timeout=REDIS_TIMEOUT,
            pause=REDIS_PAUSE,
            subject="limits",
            without="per process",
            again="shared",
        )

    def hit(self, limit: RateLimitItem, *key: str, alone: RateLimitItem | None = None) -> Window:
        """Count one hit for `key`, and tell whether it is within `limit`.

        `alone`: the limit where this process counts alone, if that is another one.
        """
        shared = self._shared
        if shared is None:
            return self._alone.hit(alone or limit, key)
        return self._redis.ask(
            lambda: _hit_shared(shared, limit, key),
            otherwise=lambda: self._alone.hit(alone or limit, key),
        )


def _hit_shared(
    windows: FixedWindowRateLimiter, limit: RateLimitItem, key: tuple[str, ...]
) -> Window:
    allowed = windows.hit(limit, *key)
    reset_time, remaining = windows.get_window_stats(limit, *key)
    # Redis tells whole seconds, rounded: one more.
    return Window(allowed, remaining, max(1, math.ceil(reset_time - time.time())) + 1)


def _storage(url: str) -> Storage:
    storage = storage_from_string(url, **client_options(REDIS_TIMEOUT))
    assert isinstance(storage, Storage)  # noqa: S101 - the other kind is for asyncio
    return storage
