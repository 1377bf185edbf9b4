"""How one operation is attempted: retries, deadline, quota, breaker.

One call of `Attempts.run` is one Cognito operation to our callers, and one or more requests to
Cognito. What a lost answer means is in the operation's row of `app.domain.operations`.
"""

import random
import time
from collections.abc import Callable
from typing import TypeVar

import gevent
import structlog
from gevent.lock import BoundedSemaphore

from app.cognito.breaker import STATE_CLOSED, CognitoBreaker
from app.cognito.errors import AttemptFailed, TooLate, to_attempt_failed
from app.cognito.quota import QuotaBudget
from app.domain.errors import ErrorCode, ServiceError
from app.domain.operations import Operation
from app.observability import metrics
from app.observability.calls import record_attempt
from app.observability.traces import cognito_span
from app.settings import Settings

logger = structlog.get_logger(__name__)

Answer = TypeVar("Answer")

BACKOFF_FIRST = 0.1
BACKOFF_LONGEST = 1.0
"""Seconds. Full jitter between nothing and a doubling bound: so retries do not align."""

SLOT_WAIT = 2.0
"""Seconds that an operation waits for a place among those under way."""

NOTHING_SENT = (ErrorCode.QUOTA_EXCEEDED, ErrorCode.UPSTREAM_UNAVAILABLE)
"""Codes by which callers know that nothing was changed."""


class Attempts:
    """Runs operations. `run` comes back within `cognito_deadline`: no attempt starts that could not
    end before it. Past `cognito_max_in_flight` an operation waits for a place."""

    def __init__(self, settings: Settings, budget: QuotaBudget, breaker: CognitoBreaker) -> None:
        self._budget = budget
        self._breaker = breaker
        self._longest_attempt = settings.cognito_attempt_timeout
        self._time_to_start = max(0.0, settings.cognito_deadline - self._longest_attempt)
        self._max_attempts = settings.cognito_max_attempts
        self._slots = BoundedSemaphore(settings.cognito_max_in_flight)
        self._answered_at = 0.0

    def run(self, operation: Operation, request: Callable[[], Answer]) -> Answer | None:
        """The answer of `request`, which makes one request to Cognito; or None when a lost answer
        turned out to have been a success.

        Raises:
            ServiceError: what came of the last attempt.
        """
        latest_start = time.monotonic() + self._time_to_start
        if not self._slots.acquire(timeout=min(SLOT_WAIT, self._time_to_start)):
            metrics.COGNITO_REFUSED.labels("in_flight").inc()
            raise ServiceError(
                ErrorCode.UPSTREAM_UNAVAILABLE,
                "Too many calls of Amazon Cognito are under way. Nothing was changed.",
                retry_after=1,
            )
        lost: ServiceError | None = None
        number = 0
        try:
            with metrics.COGNITO_IN_FLIGHT.track_inprogress():
                while True:
                    number += 1
                    try:
                        return self._once(operation, request)
                    except AttemptFailed as failure:
                        error: ServiceError = failure
                        if failure.answer_lost and operation.lost:  # of a write
                            lost = failure
                        again = failure.retryable and number < self._max_attempts
                        longest = min(BACKOFF_LONGEST, BACKOFF_FIRST * 2**number)
                        pause = random.uniform(0, longest)  # noqa: S311
                    except ServiceError as refusal:
                        # The breaker's or the budget's: nothing was sent. Quota is worth waiting
                        # for only where a lost answer can be settled.
                        error, pause = refusal, float(refusal.retry_after or 0)
                        again = lost is not None and refusal.code is ErrorCode.QUOTA_EXCEEDED
                    if not again or time.monotonic() + pause > latest_start:
                        _finish(operation, error, lost)
                        return None
                    metrics.COGNITO_RETRIES.labels(operation.name).inc()
                    logger.info("cognito_retry", operation=operation.name, after_attempt=number)
                    time.sleep(pause)
        finally:
            self._slots.release()

    def _once(self, operation: Operation, request: Callable[[], Answer]) -> Answer:
        """One request, counted, and ended when it takes longer than its time-outs together: they do
        not bound the lookup of a name, one address after another, or an answer that comes byte by
        byte."""
        self._breaker.check()  # before the budget: what is not sent costs no quota
        self._budget.take(operation)
        with self._breaker.guard(), cognito_span(operation.name):
            outcome, started = "ok", time.perf_counter()
            try:
                with gevent.Timeout(self._longest_attempt, TooLate):
                    answer = request()
                self._answered_at = time.perf_counter()
                return answer
            except (Exception, TooLate) as error:
                failure = to_attempt_failed(operation, error)
                outcome = failure.code
                if outcome is ErrorCode.QUOTA_EXCEEDED:
                    metrics.RATE_LIMITED.labels("cognito").inc()
                # Others were answered: Cognito is up, and this process is busy. Not where the
                # breaker has opened since: it would take what is no outage for a success.
                if self._answered_at > started and self._breaker.state() == STATE_CLOSED:
                    failure.outage = False
                raise failure from None
            finally:
                record_attempt(operation.name, outcome, time.perf_counter() - started)


def _finish(operation: Operation, error: ServiceError, lost: ServiceError | None) -> None:
    """Settle the outcome: `error` is that of the last attempt, `lost` that of one that may have
    been done. Returns when the operation was done.

    Raises:
        ServiceError: it was not done, or that is unknown.
    """
    if lost is None:
        raise error
    if error.code is operation.done_if_refused_with:
        logger.info("cognito_answer_settled", operation=operation.name, shown_by=error.code)
        return
    if error.code in NOTHING_SENT:
        error = lost  # what the caller must know: it may have been done
    timed_out = error.code is ErrorCode.UPSTREAM_TIMEOUT
    what = error.code.detail if timed_out else "Amazon Cognito's answer was lost."
    raise ServiceError(
        error.code, f"{what} {operation.lost}", retry_after=error.retry_after, answer_lost=True
    )
