"""How an operation is attempted: what is tried again, how long, and what a lost answer means."""

from typing import Any

import gevent
import pytest
from prometheus_client import REGISTRY

from app.cognito.attempts import AttemptFailed, Attempts
from app.domain.errors import ErrorCode, ServiceError
from app.domain.operations import (
    CONFIRM_DEVICE,
    FORGET_DEVICE,
    GET_DEVICE,
    GLOBAL_SIGN_OUT,
    LIST_DEVICES,
    LIST_USER_SESSIONS,
    OPERATIONS,
    READS,
    REVOKE_USER_SESSION,
    UPDATE_DEVICE_STATUS,
    UPDATES,
    Operation,
)
from tests.unit.cognito.conftest import make_attempts


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


def failure(of: Attempts, script: Script, operation: Operation = GET_DEVICE) -> ServiceError:
    with pytest.raises(ServiceError) as failed:
        of.run(operation, script)
    return failed.value


# Retries


def test_what_may_succeed_the_next_time_is_tried_again() -> None:
    script = Script(lost(), refused(ErrorCode.QUOTA_EXCEEDED, retryable=True), "done")
    assert make_attempts().run(GET_DEVICE, script) == "done"
    assert script.made == 3


def test_what_will_not_is_not() -> None:
    script = Script(refused(ErrorCode.DEVICE_NOT_FOUND))
    assert failure(make_attempts(), script).code is ErrorCode.DEVICE_NOT_FOUND
    assert script.made == 1


@pytest.mark.parametrize("max_attempts", [1, 2, 5])
def test_after_so_many_attempts_the_last_failure_is_told(max_attempts: int) -> None:
    script = Script(*[lost()] * (max_attempts - 1), lost(ErrorCode.UPSTREAM_TIMEOUT))
    error = failure(make_attempts(max_attempts=max_attempts), script)
    assert error.code is ErrorCode.UPSTREAM_TIMEOUT
    assert script.made == max_attempts


def test_an_error_of_our_own_is_neither_retried_nor_hidden() -> None:
    script = Script(ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        make_attempts().run(GET_DEVICE, script)
    assert script.made == 1


def test_no_attempt_begins_that_could_not_end_before_the_deadline() -> None:
    script = Script(lost())
    failure(make_attempts(deadline=10, longest_attempt=10, max_attempts=10), script)
    assert script.made == 1


def test_an_attempt_that_outlasts_its_time_outs_is_ended() -> None:
    """Nothing else ends the look-up of a name, or an answer that comes byte by byte."""
    of = make_attempts(longest_attempt=0.05, max_attempts=1)
    with pytest.raises(ServiceError, match="may have been forgotten already") as failed:
        of.run(FORGET_DEVICE, lambda: gevent.sleep(600))
    assert failed.value.code is ErrorCode.UPSTREAM_TIMEOUT


# Lost answers


@pytest.mark.parametrize(
    ("operation", "gone"),
    [
        (FORGET_DEVICE, ErrorCode.DEVICE_NOT_FOUND),
        (REVOKE_USER_SESSION, ErrorCode.SESSION_NOT_FOUND),
    ],
)
def test_gone_after_a_lost_answer_was_done(operation: Operation, gone: ErrorCode) -> None:
    assert make_attempts().run(operation, Script(lost(), refused(gone))) is None


@pytest.mark.parametrize(
    "before", [(), (refused(ErrorCode.QUOTA_EXCEEDED, retryable=True),)], ids=["nothing", "refusal"]
)
def test_gone_after_no_lost_answer_is_not_found(before: tuple[AttemptFailed, ...]) -> None:
    script = Script(*before, refused(ErrorCode.DEVICE_NOT_FOUND))
    assert failure(make_attempts(), script, FORGET_DEVICE).code is ErrorCode.DEVICE_NOT_FOUND


@pytest.mark.parametrize(
    ("operation", "code"),
    [
        (FORGET_DEVICE, ErrorCode.INVALID_TOKEN),
        (CONFIRM_DEVICE, ErrorCode.DEVICE_ALREADY_TRACKED),
        (GLOBAL_SIGN_OUT, ErrorCode.INVALID_TOKEN),
        (UPDATE_DEVICE_STATUS, ErrorCode.DEVICE_NOT_FOUND),
        (REVOKE_USER_SESSION, ErrorCode.CURRENT_SESSION),
    ],
)
def test_a_refusal_that_proves_nothing_says_what_may_have_happened(
    operation: Operation, code: ErrorCode
) -> None:
    error = failure(make_attempts(), Script(lost(), refused(code)), operation)
    assert error.code is code
    assert error.answer_lost
    assert operation.lost is not None
    assert error.detail == f"Amazon Cognito's answer was lost. {operation.lost}"


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (ErrorCode.UPSTREAM_TIMEOUT, "did not answer in time"),
        (ErrorCode.UPSTREAM_ERROR, "answer was lost"),
    ],
)
def test_every_write_that_nobody_knows_of_says_what_to_do(code: ErrorCode, told: str) -> None:
    for operation in {*OPERATIONS} - {GET_DEVICE, LIST_DEVICES, LIST_USER_SESSIONS}:
        error = failure(make_attempts(), Script(lost(code)), operation)
        assert error.code is code
        assert told in error.detail
        assert "repeat" in error.detail


def test_a_read_has_nothing_to_settle() -> None:
    for operation in (GET_DEVICE, LIST_DEVICES, LIST_USER_SESSIONS):
        assert failure(make_attempts(), Script(lost()), operation).detail == "No answer."


# Quota, breaker, crowds


def refusals(by: str) -> float:
    """How many calls have not been sent to Cognito, as the metric has it."""
    name = "device_bff_cognito_calls_refused_total"
    return REGISTRY.get_sample_value(name, {"by": by}) or 0.0


def test_every_attempt_takes_its_share_of_the_quota() -> None:
    script = Script(lost())
    error = failure(make_attempts(quota={READS: 1}, max_attempts=10), script)
    assert error.code is ErrorCode.QUOTA_EXCEEDED
    assert script.made < 10


@pytest.mark.parametrize("cut_short_by", [{"quota": {UPDATES: 1}}, {"breaker_failures": 1}])
def test_a_write_cut_short_after_a_lost_answer_is_told_by_the_code_of_that(
    cut_short_by: dict[str, Any],
) -> None:
    """The quota's and the breaker's codes say that nothing was changed."""
    of = make_attempts(**cut_short_by, max_attempts=10)
    error = failure(of, Script(lost()), FORGET_DEVICE)
    assert (error.code, error.retry_after) == (ErrorCode.UPSTREAM_ERROR, None)
    assert "may have been forgotten already" in error.detail


def test_a_breaker_that_opens_ends_the_attempts_and_the_next_are_not_sent() -> None:
    script, unsent = Script(lost()), refusals("breaker")
    of = make_attempts(breaker_failures=2, quota={READS: 1_000_000})
    for _ in range(3):
        error = failure(of, script)
        assert error.code is ErrorCode.UPSTREAM_UNAVAILABLE
        assert (error.retry_after or 0) >= 1
    assert script.made == 2
    assert refusals("breaker") == unsent + 3


def test_a_refusal_is_no_outage() -> None:
    of = make_attempts(breaker_failures=1)
    failure(of, Script(refused(ErrorCode.INVALID_TOKEN)))
    assert of.run(GET_DEVICE, Script("done")) == "done"


def test_a_failure_is_no_outage_while_others_are_answered() -> None:
    of = make_attempts(breaker_failures=1, max_attempts=1)

    def answered_others() -> str:
        of.run(GET_DEVICE, Script("done"))
        raise lost()

    with pytest.raises(ServiceError):
        of.run(GET_DEVICE, answered_others)
    assert of.run(GET_DEVICE, Script("done")) == "done"


def test_a_failure_that_comes_late_does_not_close_the_breaker() -> None:
    of = make_attempts(breaker_failures=1, max_attempts=1)

    def answered_others_until_cognito_was_down() -> str:
        of.run(GET_DEVICE, Script("done"))
        failure(of, Script(lost()))
        raise lost()

    with pytest.raises(ServiceError):
        of.run(GET_DEVICE, answered_others_until_cognito_was_down)
    assert failure(of, Script("done")).code is ErrorCode.UPSTREAM_UNAVAILABLE


def test_a_crowd_waits_a_moment_and_is_then_told_to_come_back() -> None:
    of, unsent = make_attempts(max_in_flight=1), refusals("in_flight")
    crowded: list[ServiceError] = []

    def meanwhile() -> str:
        crowded.append(failure(of, Script("never")))
        return "done"

    assert of.run(GET_DEVICE, meanwhile) == "done"
    assert crowded[0].code is ErrorCode.UPSTREAM_UNAVAILABLE
    assert crowded[0].retry_after == 1
    assert refusals("in_flight") == unsent + 1
    failure(of, Script(refused(ErrorCode.BLOCKED)))
    assert of.run(GET_DEVICE, Script("done")) == "done", "places are given back"


def test_a_place_that_comes_free_meanwhile_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.cognito.attempts.SLOT_WAIT", 30)
    of = make_attempts(max_in_flight=1)

    def first() -> str:
        gevent.sleep(0.05)
        return "first"

    runs = [gevent.spawn(of.run, GET_DEVICE, request) for request in (first, Script("second"))]
    assert [run.get(timeout=30) for run in runs] == ["first", "second"]
