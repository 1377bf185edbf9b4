"""A hard end to waiting for an outside system, for what has no time-out of its own.

Answers end in time (`app.transport`), but nothing bounds looking up a name, and each address of it,
each step of connecting, may take the whole connect time-out.
"""

import math
import queue
import threading
import time
from collections.abc import Callable
from contextvars import Context, ContextVar, copy_context
from typing import Any, TypeVar

Result = TypeVar("Result")


class TooLate(Exception):
    """The time was up first. The work goes on to its next `check`, and nobody waits for it."""


_ends: ContextVar[float] = ContextVar("ends", default=math.inf)


def check() -> None:
    """To be called by work before it does what nobody may still expect: to send a request.

    Raises:
        TooLate: whoever waited for the work has been told so.
    """
    if time.monotonic() >= _ends.get():
        raise TooLate


def within(seconds: float, work: Callable[[], Result]) -> Result:
    """What `work` gives back. It sees the caller's context variables, from another thread.

    Raises:
        TooLate: the time was up first.
        Exception: what `work` raised.
    """
    try:
        thread = _idle.get_nowait()
    except queue.Empty:
        thread = _WorkThread()
    outcome: queue.SimpleQueue[tuple[Any, BaseException | None]] = queue.SimpleQueue()
    context = copy_context()
    context.run(_ends.set, time.monotonic() + seconds)
    thread.orders.put((context, work, outcome))
    try:
        result, error = outcome.get(timeout=seconds)
    except queue.Empty:
        raise TooLate from None
    if error is not None:
        raise error
    answer: Result = result
    return answer


class _WorkThread(threading.Thread):
    """Does one piece of work after another. To start a thread for each would cost ten times more.

    A daemon, so that a worker that stops does not wait for what nobody waits for any more.
    """

    def __init__(self) -> None:
        super().__init__(name="outside-call", daemon=True)
        self.orders: queue.SimpleQueue[
            tuple[Context, Callable[[], Any], queue.SimpleQueue[Any]]
        ] = queue.SimpleQueue()
        self.start()

    def run(self) -> None:
        while True:
            self._serve(*self.orders.get())
            _idle.put(self)

    @staticmethod
    def _serve(context: Context, work: Callable[[], Any], outcome: queue.SimpleQueue[Any]) -> None:
        try:
            outcome.put((context.run(work), None))
        except BaseException as error:
            outcome.put((None, error))


_idle: queue.SimpleQueue[_WorkThread] = queue.SimpleQueue()
