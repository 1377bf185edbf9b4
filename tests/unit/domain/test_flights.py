"""Calls under way are shared by those who ask for the same with the same token."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from app.domain.flights import Flights

TOKEN, OTHER = "one.access.token", "another.access.token"


class Slow:
    """A call that ends when it is let go; `begun` counts."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.begun = 0
        self.failure = failure
        self.started, self.go = threading.Event(), threading.Event()

    def __call__(self) -> int:
        self.begun += 1
        self.started.set()
        assert self.go.wait(10)
        if self.failure:
            raise self.failure
        return self.begun


def share(flights: Flights[int], token: str, what: str, call: Callable[[], int]) -> int:
    with flights.join(token, what) as flight:
        if flight.is_first:
            flight.result = call()
    return flight.result


def under_way(
    pool: ThreadPoolExecutor, flights: Flights[int], call: Slow
) -> tuple[Future[int], Future[int]]:
    """A call that waits, and another caller who has joined it or is about to."""
    first = pool.submit(share, flights, TOKEN, "list", call)
    assert call.started.wait(10)
    joins = threading.Event()

    def join() -> int:
        joins.set()
        return share(flights, TOKEN, "list", call)

    second = pool.submit(join)
    assert joins.wait(10)
    return first, second


def test_who_asks_for_the_same_meanwhile_waits_and_gets_the_same_result() -> None:
    flights, call = Flights[int](), Slow()
    with ThreadPoolExecutor() as pool:
        first, second = under_way(pool, flights, call)
        assert not second.done()
        call.go.set()
        assert (first.result(10), second.result(10)) == (1, 1)
    assert call.begun == 1


def test_who_waits_is_told_the_failure_too() -> None:
    flights, call = Flights[int](), Slow(LookupError())
    with ThreadPoolExecutor() as pool:
        first, second = under_way(pool, flights, call)
        call.go.set()
        assert first.exception(10) is second.exception(10) is call.failure


@pytest.mark.parametrize("key", [(OTHER, "list"), (TOKEN, "something else")])
def test_another_token_or_question_is_a_call_of_its_own(key: tuple[str, str]) -> None:
    flights, call = Flights[int](), Slow()
    with ThreadPoolExecutor() as pool:
        first, _ = under_way(pool, flights, call)
        assert share(flights, *key, lambda: 7) == 7
        call.go.set()
        assert first.result(10) == 1


def test_nothing_is_kept_of_a_call_that_has_ended() -> None:
    flights = Flights[int]()
    assert share(flights, TOKEN, "list", lambda: 1) == 1
    assert share(flights, TOKEN, "list", lambda: 2) == 2


def test_nobody_joins_a_call_from_before_a_change() -> None:
    flights, call = Flights[int](), Slow()
    with ThreadPoolExecutor() as pool:
        first, _ = under_way(pool, flights, call)
        flights.clear()
        assert share(flights, TOKEN, "list", lambda: 2) == 2
        call.go.set()
        assert first.result(10) == 1
