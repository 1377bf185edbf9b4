"""Waiting for what comes, with an end to the patience."""

import time
from collections.abc import Callable


def until(what: str, happened: Callable[[], object], within: float = 60.0) -> None:
    """Ask again and again whether it has happened; `what` is named if it does not, in seconds."""
    deadline = time.monotonic() + within
    while not happened():
        assert time.monotonic() < deadline, f"not within {within} s: {what}"
        time.sleep(0.02)
