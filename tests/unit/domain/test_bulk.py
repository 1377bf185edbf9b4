"""Many in turn: at a pace, within a deadline, by a clock that only sleeping and calling moves."""

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import pytest

from app import factory
from app.domain.access_token import AccessToken
from app.domain.audit import Reason
from app.domain.bulk import Bulk, Report
from app.domain.errors import ErrorCode, ServiceError
from tests.api.tokens import settings_of

IDS = ("a", "b", "c", "d")
ANA = AccessToken("ana", "client", None, "sign-in", 0, None, None, "anas.token")


@dataclass
class Page:
    items: tuple[str, ...]
    next_cursor: str | None


class Trail:
    """Keeps the outcomes."""

    def __init__(self) -> None:
        self.outcomes: list[tuple[str | None, str]] = []

    def record(
        self,
        event: str,
        token: AccessToken,
        subject: str | None,
        outcome: str,
        reason: Reason | None = None,
    ) -> None:
        self.outcomes.append((subject, outcome))


class Cognito:
    """Lists `pages`, a call each, then is called for each item. A call answers after `seconds`, and
    raises what `failures` has for its number, or `always`. `called_at`: when, in seconds."""

    def __init__(self, *pages: Page, seconds: float = 0.0) -> None:
        self.now = 1000.0
        self.pages = list(pages) or [Page(IDS, None)]
        self.seconds = seconds
        self.failures: dict[int, ServiceError] = {}
        self.always: ServiceError | None = None
        self.called_at: list[float] = []
        self.trail = Trail()

    def call(self, _: str) -> None:
        number = len(self.called_at)
        self.called_at.append(round(self.now - 1000, 3))
        self.now += self.seconds
        failure = self.failures.get(number, self.always)
        if failure:
            raise failure

    def page_at(self, cursor: str | None) -> Page:
        self.call(cursor or "")
        return self.pages.pop(0)

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.now += seconds

    def bulk(self, per_second: float = 10, deadline: float = 15) -> Bulk:
        return Bulk(
            self.trail,
            per_second=per_second,
            deadline=deadline,
            clock=lambda: self.now,
            sleep=self.sleep,
        )

    def run(self, bulk: Bulk | None = None, **options: float) -> Report:
        def choose(items: Iterable[str]) -> Iterable[str]:
            return items

        return (bulk or self.bulk(**options)).run(
            ANA,
            "device.forgotten",
            what="all",
            page_at=self.page_at,
            choose=choose,
            call=self.call,
        )


QUOTA = ServiceError(ErrorCode.QUOTA_EXCEEDED, "Used up.", retry_after=5)
LOST = ServiceError(ErrorCode.UPSTREAM_TIMEOUT, "It may be done.", answer_lost=True)


def test_listing_and_calling_keep_to_one_pace() -> None:
    cognito = Cognito(Page(("a", "b"), "1"), Page(("c",), None))
    assert cognito.run() == Report(("a", "b", "c"), ())
    assert cognito.called_at == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.4])


def test_lost_time_is_not_made_up_for_in_a_burst() -> None:
    cognito = Cognito()
    bulk = cognito.bulk()
    cognito.now += 60
    cognito.run(bulk)
    assert cognito.called_at == pytest.approx([60.0, 60.1, 60.2, 60.3, 60.4])


def test_runs_of_several_callers_share_the_pace() -> None:
    cognito = Cognito(Page(("a",), None), Page(("b",), None))
    bulk = cognito.bulk()
    cognito.run(bulk)
    cognito.now = 1000.0  # as if at the same time
    cognito.run(bulk)
    assert cognito.called_at[2:] == pytest.approx([0.2, 0.3])


@pytest.mark.parametrize(
    ("forget_rate", "quota", "workers", "seconds"), [(10, 25, 2, 0.1), (10, 25, 4, 0.2)]
)
def test_runs_leave_a_fifth_of_a_workers_part_of_the_quota_to_other_calls(
    monkeypatch: pytest.MonkeyPatch, forget_rate: int, quota: int, workers: int, seconds: float
) -> None:
    cognito = Cognito()
    timed = partial(Bulk, clock=lambda: cognito.now, sleep=cognito.sleep)
    monkeypatch.setattr(factory, "Bulk", timed)
    settings = settings_of(
        FORGET_RATE=str(forget_rate), COGNITO_UPDATE_QUOTA=str(quota), WORKERS=str(workers)
    )
    cognito.run(factory.make_bulk(settings, cognito.trail))
    assert cognito.called_at == pytest.approx([seconds * number for number in range(5)])


@pytest.mark.parametrize("number", [0, 2])
def test_quota_is_waited_for_as_long_as_cognito_says(number: int) -> None:
    cognito = Cognito()
    cognito.failures[number] = QUOTA
    assert cognito.run().done == IDS
    assert cognito.called_at[number + 1] - cognito.called_at[number] == pytest.approx(5)


def test_thirty_pages_are_listed_although_the_quota_is_used_up_meanwhile() -> None:
    pages = [Page((str(number),), str(number)) for number in range(30)]
    cognito = Cognito(*pages, Page((), None))
    cognito.failures = {25: ServiceError(ErrorCode.QUOTA_EXCEEDED, retry_after=1)}
    assert len(cognito.run().done) == 30


def test_a_lost_answer_is_told_and_not_repeated_here() -> None:
    """Attempts have repeated the call before."""
    cognito = Cognito()
    cognito.failures[1] = LOST
    report = cognito.run()
    assert [(one.id, one.error) for one in report.failed] == [("a", LOST)]
    assert cognito.trail.outcomes[0] == ("a", "upstream-timeout")


def test_what_there_is_no_time_for_is_reported_for_another_call() -> None:
    cognito = Cognito(seconds=2.0)
    report = cognito.run(deadline=5)
    assert report.done == ("a", "b")
    assert [one.id for one in report.failed] == ["c", "d"]
    for error in (one.error for one in report.failed):
        assert (error.code, error.retry_after) == (ErrorCode.QUOTA_EXCEEDED, 1)
        assert error.detail == "Not tried: time ran out. Repeat the call for the rest."


def test_a_quota_that_stays_used_up_ends_at_the_deadline() -> None:
    cognito = Cognito()
    cognito.failures[0] = cognito.always = QUOTA
    with pytest.raises(ServiceError):
        cognito.run(deadline=9)
    assert cognito.called_at == [0.0, 5.0]
    assert cognito.trail.outcomes == [(None, "quota-exceeded")]


def test_a_cursor_that_comes_again_ends_the_list_and_an_item_that_does_is_done_once() -> None:
    cognito = Cognito(Page(("a",), "1"), Page(("a",), "2"), Page(("b",), "1"))
    assert cognito.run() == Report(("a", "b"), ())


def test_a_list_that_takes_too_long_is_given_up() -> None:
    cognito = Cognito(*(Page((name,), name) for name in "abc"), seconds=4.0)
    with pytest.raises(ServiceError, match="Nothing was changed") as failed:
        cognito.run(deadline=6)
    assert failed.value.code is ErrorCode.UPSTREAM_TIMEOUT


@pytest.mark.parametrize("failure", [None, ServiceError(ErrorCode.UPSTREAM_ERROR)])
def test_the_same_run_of_the_same_token_is_joined_and_nothing_is_kept(
    failure: ServiceError | None,
) -> None:
    """A proxy or a client that repeats a slow call learns what came of it."""
    listing, joined, go = threading.Event(), threading.Event(), threading.Event()
    bulk = Bulk(Trail(), per_second=1000, deadline=60)

    class What:
        def __hash__(self) -> int:
            return 1

        def __eq__(self, other: object) -> bool:
            joined.set()
            return True

    def run(page_at: Callable[[str | None], Page]) -> Report | ServiceError:
        try:
            return bulk.run(
                ANA, "e", what=What(), page_at=page_at, choose=lambda it: it, call=print
            )
        except ServiceError as error:
            return error

    def slow(_: str | None) -> Page:
        listing.set()
        assert go.wait(30)
        if failure:
            raise failure
        return Page(("a",), None)

    with ThreadPoolExecutor() as pool:
        first = pool.submit(run, slow)
        assert listing.wait(30)
        second = pool.submit(run, slow)
        assert joined.wait(30)
        assert not second.done()
        go.set()
        assert first.result(30) is second.result(30)
    assert first.result() == (failure or Report(("a",), ()))
    assert run(lambda _: Page((), None)) == Report((), ())


def test_users_take_turns_however_many_runs_each_has() -> None:
    """Or one user with many runs would keep the others waiting."""
    bulk = Bulk(Trail(), per_second=400, deadline=60)
    calls: list[str] = []
    started = threading.Barrier(6)

    def run(sub: str, sign_in: str, amount: int) -> None:
        page = Page(tuple(f"{sub} {number}" for number in range(amount)), None)

        def page_at(_: str | None) -> Page:
            started.wait(30)
            return page

        token = AccessToken(sub, "client", None, sign_in, 0, None, None, sign_in)
        bulk.run(token, "e", what=None, page_at=page_at, choose=lambda it: it, call=calls.append)

    with ThreadPoolExecutor() as pool:
        greedy = [pool.submit(run, "greedy", f"sign-in {number}", 20) for number in range(5)]
        pool.submit(run, "modest", "theirs", 10).result(60)
        before = sum(one.startswith("greedy") for one in calls)
        for one in greedy:
            one.result(60)
    assert len(calls) == 110
    assert before <= 30, "about as many as the other's ten"


def test_a_turn_that_is_too_far_off_is_not_cognitos_fault() -> None:
    cognito = Cognito()
    bulk = cognito.bulk(per_second=0.1, deadline=15)

    def run() -> None:
        cognito.now = 1000.0
        cognito.pages = [Page((), None)]
        cognito.run(bulk)

    run()
    run()
    with pytest.raises(ServiceError, match="under way at the pace") as failed:
        run()
    assert failed.value.code is ErrorCode.QUOTA_EXCEEDED
