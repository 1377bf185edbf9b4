"""Calls under way are shared by those who ask for the same."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.domain.flights import Flights


class Slow:
    """A call that ends when it is let go; `begun` counts."""

    def __init__(self) -> None:
        self.begun = 0
        self.started, self.go = threading.Event(), threading.Event()

    def __call__(self) -> int:
        self.begun += 1
        self.started.set()
        assert self.go.wait(10)
        return self.begun


def test_who_asks_for_the_same_meanwhile_gets_the_same_result() -> None:
    flights, call = Flights[int](), Slow()
    with ThreadPoolExecutor() as pool:
        first = pool.submit(flights.share, "ana", "list", call)
        assert call.started.wait(10)
        others = [pool.submit(flights.share, "ana", "list", lambda: 99) for _ in range(2)]
        joined = pool.submit(flights.share, "bob", "list", lambda: 7)
        assert joined.result(10) == 7  # another owner's is another call
        call.go.set()
        assert first.result(10) == 1
        assert {one.result(10) for one in others} <= {1, 99}
    assert call.begun == 1


def test_something_else_of_the_same_owner_waits() -> None:
    flights, call = Flights[int](), Slow()
    with ThreadPoolExecutor() as pool:
        first = pool.submit(flights.share, "ana", "all", call)
        assert call.started.wait(10)
        second = pool.submit(flights.share, "ana", "others", lambda: first.done() and 2)
        call.go.set()
        assert second.result(10) == 2


def test_a_failure_is_everybodys_and_ends_the_call() -> None:
    flights = Flights[int]()

    def fail() -> int:
        raise LookupError

    with pytest.raises(LookupError):
        flights.share("ana", "list", fail)
    assert flights.share("ana", "list", lambda: 1) == 1


def test_nobody_joins_a_call_from_before_a_change() -> None:
    flights, call = Flights[int](), Slow()
    with ThreadPoolExecutor() as pool:
        first = pool.submit(flights.share, "ana", "list", call)
        assert call.started.wait(10)
        flights.clear()
        assert flights.share("ana", "list", lambda: 2) == 2
        call.go.set()
        assert first.result(10) == 1
