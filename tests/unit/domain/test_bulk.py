"""Many in turn: at a pace, within a deadline, by a clock that only sleeping and calling moves."""

import math
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass

import pytest

from app.domain.bulk import Bulk, Report, Turns
from app.domain.errors import ErrorCode, ServiceError

IDS = ("a", "b", "c", "d")


@dataclass
class Page:
    items: tuple[str, ...]
    next_cursor: str | None


class Cognito:
    """Answers after `seconds`, and to the `first` call after as many; raises what `failures` has
    for the call's number, or `always`."""

    def __init__(self, seconds: float = 0.0, first: float | None = None) -> None:
        self.now = 1000.0
        self.seconds = seconds
        self.first = seconds if first is None else first
        self.failures: dict[int, ServiceError] = {}
        self.always: ServiceError | None = None
        self.called_at: list[float] = []

    def call(self, _: str) -> None:
        number = len(self.called_at)
        self.called_at.append(round(self.now - 1000, 3))
        self.now += self.seconds if number else self.first
        failure = self.failures.get(number, self.always)
        if failure:
            raise failure

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.now += seconds

    def bulk(self, per_second: float = 10, deadline: float = 15) -> Bulk:
        unshared = Turns(math.inf)
        return Bulk(per_second, deadline, unshared, clock=lambda: self.now, sleep=self.sleep)

    def run(self, per_second: float = 10, deadline: float = 15) -> Report:
        return self.bulk(per_second, deadline).run(
            IDS, self.call, gone=ErrorCode.DEVICE_NOT_FOUND, audited=lambda _: nullcontext()
        )

    def pages(self, *pages: Page) -> Callable[[str | None], Page]:
        """The pages one after another, a call each."""
        left: Iterator[Page] = iter(pages)

        def page_at(cursor: str | None) -> Page:
            self.call(cursor or "")
            return next(left)

        return page_at


def quota_exceeded(retry_after: int | None = 1, *, answer_lost: bool = False) -> ServiceError:
    code = ErrorCode.QUOTA_EXCEEDED
    return ServiceError(code, "Used up.", retry_after=retry_after, answer_lost=answer_lost)


GONE = ServiceError(ErrorCode.DEVICE_NOT_FOUND)


@pytest.mark.parametrize(
    ("first", "called_at"), [(0.0, [0.0, 0.1, 0.2, 0.3]), (0.5, [0.0, 0.5, 0.6, 0.7])]
)
def test_calls_keep_to_the_pace_and_lost_time_is_not_made_up_for_in_a_burst(
    first: float, called_at: list[float]
) -> None:
    cognito = Cognito(first=first)
    assert cognito.run(per_second=10) == Report(IDS, ())
    assert cognito.called_at == called_at


@pytest.mark.parametrize(
    ("retry_after", "called_at"),
    [(5, [0.0, 5.0, 5.1, 5.2, 5.3]), (None, [0.0, 1.0, 1.1, 1.2, 1.3])],
)
def test_quota_is_waited_for_as_long_as_cognito_says_or_a_second(
    retry_after: int | None, called_at: list[float]
) -> None:
    cognito = Cognito()
    cognito.failures[0] = quota_exceeded(retry_after)
    assert cognito.run().done == IDS
    assert cognito.called_at == called_at


@pytest.mark.parametrize(("answer_lost", "failed"), [(True, []), (False, [("a", GONE)])])
def test_gone_is_done_after_a_lost_answer_and_not_after_a_wait_for_quota(
    answer_lost: bool, failed: list[tuple[str, ServiceError]]
) -> None:
    cognito = Cognito()
    cognito.failures = {0: quota_exceeded(answer_lost=answer_lost), 1: GONE}
    assert [(one.id, one.error) for one in cognito.run().failed] == failed


@pytest.mark.parametrize("then", [ErrorCode.QUOTA_EXCEEDED, ErrorCode.UPSTREAM_UNAVAILABLE])
def test_a_lost_answer_that_stays_unsettled_is_told(then: ErrorCode) -> None:
    cognito = Cognito()
    cognito.failures[0] = lost = quota_exceeded(answer_lost=True)
    cognito.always = ServiceError(then, "Nothing was changed.")
    assert cognito.run(deadline=3).failed[0].error is lost


def test_what_there_is_no_time_for_is_reported_for_another_call() -> None:
    cognito = Cognito(seconds=2.0)
    report = cognito.run(deadline=3)
    assert report.done == ("a", "b")
    assert [(one.id, one.error.code) for one in report.failed] == [
        ("c", ErrorCode.QUOTA_EXCEEDED),
        ("d", ErrorCode.QUOTA_EXCEEDED),
    ]


def test_a_quota_that_stays_used_up_ends_at_the_deadline() -> None:
    cognito = Cognito()
    cognito.always = quota_exceeded(4)
    assert cognito.run(deadline=5).done == ()
    assert cognito.called_at == [0.0, 4.0]
    assert cognito.now - 1000 <= 5


def test_every_page_is_read_and_a_cursor_that_comes_again_ends_it() -> None:
    cognito = Cognito()
    pages = cognito.pages(Page(("a",), "1"), Page((), "2"), Page(("b",), "1"))
    assert list(cognito.bulk().all_pages(pages)) == ["a", "b"]


def test_a_list_that_takes_too_long_is_given_up() -> None:
    cognito = Cognito(seconds=4.0)
    pages = cognito.pages(Page(("a",), "1"), Page(("b",), "2"), Page(("c",), None))
    with pytest.raises(ServiceError, match="Nothing was changed") as failed:
        list(cognito.bulk(deadline=6).all_pages(pages))
    assert failed.value.code is ErrorCode.UPSTREAM_TIMEOUT


def test_runs_of_several_users_take_turns() -> None:
    """Ten a second for all together, while each alone might do as many."""
    turns = Turns(per_second=10)
    assert [turns.next(0, latest=60) for _ in ("ana", "bob", "cem")] == pytest.approx([0, 0.1, 0.2])


def test_a_turn_that_would_come_too_late_is_left_to_others() -> None:
    turns = Turns(per_second=1)
    assert [turns.next(0, latest=0.5) for _ in range(3)] == [0, None, None]
    assert turns.next(0, latest=5) == 1
