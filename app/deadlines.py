"""A hard end to waiting for an outside system, whatever it is that takes long.

Socket time-outs do not give one: they count anew from every byte that trickles in, and looking up
a name has none at all.
"""

import threading
from collections.abc import Callable
from contextvars import copy_context
from typing import TypeVar

Result = TypeVar("Result")


class TooLate(Exception):
    """The time was up first. The work goes on, and nobody waits for it."""


def within(seconds: float, work: Callable[[], Result]) -> Result:
    """What `work` gives back. It sees the caller's context variables, from a thread of its own.

    Raises:
        TooLate: the time was up first.
        Exception: what `work` raised.
    """
    results: list[Result] = []
    errors: list[BaseException] = []
    ended = threading.Event()

    def run() -> None:
        try:
            results.append(work())
        except BaseException as error:
            errors.append(error)
        finally:
            ended.set()

    # A daemon, so that a worker that stops does not wait for what nobody waits for any more.
    threading.Thread(
        target=copy_context().run, args=(run,), name="outside-call", daemon=True
    ).start()
    if not ended.wait(seconds):
        raise TooLate
    if errors:
        raise errors[0]
    return results[0]
