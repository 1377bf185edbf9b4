"""How one operation is attempted: within its deadline, its quota and our patience with Cognito.

One call of `Attempts.run` is one Cognito operation to our callers, and one or more requests to
Cognito. What a lost answer means for each operation is in the tables at the end.
"""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

import structlog
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt
from tenacity.wait import wait_random_exponential

from app.cognito.breaker import CognitoBreaker
from app.cognito.quota import QuotaBudget
from app.deadlines import TooLate, within
from app.domain.errors import DeviceError, ErrorCode
from app.observability import metrics
from app.observability.calls import record_attempt

logger = structlog.get_logger(__name__)

Answer = TypeVar("Answer")

BACKOFF_FIRST = 0.1
BACKOFF_LONGEST = 1.0
"""Seconds. Full jitter between nothing and a doubling bound: callers do not march in step."""


class AttemptFailed(Exception):
    """One request to Cognito failed.

    `error`: what to tell the caller if it was the last. `retryable`: another attempt may succeed.
    `answer_lost`: Cognito may have done what it was asked. `outage`: it says that Cognito is down.
    """

    def __init__(
        self,
        error: DeviceError,
        *,
        retryable: bool = False,
        answer_lost: bool = False,
        outage: bool = False,
    ) -> None:
        super().__init__(str(error))
        self.error = error
        self.retryable = retryable
        self.answer_lost = answer_lost
        self.outage = outage


class Attempts:
    """Runs operations. Durations in seconds.

    `deadline`: when `run` must have come back. `longest_attempt`: how long one request may take; no
    attempt starts that could not end before the deadline. `max_in_flight`: how many operations may
    be under way in this worker, so that a slow Cognito never takes all its threads.
    """

    def __init__(
        self,
        *,
        budget: QuotaBudget,
        breaker: CognitoBreaker,
        deadline: float,
        longest_attempt: float,
        max_attempts: int,
        max_in_flight: int,
    ) -> None:
        self._budget = budget
        self._breaker = breaker
        self._deadline = deadline
        self._longest_attempt = longest_attempt
        self._stop_after_attempts = stop_after_attempt(max_attempts)
        self._slots = threading.BoundedSemaphore(max_in_flight)

    def run(self, operation: str, attempt: Callable[[], Answer]) -> Answer | None:
        """The answer of `attempt`, or None when a lost answer turned out to have been a success.

        `attempt` makes one request to Cognito and raises `AttemptFailed`.

        Raises:
            DeviceError: what came of the last attempt.
        """
        if not self._slots.acquire(blocking=False):
            metrics.COGNITO_REFUSED.labels("in_flight").inc()
            raise DeviceError(
                ErrorCode.UPSTREAM_UNAVAILABLE,
                "Too many calls of Amazon Cognito are under way. Nothing was changed.",
                retry_after=1,
            )
        try:
            with metrics.COGNITO_IN_FLIGHT.track_inprogress():
                return self._retry(operation, attempt)
        finally:
            self._slots.release()

    def _retry(self, operation: str, attempt: Callable[[], Answer]) -> Answer | None:
        lost: list[AttemptFailed] = []

        def once() -> Answer:
            self._breaker.check()  # what is not asked costs no quota
            self._budget.take(operation)
            try:
                with self._breaker.guard():
                    return self._in_time(operation, attempt)
            except AttemptFailed as failure:
                if failure.answer_lost:
                    lost.append(failure)
                raise

        def before_sleep(state: RetryCallState) -> None:
            metrics.COGNITO_RETRIES.labels(operation).inc()
            logger.info("cognito_retry", operation=operation, after_attempt=state.attempt_number)

        retrying = Retrying(
            retry=retry_if_exception(lambda e: isinstance(e, AttemptFailed) and e.retryable),
            stop=self._stop,
            wait=wait_random_exponential(multiplier=BACKOFF_FIRST, max=BACKOFF_LONGEST),
            before_sleep=before_sleep,
            reraise=True,
        )
        try:
            return retrying(once)
        except AttemptFailed as failure:
            error = failure.error
            if error.code is ErrorCode.QUOTA_EXCEEDED:
                metrics.RATE_LIMITED.labels("cognito").inc()
        except DeviceError as refusal:
            error = refusal
            if error.code is ErrorCode.UPSTREAM_UNAVAILABLE:
                metrics.COGNITO_REFUSED.labels("breaker").inc()
        if lost and error.code is SHOWN_DONE_BY.get(operation):
            logger.info("cognito_answer_settled", operation=operation, shown_by=error.code)
            return None
        raise _with_advice(operation, error) if lost else error

    def _in_time(self, operation: str, attempt: Callable[[], Answer]) -> Answer:
        """`attempt`, counted, and given up when it takes longer than its time-outs together.

        Its connection ends in time by itself. Looking up a name does not, nor does trying one
        address of it after another; the breaker sees to it that little of that goes on.
        """
        outcome, started = "ok", time.perf_counter()
        try:
            return within(self._longest_attempt, attempt)
        except TooLate:
            outcome = ErrorCode.UPSTREAM_TIMEOUT
            raise AttemptFailed(
                DeviceError(outcome, "Amazon Cognito did not answer in time."),
                answer_lost=True,
                outage=True,
            ) from None
        except AttemptFailed as failure:
            outcome = failure.error.code
            raise
        finally:
            record_attempt(operation, outcome, time.perf_counter() - started)

    def _stop(self, state: RetryCallState) -> bool:
        elapsed = state.seconds_since_start or 0.0
        too_late = elapsed + state.upcoming_sleep + self._longest_attempt > self._deadline
        return too_late or self._stop_after_attempts(state)


def _with_advice(operation: str, error: DeviceError) -> DeviceError:
    """`error`, saying what may have happened and what may be done, after a write's lost answer."""
    if operation not in UNSETTLED:
        return error
    what = (
        "Amazon Cognito did not answer in time."
        if error.code is ErrorCode.UPSTREAM_TIMEOUT
        else "Amazon Cognito's answer was lost."
    )
    return DeviceError(
        error.code,
        f"{what} {UNSETTLED[operation]}",
        retry_after=error.retry_after,
        answer_lost=True,
    )


SHOWN_DONE_BY: dict[str, ErrorCode] = {"ForgetDevice": ErrorCode.DEVICE_NOT_FOUND}
"""The refusal of a repeated operation by which it is done, whichever attempt did it.

Not so 'already tracked' of ConfirmDevice: Cognito may hold the verifier of another call. Nor an
invalid token of GlobalSignOut: one that had expired before has signed nobody out.
"""

UNSETTLED: dict[str, str] = {
    "ForgetDevice": "The device may have been forgotten already; repeating the call is safe.",
    "UpdateDeviceStatus": "The status may have changed already; repeating the call is safe.",
    "GlobalSignOut": "The user may have been signed out already; repeating the call is safe.",
    "ConfirmDevice": "The device may be tracked already: repeat the call with the same verifier, "
    "and take 'device-already-tracked' for success; a device whose secret was to be made here is "
    "to be forgotten, and the user signed in anew.",
}
"""What a caller may do after a write of which nobody knows whether Cognito did it."""


def as_outage(kind: type[BaseException], failure: BaseException) -> bool:
    """Whether a failure counts for the circuit breaker."""
    return isinstance(failure, AttemptFailed) and failure.outage
