"""One call of Cognito for each of many devices or sessions, at a pace that its quota allows."""

import math
import threading
import time
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Protocol, TypeVar
from weakref import WeakValueDictionary

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
NO_TURN = (
    "Too many such calls are under way at the pace that Cognito's quota allows. Nothing was "
    "changed; repeat the call."
)
NOT_ALONE = "Another such call of this sign-in is under way. Nothing was changed; repeat the call."
HAS_LEFT = "Not begun: the caller had left. Nothing was changed."
NOT_TRIED = "Not tried: time ran out. Repeat the call for the rest."


class Bulk:
    """The runs over many of this process.

    `per_second`: calls of Cognito that all runs together make, the reading of lists included. Each
    run asks for one turn at a time, so that users share it evenly and leave the rest of the quota
    to other calls. `deadline`: seconds after which a run begins no further call, and reports the
    rest as failed. `clock` and `sleep` are `time`'s; tests may pass their own.
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
        self._lines = WeakValueDictionary[str, _Line]()
        self._under_way = set[tuple[str, str]]()

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
        has_left: Callable[[], bool] = lambda: False,
    ) -> Report:
        """`admit` the call or refuse it, list, `choose` ids, and `call` for each in turn. All of it
        is audited as `event`.

        The same run (`event`, `what` and `reason`) of the very same token that is under way is
        joined, and its report is this caller's, too. A run of another token is its own. Of one
        sign-in there is one run over devices and one over sessions at a time; users take turns. So
        no user's runs keep another's, and no stolen token's keep its owner's, from going on.

        `has_left`: whether the caller has gone before the run's first turn; then it does not begin.

        Raises:
            ServiceError: it was refused, or they could not be listed; nothing was changed.
                `invalid-parameter` when the list changed meanwhile, `upstream-timeout` when it
                takes too long, `rate-limited` while another run of the sign-in is under way,
                `quota-exceeded` when no turn came.
        """
        with self._flights.join(token.value, (event, what, reason)) as flight:
            if flight.is_first:
                deadline, line = self._clock() + self._seconds, self._line_of(token.sub)

                def first_or_next_page(cursor: str | None) -> Page[Item]:
                    if cursor is None and has_left():
                        raise ServiceError(ErrorCode.UPSTREAM_UNAVAILABLE, HAS_LEFT, retry_after=1)
                    return page_at(cursor)

                with self._one_at_a_time((token.sign_in, event)) as is_alone:
                    try:
                        if not is_alone:
                            raise ServiceError(ErrorCode.RATE_LIMITED, NOT_ALONE, retry_after=1)
                        admit()
                        ids = dict.fromkeys(choose(self._list(first_or_next_page, deadline, line)))
                    except ServiceError as error:
                        self._audit.record(event, token, None, error.code.value, reason)
                        raise

                    def in_turn(one: str) -> None:
                        with audited(self._audit, event, token, one, reason):
                            self._in_turn(partial(call, one), deadline, line)

                    flight.result = _each(ids, in_turn)
        return flight.result

    def _line_of(self, sub: str) -> "_Line":
        return self._lines.setdefault(sub, _Line())

    @contextmanager
    def _one_at_a_time(self, who: tuple[str, str]) -> Iterator[bool]:
        """Whether no other run of this sign-in, over the same kind, is under way."""
        if who in self._under_way:
            yield False
            return
        self._under_way.add(who)
        try:
            yield True
        finally:
            self._under_way.remove(who)

    def _list(
        self, page_at: Callable[[str | None], Page[Item]], deadline: float, line: "_Line"
    ) -> Iterator[Item]:
        """Every item, read before anything is changed: a cursor does not survive the removal of
        what it points at."""
        cursor, seen = None, set[str]()
        while True:
            try:
                page = self._in_turn(partial(page_at, cursor), deadline, line)
            except ServiceError as error:
                if error.code is ErrorCode.QUOTA_EXCEEDED:
                    if self._clock() >= deadline:
                        raise ServiceError(ErrorCode.UPSTREAM_TIMEOUT, TOOK_TOO_LONG) from None
                    raise ServiceError(error.code, NO_TURN, retry_after=error.retry_after) from None
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

    def _in_turn(self, call: Callable[[], Answer], deadline: float, line: "_Line") -> Answer:
        """`call` at the next turn, and again while Cognito's quota is used up and there is time."""
        earliest = self._clock()
        while earliest <= deadline and self._wait_for_turn(earliest, deadline, line):
            try:
                return call()
            except ServiceError as error:
                if error.code is not ErrorCode.QUOTA_EXCEEDED:
                    raise
                earliest = self._clock() + (error.retry_after or 1)
        raise ServiceError(ErrorCode.QUOTA_EXCEEDED, NOT_TRIED, retry_after=1)

    def _wait_for_turn(self, earliest: float, deadline: float, line: "_Line") -> bool:
        """Whether a turn has come. One run of each user waits for a turn at a time, so that users
        take turns however many runs each has."""
        self._sleep(max(0.0, earliest - self._clock()))
        if not line.lock.acquire(timeout=max(0.0, deadline - self._clock())):
            return False
        try:
            turn = max(self._next_turn, self._clock())
            if turn > deadline:
                return False
            self._next_turn = turn + self._interval
            self._sleep(max(0.0, turn - self._clock()))
        finally:
            line.lock.release()
        return True


class _Line:
    """Where the runs of one user wait."""

    def __init__(self) -> None:
        self.lock = threading.Lock()


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
