"""A circuit breaker for Cognito: once it is known to be down, calls fail at once.

Per worker process: a worker that cannot reach Cognito does not speak for one that can.
"""

import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from circuitbreaker import STATE_CLOSED, STATE_HALF_OPEN, STATE_OPEN, CircuitBreaker

from app.domain.errors import ErrorCode, ServiceError
from app.observability import metrics

__all__ = ["STATE_CLOSED", "STATE_HALF_OPEN", "STATE_OPEN", "CognitoBreaker"]


class CognitoBreaker:
    """Opens after `failures` failures in a row, for `open_seconds`; then one call probes.

    `is_failure` says which exceptions mean that Cognito is down. `on_change` is called with each
    new state.
    """

    def __init__(
        self,
        *,
        failures: int,
        open_seconds: int,
        is_failure: Callable[[type[BaseException], BaseException], bool],
        on_change: Callable[[str], None] = lambda state: None,
    ) -> None:
        self._breaker = CircuitBreaker(
            failure_threshold=failures, recovery_timeout=open_seconds, expected_exception=is_failure
        )
        self._on_change = on_change
        self._told = STATE_CLOSED
        self._probing = threading.Lock()

    def state(self) -> str:
        """`closed`, `half_open` (the next call probes) or `open`, which `on_change` hears of."""
        state: str = self._breaker.state
        if state != self._told:
            self._told = state
            self._on_change(state)
        return state

    def check(self) -> str:
        """The state, for a call that may go on to `guard`.

        Raises:
            ServiceError: `upstream-unavailable`, while the breaker is open or another call probes.
        """
        state = self.state()
        if state == STATE_OPEN:
            raise _unavailable(self._breaker.open_remaining)
        if state == STATE_HALF_OPEN and self._probing.locked():
            raise _unavailable(1)
        return state

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Around one call of Cognito.

        Raises:
            ServiceError: as `check`.
        """
        probe = self.check() == STATE_HALF_OPEN
        if probe and not self._probing.acquire(blocking=False):
            raise _unavailable(1)
        try:
            with self._breaker:
                yield
        finally:
            if probe:
                self._probing.release()
            self.state()


def _unavailable(seconds: float) -> ServiceError:
    metrics.COGNITO_REFUSED.labels("breaker").inc()
    return ServiceError(ErrorCode.UPSTREAM_UNAVAILABLE, retry_after=max(1, math.ceil(seconds)))
