"""A circuit breaker for Cognito: once it is known to be down, calls fail at once.

Per worker process: a worker that cannot reach Cognito does not speak for one that can.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from circuitbreaker import STATE_CLOSED, STATE_HALF_OPEN, STATE_OPEN, CircuitBreaker

from app.cognito.errors import AttemptFailed
from app.domain.errors import ErrorCode, ServiceError
from app.observability import metrics
from app.settings import Settings

__all__ = ["STATE_CLOSED", "STATE_HALF_OPEN", "STATE_OPEN", "CognitoBreaker"]

logger = structlog.get_logger(__name__)

LEVELS = {STATE_CLOSED: 0.0, STATE_HALF_OPEN: 0.5, STATE_OPEN: 1.0}


class CognitoBreaker:
    """Opens after `breaker_failures` outages in a row, for `breaker_open_seconds`; then one call
    probes."""

    def __init__(self, settings: Settings) -> None:
        self._breaker = CircuitBreaker(
            failure_threshold=settings.breaker_failures,
            recovery_timeout=settings.breaker_open_seconds,
            expected_exception=lambda kind, error: (
                isinstance(error, AttemptFailed) and error.outage
            ),
        )
        self._shown = STATE_CLOSED
        self._probing = False

    def state(self) -> str:
        """`closed`, `half_open` (the next call probes) or `open`; a change is logged and in a
        metric."""
        state: str = self._breaker.state
        if state != self._shown:
            self._shown = state
            metrics.BREAKER_STATE.set(LEVELS[state])
            logger.warning("cognito_breaker", state=state)
        return state

    def check(self) -> str:
        """The state, for a call that may go on to `guard`.

        Raises:
            ServiceError: `upstream-unavailable`, while the breaker is open or another call probes.
        """
        state = self.state()
        if state == STATE_OPEN:
            raise _unavailable(self._breaker.open_remaining)
        if state == STATE_HALF_OPEN and self._probing:
            raise _unavailable(1)
        return state

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Around one call of Cognito.

        Raises:
            ServiceError: as `check`.
        """
        probe = self.check() == STATE_HALF_OPEN
        self._probing |= probe
        try:
            with self._breaker:
                yield
        finally:
            if probe:
                self._probing = False
            self.state()


def _unavailable(seconds: float) -> ServiceError:
    metrics.COGNITO_REFUSED.labels("breaker").inc()
    return ServiceError(ErrorCode.UPSTREAM_UNAVAILABLE, retry_after=max(1, math.ceil(seconds)))
