"""A Redis that the service can do without: asked within a time-out, left alone after it failed."""

import time
from collections.abc import Callable
from typing import Any, TypeVar

import gevent
import structlog

from app.observability import metrics

logger = structlog.get_logger(__name__)

Answer = TypeVar("Answer")


class RedisTimeout(BaseException):
    """Redis did not answer in time. Not an Exception, so that no library swallows it."""


class OptionalRedis:
    """Whether to ask Redis, and what happens when it does not serve. Durations in seconds.

    `timeout`: for all that one question takes. `pause`: to leave Redis alone after it failed, so
    that not every call pays the time-out; but not when it has served others meanwhile. `subject`:
    what depends on it, for the log, which says once that Redis is away (`without`) and once that it
    is back (`again`).
    """

    def __init__(
        self, *, timeout: float, pause: float, subject: str, without: str, again: str
    ) -> None:
        self._timeout = timeout
        self._pause = pause
        self._without = {subject: without}
        self._again = {subject: again}
        self._away, self._ask_again_at, self._served_at = False, 0.0, 0.0

    def ask(self, call: Callable[[], Answer], otherwise: Callable[[], Answer]) -> Answer:
        """What `call` answers, or `otherwise` while Redis is away."""
        asked = time.monotonic()
        if asked < self._ask_again_at:
            return otherwise()
        try:
            with gevent.Timeout(self._timeout, RedisTimeout):
                answer = call()
        except (Exception, RedisTimeout) as error:
            metrics.REDIS_FAILURES.inc()
            if self._served_at > asked:  # others meanwhile: it is there, and this process is busy
                return otherwise()
            self._ask_again_at = time.monotonic() + self._pause
            if not self._away:
                self._away = True
                logger.warning("redis_away", error=type(error).__name__, **self._without)
            return otherwise()
        self._served_at = time.monotonic()
        if self._away:
            self._away = False
            logger.info("redis_back", **self._again)
        return answer


def client_options(timeout: float) -> dict[str, Any]:
    """Of redis-py: no answer takes longer, and nothing is tried again; its own way is three more
    times, over seconds."""
    from redis.backoff import NoBackoff  # 20 MiB: not for those without Redis
    from redis.retry import Retry

    return {
        "socket_timeout": timeout,
        "socket_connect_timeout": timeout,
        "retry": Retry(NoBackoff(), 0),
    }
