"""One call for each of many devices or sessions, at a pace that Cognito's quota allows."""

import math
import time
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import Protocol, TypeVar

from app.domain.errors import ErrorCode, ServiceError
from app.domain.flights import Flights

Item = TypeVar("Item", covariant=True)


@dataclass(frozen=True, slots=True)
class Failed:
    """One that could not be done, and why."""

    id: str
    error: ServiceError


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of a run, in the order that was tried."""

    done: tuple[str, ...]
    failed: tuple[Failed, ...]


class Page(Protocol[Item]):
    """A page of a list of Cognito's."""

    @property
    def items(self) -> Iterable[Item]: ...

    @property
    def next_cursor(self) -> str | None: ...


class Turns:
    """The turns of all runs of this process, `per_second` together. Each run asks for one at a
    time, so that they take turns."""

    def __init__(self, per_second: float) -> None:
        self._interval = 1 / per_second
        self._due = -math.inf

    def next(self, earliest: float, latest: float) -> float | None:
        """When the next one is; None if that is after `latest`."""
        turn = max(earliest, self._due)
        if turn > latest:
            return None
        self._due = turn + self._interval
        return turn


class Runs:
    """The runs of this process: one at a time for each user."""

    def __init__(self, new: Callable[[], "Bulk"]) -> None:
        self._new = new
        self._flights = Flights[Report]()

    def run(self, user: str, what: Hashable, go: Callable[["Bulk"], Report]) -> Report:
        """The report of `go`. A second caller that asks for the same (`what`) and the same user
        gets the same report; one that asks for something else waits."""
        return self._flights.share(user, what, lambda: go(self._new()))


class Bulk:
    """One run over many.

    Cognito allows 25 updates a second for the whole account; `per_second` is this run's share.
    `deadline`: seconds, listing them included, after which no further call of Cognito begins and
    the rest is reported as failed. `clock` and `sleep` are `time`'s; tests may pass their own.
    """

    def __init__(
        self,
        per_second: float,
        deadline: float,
        turns: Turns,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._interval = 1 / per_second
        self._turns = turns
        self._clock = clock
        self._sleep = sleep
        self._due = clock()
        self._deadline = clock() + deadline

    def all_pages(self, page_at: Callable[[str | None], Page[Item]]) -> Iterator[Item]:
        """Every item of a list, read before anything is changed: a cursor does not survive the
        removal of what it points at.

        Raises:
            ServiceError: `invalid-parameter` when the list changed meanwhile, `upstream-timeout`
                when it takes too long.
        """
        cursor, seen = None, set[str]()
        while self._clock() <= self._deadline:
            try:
                page = page_at(cursor)
            except ServiceError as error:
                if error.code is not ErrorCode.INVALID_PARAMETER:
                    raise
                raise ServiceError(
                    error.code,
                    "The list changed while it was read. Nothing was changed; repeat the call.",
                ) from None
            yield from page.items
            cursor = page.next_cursor
            if cursor is None or cursor in seen:  # a cursor that comes again leads nowhere
                return
            seen.add(cursor)
        raise ServiceError(
            ErrorCode.UPSTREAM_TIMEOUT,
            "Amazon Cognito took too long to answer the list. Nothing was changed; repeat the "
            "call.",
        )

    def run(
        self,
        ids: Iterable[str],
        call: Callable[[str], None],
        *,
        gone: ErrorCode,
        audited: Callable[[str], AbstractContextManager[None]],
    ) -> Report:
        """`call` for each id in turn, within `audited`. `gone`: the code by which Cognito says that
        it has no such one, which after a lost answer shows that the call was done."""
        done: list[str] = []
        failed: list[Failed] = []
        for one in ids:
            try:
                with audited(one):
                    self._in_turn(partial(call, one), gone)
            except ServiceError as error:
                failed.append(Failed(one, error))
            else:
                done.append(one)
        return Report(tuple(done), tuple(failed))

    def _in_turn(self, call: Callable[[], None], gone: ErrorCode) -> None:
        """One of many, waiting for quota while there is time."""
        unsettled: ServiceError | None = None
        while self._wait_for_turn():
            try:
                return call()
            except ServiceError as error:
                if unsettled and error.code is gone:
                    return None
                unsettled = error if error.answer_lost else unsettled
                if error.code is not ErrorCode.QUOTA_EXCEEDED:
                    raise unsettled or error from None
                self._due = self._clock() + (error.retry_after or 1)
        raise unsettled or ServiceError(
            ErrorCode.QUOTA_EXCEEDED,
            "There was no time left for this one at the pace that Cognito's quota allows. Repeat "
            "the call for the rest.",
            retry_after=1,
        )

    def _wait_for_turn(self) -> bool:
        """Wait; False, at once, if the turn would come after the deadline. Lost time is not made
        up for in a burst."""
        turn = self._turns.next(max(self._due, self._clock()), self._deadline)
        if turn is None:
            return False
        self._sleep(max(0.0, turn - self._clock()))
        self._due = self._clock() + self._interval
        return True
