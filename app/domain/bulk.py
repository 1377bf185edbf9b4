"""One call of Cognito for each of many devices or sessions, at a pace that its quota allows."""

import math
import time
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Protocol, TypeVar

from app.domain.access_token import AccessToken
from app.domain.audit import AuditTrail, Reason, audited
from app.domain.errors import ErrorCode, ServiceError
from app.domain.flights import Flights

Item = TypeVar("Item")
ItemOfPage = TypeVar("ItemOfPage", covariant=True)
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Failed:
    """One that could not be done, and why."""

    id: str
    error: ServiceError


@dataclass(frozen=True, slots=True)
class Report:
    """What a run did, in the order that was tried."""

    done: tuple[str, ...]
    failed: tuple[Failed, ...]


class Page(Protocol[ItemOfPage]):
    """A page of a list of Cognito's."""

    @property
    def items(self) -> Iterable[ItemOfPage]: ...

    @property
    def next_cursor(self) -> str | None: ...


TOOK_TOO_LONG = (
    "Amazon Cognito took too long to answer the list. Nothing was changed; repeat the call."
)
NOT_TRIED = "Not tried: time ran out. Repeat the call for the rest."


class Bulk:
    """The runs over many of this process.

    `per_second`: calls of Cognito that all runs together make, the reading of lists included. Each
    run asks for one turn at a time, so that they share it evenly and leave the rest of the quota to
    other calls. `deadline`: seconds after which a run begins no further call, and reports the rest
    as failed. `clock` and `sleep` are `time`'s; tests may pass their own.
    """

    def __init__(
        self,
        audit: AuditTrail,
        *,
        per_second: float,
        deadline: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._audit = audit
        self._interval = 1 / per_second
        self._seconds = deadline
        self._clock = clock
        self._sleep = sleep
        self._next_turn = -math.inf
        self._flights = Flights[Report]()

    def run(
        self,
        token: AccessToken,
        event: str,
        *,
        what: Hashable,
        reason: Reason | None = None,
        page_at: Callable[[str | None], Page[Item]],
        choose: Callable[[Iterable[Item]], Iterable[str]],
        call: Callable[[str], None],
        admit: Callable[[], None] = lambda: None,
    ) -> Report:
        """`admit` the call or refuse it, list, `choose` ids, and `call` for each in turn. All of it
        is audited as `event`.

        The same run (`event`, `what` and `reason`) of the very same token that is under way is
        joined, and its report is this caller's, too. A run of another token is its own.

        Raises:
            ServiceError: it was refused, or they could not be listed; nothing was changed.
                `invalid-parameter` when the list changed meanwhile, `upstream-timeout` when it
                takes too long.
        """
        with self._flights.join(token.value, (event, what, reason)) as flight:
            if flight.is_first:
                deadline = self._clock() + self._seconds
                try:
                    admit()
                    ids = dict.fromkeys(choose(self._list(page_at, deadline)))
                except ServiceError as error:
                    self._audit.record(event, token, None, error.code.value, reason)
                    raise

                def in_turn(one: str) -> None:
                    with audited(self._audit, event, token, one, reason):
                        self._in_turn(partial(call, one), deadline)

                flight.result = _each(ids, in_turn)
        return flight.result

    def _list(self, page_at: Callable[[str | None], Page[Item]], deadline: float) -> Iterator[Item]:
        """Every item, read before anything is changed: a cursor does not survive the removal of
        what it points at."""
        cursor, seen = None, set[str]()
        while True:
            try:
                page = self._in_turn(partial(page_at, cursor), deadline)
            except ServiceError as error:
                if error.code is ErrorCode.QUOTA_EXCEEDED and error.detail == NOT_TRIED:
                    raise ServiceError(ErrorCode.UPSTREAM_TIMEOUT, TOOK_TOO_LONG) from None
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

    def _in_turn(self, call: Callable[[], Answer], deadline: float) -> Answer:
        """`call` at the next turn, and again while Cognito's quota is used up and there is time."""
        earliest = self._clock()
        while (turn := max(earliest, self._next_turn, self._clock())) <= deadline:
            self._next_turn = turn + self._interval
            self._sleep(max(0.0, turn - self._clock()))
            try:
                return call()
            except ServiceError as error:
                if error.code is not ErrorCode.QUOTA_EXCEEDED:
                    raise
                earliest = self._clock() + (error.retry_after or 1)
        raise ServiceError(ErrorCode.QUOTA_EXCEEDED, NOT_TRIED, retry_after=1)


def _each(ids: Iterable[str], call: Callable[[str], None]) -> Report:
    done: list[str] = []
    failed: list[Failed] = []
    for one in ids:
        try:
            call(one)
        except ServiceError as error:
            failed.append(Failed(one, error))
        else:
            done.append(one)
    return Report(tuple(done), tuple(failed))
