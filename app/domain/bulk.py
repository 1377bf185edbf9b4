"""One call of Cognito for each of many devices or sessions, at a pace that its quota allows."""

import math
import threading
import time
from collections.abc import Callable, Hashable, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol, TypeVar
from weakref import WeakValueDictionary

from app.domain.access_token import AccessToken
from app.domain.audit import AuditTrail, Reason, audited
from app.domain.errors import ErrorCode, ServiceError

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


TOOK_TOO_LONG = "Amazon Cognito took too long to answer the list."
NO_TURN = "Too many such calls are under way at the pace that Cognito's quota allows."
NOT_ALONE = "Another such call of this sign-in is under way."
NOT_TRIED = "Not tried: time ran out. Repeat the call for the rest."


@dataclass
class _Run:
    """A run under way. `asked`: by which token, and for what."""

    asked: Hashable
    report: Future[Report] = field(default_factory=Future)


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
        self._under_way: dict[tuple[str, str], _Run] = {}
        self._lines = WeakValueDictionary[str, threading.Lock]()

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
        key, mine = (token.sign_in, event), _Run((token.value, what, reason))
        under_way = self._under_way.setdefault(key, mine)
        if under_way is not mine and under_way.asked == mine.asked:
            return under_way.report.result()

        deadline = self._clock() + self._seconds
        in_turn = partial(
            self._in_turn, deadline, self._lines.setdefault(token.sub, threading.Lock())
        )

        def page_in_turn(cursor: str | None) -> Page[Item]:
            def ask() -> Page[Item]:
                if cursor is None and has_left():
                    raise _refusal(ErrorCode.UPSTREAM_UNAVAILABLE, "The caller had left.")
                return page_at(cursor)

            try:
                return in_turn(ask)
            except ServiceError as error:
                if error.code is ErrorCode.INVALID_PARAMETER:
                    raise _refusal(error.code, "The list changed while it was read.") from None
                if error.code is not ErrorCode.QUOTA_EXCEEDED:
                    raise
                if self._clock() >= deadline:
                    raise _refusal(ErrorCode.UPSTREAM_TIMEOUT, TOOK_TOO_LONG) from None
                raise _refusal(error.code, NO_TURN) from None

        try:
            try:
                if under_way is not mine:
                    raise _refusal(ErrorCode.RATE_LIMITED, NOT_ALONE)
                admit()
                ids = dict.fromkeys(choose(_all_items(page_in_turn)))
            except ServiceError as error:
                self._audit.record(event, token, None, error.code.value, reason)
                raise
            done: list[str] = []
            failed: list[Failed] = []
            for one in ids:
                try:
                    with audited(self._audit, event, token, one, reason):
                        in_turn(partial(call, one))
                    done.append(one)
                except ServiceError as error:
                    failed.append(Failed(one, error))
            mine.report.set_result(Report(tuple(done), tuple(failed)))
        except BaseException as error:
            mine.report.set_exception(error)
        finally:
            if under_way is mine:
                del self._under_way[key]
        return mine.report.result()

    def _in_turn(self, deadline: float, line: threading.Lock, call: Callable[[], Answer]) -> Answer:
        """`call` at the next turn, and again while Cognito's quota is used up and there is time."""
        earliest = self._clock()
        while earliest <= deadline:
            self._sleep(max(0.0, earliest - self._clock()))
            if not self._has_turn(deadline, line):
                break
            try:
                return call()
            except ServiceError as error:
                if error.code is not ErrorCode.QUOTA_EXCEEDED:
                    raise
                earliest = self._clock() + (error.retry_after or 1)
        raise ServiceError(ErrorCode.QUOTA_EXCEEDED, NOT_TRIED, retry_after=1)

    def _has_turn(self, deadline: float, line: threading.Lock) -> bool:
        """Whether a turn has come. One run of each user waits for a turn at a time, so that users
        take turns however many runs each has."""
        if not line.acquire(timeout=max(0.0, deadline - self._clock())):
            return False
        try:
            turn = max(self._next_turn, self._clock())
            if turn <= deadline:
                self._next_turn = turn + self._interval
                self._sleep(max(0.0, turn - self._clock()))
            return turn <= deadline
        finally:
            line.release()


def _all_items(page_at: Callable[[str | None], Page[Item]]) -> Iterator[Item]:
    """Every item, read before anything is changed: a cursor does not survive the removal of what it
    points at."""
    cursor, seen = None, set[str]()
    while True:
        page = page_at(cursor)
        yield from page.items
        cursor = page.next_cursor
        if cursor is None or cursor in seen:  # a cursor that comes again leads nowhere
            return
        seen.add(cursor)


def _refusal(code: ErrorCode, why: str) -> ServiceError:
    retry_after = 1 if code.status in (429, 503) else None
    return ServiceError(
        code, f"{why} Nothing was changed; repeat the call.", retry_after=retry_after
    )
