"""A hard end to waiting."""

import threading
import time
from contextvars import ContextVar

import pytest

from app.deadlines import TooLate, within

caller = ContextVar("caller", default="nobody")


def test_work_that_ends_in_time_is_as_if_done_here() -> None:
    assert within(5, lambda: 7) == 7


def test_what_it_raises_comes_out() -> None:
    def fail() -> None:
        raise KeyError("the work's own")

    with pytest.raises(KeyError, match="the work's own"):
        within(5, fail)


def test_work_that_takes_too_long_is_not_waited_for() -> None:
    go = threading.Event()
    started = time.monotonic()
    with pytest.raises(TooLate):
        within(0.05, lambda: go.wait(10))
    assert time.monotonic() - started < 5
    go.set()


def test_work_sees_whose_it_is() -> None:
    """A request's own account of its calls of Cognito is a context variable."""
    caller.set("jane")
    assert within(5, caller.get) == "jane"
