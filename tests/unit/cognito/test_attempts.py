"""How an operation is attempted: what is tried again, how long, and what a lost answer means."""

import threading
import time
from collections.abc import Callable

import pytest
from prometheus_client import REGISTRY

from app.cognito import attempts
from app.cognito.attempts import AttemptFailed, Attempts, as_outage
from app.cognito.breaker import CognitoBreaker
from app.cognito.quota import QuotaBudget
from app.counters import counters_at
from app.domain.errors import ServiceError, ErrorCode

QUOTA = {"UserResourceRead": 1000, "UserResourceUpdate": 1000, "UserUpdate": 1000}


class Script:
    """Plays what is to come of each attempt, in turn; the last of it again and again."""

    def __init__(self, *outcomes: str | Exception) -> None:
        self.outcomes = list(outcomes)
        self.made = 0

    def __call__(self) -> str:
        outcome = self.outcomes[min(self.made, len(self.outcomes) - 1)]
        self.made += 1
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


def refused(code: ErrorCode, *, retryable: bool = False) -> AttemptFailed:
    return AttemptFailed(ServiceError(code, "Cognito said no."), retryable=retryable)


def lost(code: ErrorCode = ErrorCode.UPSTREAM_ERROR) -> AttemptFailed:
    """No answer; Cognito may have done it."""
    error = ServiceError(code, "No answer.")
    return AttemptFailed(error, retryable=True, answer_lost=True, outage=True)


@pytest.fixture(autouse=True)
def no_time_to_lose(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "BACKOFF_FIRST", 0.001)


Make = Callable[..., Attempts]


@pytest.fixture
def make() -> Make:
    def go(
        *,
        quota: dict[str, int] | None = None,
        breaker_failures: int = 1000,
        deadline: float = 10,
        longest_attempt: float = 1,
        max_attempts: int = 3,
        max_in_flight: int = 10,
    ) -> Attempts:
        return Attempts(
            budget=QuotaBudget(QUOTA | (quota or {}), counters_at(None)),
            breaker=CognitoBreaker(
                failures=breaker_failures, open_seconds=10, is_failure=as_outage
            ),
            deadline=deadline,
            longest_attempt=longest_attempt,
            max_attempts=max_attempts,
            max_in_flight=max_in_flight,
        )

    return go


def run(of: Attempts, script: Script, operation: str = "GetDevice") -> str | None:
    return of.run(operation, script)


def failure(of: Attempts, script: Script, operation: str = "GetDevice") -> ServiceError:
    with pytest.raises(ServiceError) as failed:
        run(of, script, operation)
    return failed.value


# Retries


def test_a_success_is_not_repeated(make: Make) -> None:
    script = Script("done")
    assert run(make(), script) == "done"
    assert script.made == 1


def test_what_may_succeed_the_next_time_is_tried_again(make: Make) -> None:
    script = Script(lost(), refused(ErrorCode.QUOTA_EXCEEDED, retryable=True), "done")
    assert run(make(), script) == "done"
    assert script.made == 3


def test_what_will_not_is_not(make: Make) -> None:
    script = Script(refused(ErrorCode.DEVICE_NOT_FOUND))
    assert failure(make(), script).code is ErrorCode.DEVICE_NOT_FOUND
    assert script.made == 1


@pytest.mark.parametrize("max_attempts", [1, 2, 5])
def test_after_so_many_attempts_the_last_failure_is_told(make: Make, max_attempts: int) -> None:
    script = Script(*[lost()] * (max_attempts - 1), lost(ErrorCode.UPSTREAM_TIMEOUT))
    error = failure(make(max_attempts=max_attempts), script)
    assert error.code is ErrorCode.UPSTREAM_TIMEOUT
    assert script.made == max_attempts


def test_an_error_of_our_own_is_not_retried_or_hidden(make: Make) -> None:
    script = Script(ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        run(make(), script)
    assert script.made == 1


def test_no_attempt_begins_that_could_not_end_in_time(make: Make) -> None:
    """A deadline of 0.4 s with attempts of 0.25 s at most: one that took 0.2 s was the last."""
    script = Script(lost())

    def slowly() -> str:
        time.sleep(0.2)
        return script()

    started = time.monotonic()
    with pytest.raises(ServiceError):
        make(deadline=0.4, longest_attempt=0.25, max_attempts=10).run("GetDevice", slowly)
    assert script.made == 1
    assert time.monotonic() - started < 0.4


def test_within_the_deadline_it_goes_on(make: Make) -> None:
    script = Script(*[lost()] * 4, "done")
    assert run(make(deadline=5, longest_attempt=0.1, max_attempts=10), script) == "done"


def test_an_attempt_that_outlasts_its_time_outs_is_given_up(make: Make) -> None:
    """Nothing else ends the look-up of a name. Another thread is not spent on it."""
    go = threading.Event()
    started = time.monotonic()
    with pytest.raises(ServiceError) as failed:
        make(longest_attempt=0.1).run("ForgetDevice", lambda: go.wait(10))
    go.set()
    assert time.monotonic() - started < 5
    assert failed.value.code is ErrorCode.UPSTREAM_TIMEOUT
    assert "may have been forgotten already" in failed.value.detail


# Lost answers


def test_a_device_that_is_gone_after_a_lost_answer_is_forgotten(make: Make) -> None:
    script = Script(lost(), refused(ErrorCode.DEVICE_NOT_FOUND))
    assert run(make(), script, "ForgetDevice") is None
    assert script.made == 2


@pytest.mark.parametrize(
    ("operation", "code", "advice"),
    [
        ("ConfirmDevice", ErrorCode.DEVICE_ALREADY_TRACKED, "may be tracked already"),
        ("GlobalSignOut", ErrorCode.INVALID_TOKEN, "may have been signed out already"),
    ],
)
def test_a_refusal_that_may_have_another_cause_proves_nothing_and_comes_with_advice(
    make: Make, operation: str, code: ErrorCode, advice: str
) -> None:
    script = Script(lost(), refused(code))
    error = failure(make(), script, operation)
    assert error.code is code
    assert advice in error.detail


def test_a_device_that_is_gone_at_the_first_attempt_is_not_found(make: Make) -> None:
    script = Script(refused(ErrorCode.DEVICE_NOT_FOUND))
    assert failure(make(), script, "ForgetDevice").code is ErrorCode.DEVICE_NOT_FOUND


def test_nor_does_it_show_anything_after_an_attempt_that_was_refused(make: Make) -> None:
    throttled = refused(ErrorCode.QUOTA_EXCEEDED, retryable=True)
    script = Script(throttled, refused(ErrorCode.DEVICE_NOT_FOUND))
    assert failure(make(), script, "ForgetDevice").code is ErrorCode.DEVICE_NOT_FOUND


@pytest.mark.parametrize(
    ("operation", "code"),
    [
        ("ForgetDevice", ErrorCode.INVALID_TOKEN),
        ("ConfirmDevice", ErrorCode.INVALID_PARAMETER),
        ("GlobalSignOut", ErrorCode.BLOCKED),
        ("UpdateDeviceStatus", ErrorCode.DEVICE_NOT_FOUND),
    ],
)
def test_another_refusal_after_a_lost_answer_says_what_may_have_happened(
    make: Make, operation: str, code: ErrorCode
) -> None:
    error = failure(make(), Script(lost(), refused(code)), operation)
    assert error.code is code
    assert "may " in error.detail
    assert "already" in error.detail


@pytest.mark.parametrize(
    "operation", ["ForgetDevice", "ConfirmDevice", "GlobalSignOut", "UpdateDeviceStatus"]
)
@pytest.mark.parametrize(
    ("code", "told"),
    [
        (ErrorCode.UPSTREAM_TIMEOUT, "did not answer in time"),
        (ErrorCode.UPSTREAM_ERROR, "answer was lost"),
    ],
)
def test_a_write_that_nobody_knows_of_says_what_may_be_done(
    make: Make, operation: str, code: ErrorCode, told: str
) -> None:
    error = failure(make(), Script(lost(code)), operation)
    assert error.code is code
    assert told in error.detail
    assert "repeat" in error.detail


@pytest.mark.parametrize("operation", ["GetDevice", "ListDevices"])
def test_a_read_has_nothing_to_settle(make: Make, operation: str) -> None:
    assert failure(make(), Script(lost()), operation).detail == "No answer."
    script = Script(lost(), refused(ErrorCode.DEVICE_NOT_FOUND))
    assert failure(make(), script, operation).code is ErrorCode.DEVICE_NOT_FOUND


# Quota, breaker, crowds


def refusals(by: str) -> float:
    """How many calls have not been sent to Cognito, as the metric has it."""
    name = "device_bff_cognito_calls_refused_total"
    return REGISTRY.get_sample_value(name, {"by": by}) or 0.0


def test_over_our_share_of_the_quota_nothing_is_sent(make: Make) -> None:
    script = Script("done")
    of = make(quota={"UserUpdate": 1})
    run(of, script, "GlobalSignOut")
    error = failure(of, script, "GlobalSignOut")
    assert error.code is ErrorCode.QUOTA_EXCEEDED
    assert error.retry_after == 1
    assert script.made == 1


def test_every_attempt_counts(make: Make) -> None:
    script = Script(lost())
    error = failure(make(quota={"UserResourceRead": 2}), script)
    assert script.made == 2
    assert error.code is ErrorCode.QUOTA_EXCEEDED


def test_a_write_cut_short_by_the_quota_is_unsettled_too(make: Make) -> None:
    error = failure(make(quota={"UserResourceUpdate": 1}), Script(lost()), "ForgetDevice")
    assert error.code is ErrorCode.QUOTA_EXCEEDED
    assert error.retry_after == 1
    assert "may have been forgotten already" in error.detail


def test_a_breaker_that_opens_ends_the_attempts(make: Make) -> None:
    script = Script(lost())
    of = make(breaker_failures=2)
    error = failure(of, script)
    assert error.code is ErrorCode.UPSTREAM_UNAVAILABLE
    assert error.retry_after == 10
    assert script.made == 2
    failure(of, script)
    assert script.made == 2


def test_a_write_cut_short_by_the_breaker_does_not_say_that_nothing_changed(make: Make) -> None:
    error = failure(make(breaker_failures=1), Script(lost()), "ForgetDevice")
    assert error.code is ErrorCode.UPSTREAM_UNAVAILABLE
    assert error.retry_after == 10
    assert "Nothing was changed" not in error.detail
    assert "may have been forgotten already" in error.detail


def test_a_refusal_is_no_outage(make: Make) -> None:
    of = make(breaker_failures=1)
    failure(of, Script(refused(ErrorCode.INVALID_TOKEN)))
    assert run(of, Script("done")) == "done"


def test_no_more_than_so_many_operations_are_under_way(make: Make) -> None:
    of = make(max_in_flight=1)
    unsent = refusals("in_flight")
    crowded: list[ServiceError] = []

    def meanwhile() -> str:
        crowded.append(failure(of, Script("never")))
        return "done"

    assert of.run("GetDevice", meanwhile) == "done"
    assert crowded[0].code is ErrorCode.UPSTREAM_UNAVAILABLE
    assert crowded[0].retry_after == 1
    assert refusals("in_flight") == unsent + 1
    assert run(of, Script("done")) == "done"


def test_a_failure_gives_its_place_back(make: Make) -> None:
    of = make(max_in_flight=1)
    failure(of, Script(refused(ErrorCode.BLOCKED)))
    assert run(of, Script("done")) == "done"


def test_an_open_breaker_costs_no_quota_and_is_what_callers_hear_of(make: Make) -> None:
    of = make(quota={"UserResourceRead": 2}, breaker_failures=1, max_attempts=1)
    assert failure(of, Script(lost())).code is ErrorCode.UPSTREAM_ERROR
    unsent = refusals("breaker")
    for _ in range(5):
        assert failure(of, Script("never asked")).code is ErrorCode.UPSTREAM_UNAVAILABLE
    assert refusals("breaker") == unsent + 5
