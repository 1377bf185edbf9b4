"""One call for each of many devices or sessions, at a pace that Cognito's quota allows."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import Protocol, TypeVar

from app.domain.errors import ErrorCode, ServiceError

Item = TypeVar("Item", covariant=True)


@dataclass(frozen=True)
class Pace:
    """How to go about many.

    Cognito allows 25 updates a second for the whole account: `per_second` is one caller's share.
    `deadline`: seconds, listing them included, after which no further call of Cognito begins and
    the rest is reported as failed.
    """

    per_second: float
    deadline: float


@dataclass(frozen=True, slots=True)
class Failed:
    """One that could not be done, and why."""

    id: str
    error: ServiceError


@dataclass(frozen=True, slots=True)
class Report:
    """What came of many, in the order it was tried."""

    done: tuple[str, ...]
    failed: tuple[Failed, ...]


class Page(Protocol[Item]):
    """A page of a list of Cognito's."""

    @property
    def items(self) -> Iterable[Item]: ...

    @property
    def next_cursor(self) -> str | None: ...


class Bulk:
    """One run over many. `clock` and `sleep` (seconds) are `time`'s; tests may pass their own."""

    def __init__(
        self,
        pace: Pace,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._interval = 1 / pace.per_second
        self._clock = clock
        self._sleep = sleep
        self._due = clock()
        self._deadline = clock() + pace.deadline

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
        wait = max(0.0, self._due - self._clock())
        if self._clock() + wait > self._deadline:
            return False
        self._sleep(wait)
        self._due = self._clock() + self._interval
        return True
