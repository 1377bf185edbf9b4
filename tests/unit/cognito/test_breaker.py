"""The circuit breaker: when it opens, what it answers, how it closes."""

import threading

import circuitbreaker
import pytest

from app.cognito.breaker import CognitoBreaker
from app.domain.errors import ErrorCode, ServiceError


class Down(Exception):
    """Cognito did not answer."""


class Guarded:
    """A breaker that opens after three failures for ten seconds, by a clock of the test's own."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        self.told: list[str] = []
        monkeypatch.setattr(circuitbreaker, "monotonic", lambda: self.now)
        self.breaker = CognitoBreaker(
            failures=3,
            open_seconds=10,
            is_failure=lambda kind, failure: isinstance(failure, Down),
            on_change=self.told.append,
        )

    def call(self, failure: Exception | None = None) -> None:
        with self.breaker.guard():
            if failure is not None:
                raise failure

    def fail(self, times: int, failure: type[Exception] = Down) -> None:
        for _ in range(times):
            with pytest.raises(failure):
                self.call(failure())

    def refused(self) -> int | None:
        """Seconds after which to come back, as a call is told while the breaker is open."""
        with pytest.raises(ServiceError) as refusal:
            self.call()
        assert refusal.value.code is ErrorCode.UPSTREAM_UNAVAILABLE
        assert "Nothing was changed" in refusal.value.detail
        return refusal.value.retry_after


@pytest.fixture
def guarded(monkeypatch: pytest.MonkeyPatch) -> Guarded:
    return Guarded(monkeypatch)


def test_it_opens_after_so_many_failures_in_a_row(guarded: Guarded) -> None:
    guarded.fail(2)
    assert guarded.breaker.state() == "closed"
    guarded.fail(1)
    assert guarded.breaker.state() == "open"
    assert guarded.refused() == 10


@pytest.mark.parametrize(("elapsed", "retry_after"), [(0, 10), (3, 7), (9.5, 1), (9.99, 1)])
def test_while_open_callers_are_told_how_long(
    guarded: Guarded, elapsed: float, retry_after: int
) -> None:
    guarded.fail(3)
    guarded.now += elapsed
    assert guarded.refused() == retry_after


def test_after_its_time_a_probe_that_succeeds_closes_it(guarded: Guarded) -> None:
    guarded.fail(3)
    guarded.now += 10
    assert guarded.breaker.state() == "half_open"
    guarded.call()
    guarded.fail(2)
    assert guarded.breaker.state() == "closed"
    assert guarded.told == ["open", "half_open", "closed"]


def test_a_probe_that_fails_opens_it_for_as_long_again(guarded: Guarded) -> None:
    guarded.fail(3)
    guarded.now += 10
    guarded.fail(1)
    assert guarded.breaker.state() == "open"
    assert guarded.refused() == 10


def test_a_probe_that_ends_in_an_error_of_ours_lets_the_next_one_probe(guarded: Guarded) -> None:
    guarded.fail(3)
    guarded.now += 10
    guarded.fail(1, KeyError)
    guarded.call()


def test_one_call_probes_and_the_others_are_told_to_come_back(guarded: Guarded) -> None:
    guarded.fail(3)
    guarded.now += 10
    with guarded.breaker.guard():
        other: list[int | None] = []
        thread = threading.Thread(target=lambda: other.append(guarded.refused()))
        thread.start()
        thread.join(5)
    assert other == [1]
    guarded.call()
