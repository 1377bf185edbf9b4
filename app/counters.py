"""Counts of calls: in Redis for all workers and machines, or else in this process.

Rate limits and the quota budget both count here, by the `limits` library. While Redis is away each
process counts alone: calls go on, limits are looser by the number of processes, and a log line and
a metric say so.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gevent
import structlog
from limits import RateLimitItem
from limits.storage import Storage, storage_from_string
from limits.strategies import FixedWindowRateLimiter

from app.observability import metrics

logger = structlog.get_logger(__name__)

TIMEOUT, CONNECT_TIMEOUT = 0.25, 2.0
"""Seconds for all that one count takes, and for the first one, to which a cluster tells its nodes
and its commands; others count alone meanwhile. A limit is not worth more of a caller's time."""

PAUSE = 5.0
"""Seconds to leave Redis alone after it failed, so that not every call pays the time-out; but not
when it has served others meanwhile."""

SWEEP_EVERY = 60.0
"""Seconds after which windows that have ended are dropped."""


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

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._open: dict[tuple[str, ...], list[float]] = {}
        self._sweep_at = clock() + SWEEP_EVERY

    def __len__(self) -> int:
        return len(self._open)

    def hit(self, limit: RateLimitItem, key: tuple[str, ...]) -> Window:
        """Count one hit for `key`, which is always of the same limit."""
        now = self._clock()
        if now >= self._sweep_at:
            self._open = {key: window for key, window in self._open.items() if window[1] > now}
            self._sweep_at = now + SWEEP_EVERY
        window = self._open.get(key)
        if window is None or window[1] <= now:
            window = self._open[key] = [0, now + limit.get_expiry()]
        window[0] += 1
        remaining = limit.amount - int(window[0])
        return Window(
            remaining >= 0, max(0, remaining), max(1, math.ceil(round(window[1] - now, 3)))
        )


class RedisTimeout(BaseException):
    """Redis did not answer in time. Not an Exception, so that no library swallows it."""


class Counters:
    """Counts hits of limits. `redis_url`: None counts in this process alone.

    What is shared is a count for each key; it can refuse the calls of that key alone.
    """

    def __init__(self, redis_url: str | None) -> None:
        self._url = redis_url
        self._alone = Windows()
        self._shared: FixedWindowRateLimiter | None = None
        self._connecting, self._away = False, False
        self._ask_again_at, self._served_at = 0.0, 0.0

    def hit(self, limit: RateLimitItem, *key: str, alone: RateLimitItem | None = None) -> Window:
        """Count one hit for `key`, and tell whether it is within `limit`.

        `alone`: the limit where this process counts alone, if that is another one.
        """
        asked = time.monotonic()
        if self._url is None or self._connecting or asked < self._ask_again_at:
            return self._alone.hit(alone or limit, key)
        first = self._connecting = self._shared is None
        try:
            with gevent.Timeout(CONNECT_TIMEOUT if first else TIMEOUT, RedisTimeout):
                shared = self._shared or FixedWindowRateLimiter(storage(self._url))
                window = _hit_shared(shared, limit, key)
            self._shared = shared
        except (Exception, RedisTimeout) as error:
            metrics.REDIS_FAILURES.inc()
            if self._served_at <= asked:  # else it is there, and this process is busy
                self._is_away(error)
            return self._alone.hit(alone or limit, key)
        finally:
            if first:
                self._connecting = False
        self._served_at = time.monotonic()
        if self._away:
            self._away = False
            logger.info("redis_back", limits="shared")
        return window

    def _is_away(self, error: BaseException) -> None:
        self._ask_again_at = time.monotonic() + PAUSE
        kind = type(error).__name__
        if kind == "ReadOnlyError":  # a failover: the old primary keeps its connections
            self._shared = None
        if not self._away:
            self._away = True
            moved = {"hint": MOVED} if kind == "MovedError" else {}
            logger.warning("redis_away", error=kind, limits="per process", **moved)


MOVED = "REDIS_URL names one node of a cluster: write redis+cluster:// or rediss+cluster://"


def _hit_shared(
    windows: FixedWindowRateLimiter, limit: RateLimitItem, key: tuple[str, ...]
) -> Window:
    allowed = windows.hit(limit, *key)
    reset_time, remaining = windows.get_window_stats(limit, *key)
    # Redis tells whole seconds, rounded: one more.
    return Window(allowed, remaining, max(1, math.ceil(reset_time - time.time())) + 1)


def storage(url: str) -> Storage:
    """`limits`' storage for REDIS_URL.

    Valkey speaks Redis' protocol. `limits` has no scheme for a cluster over TLS. No answer takes
    longer than it may, and nothing is tried again: redis-py's own way is three times, over seconds.
    """
    from redis.backoff import NoBackoff  # 20 MiB: not for those without Redis
    from redis.retry import Retry

    options: dict[str, Any] = {
        "socket_timeout": TIMEOUT,
        "socket_connect_timeout": TIMEOUT,
        "retry": Retry(NoBackoff(), 0),
    }
    scheme, _, rest = url.partition("://")
    scheme = scheme.replace("valkey", "redis")
    if scheme == "rediss+cluster":
        scheme, options["ssl"] = "redis+cluster", True
    if scheme.endswith("+sentinel"):
        options["use_replicas"] = False  # they lag
    made = storage_from_string(f"{scheme}://{rest}", **options)
    assert isinstance(made, Storage)  # noqa: S101 - the other kind is for asyncio
    return made
