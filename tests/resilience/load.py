"""Steady load by many users, every answer checked: its shape, and that it is its caller's own."""

import itertools
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import requests

from local_cognito.process import RunningCognito

PAUSE_SECONDS = 0.02
"""Between two calls of one caller: load is steady and leaves the machine to breathe."""

CLIENT_TIMEOUT = 15
"""Seconds after which a caller gives up: far beyond any deadline of the service's."""

STEADY_CALLS = 3
"""As many successes of every caller on end, and things are as they were."""

NO_ANSWER = 0

PROBLEM_MEMBERS = {"type", "title", "status", "detail", "instance", "code", "requestId"}
WITH_RETRY_AFTER = {"rate-limited", "quota-exceeded", "upstream-unavailable"}
"""The problems that say when to come back: the contract's table."""


@dataclass(frozen=True)
class Caller:
    """A user, the token of one sign-in, and all the devices they have."""

    username: str
    token: str
    current: str
    devices: frozenset[str]

    @property
    def device_name(self) -> str:
        return f"device of {self.username}"

    def marks(self) -> set[str]:
        """What no answer to anybody else may hold."""
        return {self.username, *self.devices}


class Call(NamedTuple):
    """One call. `status` is `NO_ANSWER` if none came; `code` is the problem's or exception's."""

    begun: float
    ended: float
    status: int
    code: str

    @property
    def failed(self) -> bool:
        return not 200 <= self.status < 300


def sign_in_callers(cognito: RunningCognito, count: int, devices: int = 2) -> list[Caller]:
    """So many new users, each with so many remembered devices named for them."""
    return [_sign_in(cognito, devices) for _ in range(count)]


def _sign_in(cognito: RunningCognito, devices: int) -> Caller:
    username = f"user-{uuid.uuid4()}"
    cognito.control("POST", "/_local/users", username=username, password="Passw0rd-of-a-user")
    sign_ins = cognito.control(
        "POST",
        "/_local/sign-in",
        username=username,
        device_name=f"device of {username}",
        count=devices,
    )["sign_ins"]
    return Caller(
        username,
        sign_ins[-1]["access_token"],
        sign_ins[-1]["device_key"],
        frozenset(one["device_key"] for one in sign_ins),
    )


def _all_of(caller: Caller, body: Any) -> bool:
    """The list is whole and the caller's: not a device more, not one less."""
    return (
        sorted(device["id"] for device in body["items"]) == sorted(caller.devices)
        and {device["name"] for device in body["items"]} == {caller.device_name}
        and [device["id"] for device in body["items"] if device["current"]] == [caller.current]
        and body["nextCursor"] is None
    )


def _current_of(caller: Caller, body: Any) -> bool:
    return bool(
        body["id"] == caller.current and body["name"] == caller.device_name and body["current"]
    )


class Operation(NamedTuple):
    """A call that may be made over and over, and what a success must hold."""

    method: str
    path: str
    json: dict[str, str] | None
    is_right: Callable[[Caller, Any], bool]


LIST = Operation("GET", "/devices", None, _all_of)
CURRENT = Operation("GET", "/devices/current", None, _current_of)
REMEMBER = Operation(
    "PATCH",
    "/devices/current",
    {"status": "remembered"},
    lambda caller, body: body == {"id": caller.current, "status": "remembered", "current": True},
)
EVERY_OPERATION = (LIST, CURRENT, LIST, REMEMBER)


@dataclass
class Load:
    """Callers at work, each on a connection of its own. `wrong` says what should never be."""

    url: str
    callers: list[Caller]
    operations: tuple[Operation, ...] = EVERY_OPERATION
    calls: list[Call] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    cross_talk: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)
    _last: dict[str, list[Call]] = field(default_factory=dict)

    def until_steady(self, since: float = 0.0, within: float = 20.0) -> float:
        """Wait for every caller's success; the seconds from `since` to the last failure's end."""
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            streaks = [self._last.get(caller.username, []) for caller in self.callers]
            if all(self._is_steady(streak, since) for streak in streaks):
                failures = [call.ended for call in list(self.calls) if call.failed]
                return max(0.0, max(failures, default=0.0) - since) if since else 0.0
            time.sleep(0.02)
        raise AssertionError(f"Not steady after {within} s: {self.seen(since)} {self.wrong[:3]}")

    @staticmethod
    def _is_steady(streak: list[Call], since: float) -> bool:
        return len(streak) == STEADY_CALLS and not any(
            call.failed or call.begun < since for call in streak
        )

    def between(self, begin: float, end: float = float("inf")) -> list[Call]:
        """The calls that were begun in that time."""
        return [call for call in list(self.calls) if begin <= call.begun < end]

    def seen(self, begin: float = 0.0) -> dict[str, int]:
        """How often callers were answered what, since then."""
        return dict(Counter(shown(call) for call in self.between(begin)))

    def run(self, caller: Caller) -> None:
        """What one caller does all day."""
        with requests.Session() as session:
            session.trust_env = False
            session.headers["Authorization"] = f"Bearer {caller.token}"
            for operation in itertools.cycle(self.operations):
                if self._stop.is_set():
                    return
                self._keep(caller, self._call(session, caller, operation))
                self._stop.wait(PAUSE_SECONDS)

    def stop(self) -> None:
        self._stop.set()

    def _keep(self, caller: Caller, call: Call) -> None:
        self.calls.append(call)
        streak = self._last.get(caller.username, [])
        self._last[caller.username] = [*streak, call][-STEADY_CALLS:]

    def _call(self, session: requests.Session, caller: Caller, operation: Operation) -> Call:
        request_id = str(uuid.uuid4())
        begun = time.monotonic()
        try:
            response = session.request(
                operation.method,
                self.url + operation.path,
                json=operation.json,
                headers={"X-Request-ID": request_id},
                timeout=CLIENT_TIMEOUT,
            )
        except requests.RequestException as error:
            return Call(begun, time.monotonic(), NO_ANSWER, type(error).__name__)
        ended = time.monotonic()
        self._check_whose(caller, request_id, response)
        if response.ok:
            if not operation.is_right(caller, response.json()):
                self.wrong.append(f"{operation.method} {operation.path}: {response.text}")
            return Call(begun, ended, response.status_code, "")
        complaint = wrong_problem(response, request_id, operation.path)
        if complaint:
            self.wrong.append(complaint)
        return Call(begun, ended, response.status_code, str(response.json().get("code")))

    def _check_whose(self, caller: Caller, request_id: str, response: requests.Response) -> None:
        """The answer is to this request, and names nothing of anybody else's."""
        strangers = (other.marks() for other in self.callers if other is not caller)
        names_a_stranger = any(mark in response.text for mark in itertools.chain(*strangers))
        if names_a_stranger or response.headers.get("X-Request-ID") != request_id:
            self.cross_talk += 1


def shown(call: Call) -> str:
    """`200`, `503 upstream-unavailable`, `no answer (ConnectionError)`."""
    if call.status == NO_ANSWER:
        return f"no answer ({call.code})"
    return f"{call.status} {call.code}".strip()


def wrong_problem(response: requests.Response, request_id: str, path: str) -> str | None:
    """What the contract's problem is not about this answer; None if it is one."""
    what = f"{response.status_code} {response.headers.get('Content-Type')} {response.text[:300]}"
    if response.headers.get("Content-Type") != "application/problem+json":
        return f"not a problem: {what}"
    body = response.json()
    right = (
        set(body) == PROBLEM_MEMBERS
        and body["type"] == f"urn:device-bff:problem:{body['code']}"
        and body["status"] == response.status_code
        and body["requestId"] == request_id
        and body["instance"] == path
        and body["detail"]
    )
    if not right:
        return f"a problem's members: {what}"
    retry_after = response.headers.get("Retry-After")
    if body["code"] in WITH_RETRY_AFTER and not (retry_after or "").isdigit():
        return f"Retry-After is {retry_after}: {what}"
    return None


@contextmanager
def steady_load(
    url: str, callers: list[Caller], operations: tuple[Operation, ...] = EVERY_OPERATION
) -> Iterator[Load]:
    """Load that has become steady, until the end of the block."""
    load = Load(url, callers, operations)
    threads = [
        threading.Thread(target=load.run, args=(caller,), name=caller.username, daemon=True)
        for caller in callers
    ]
    for thread in threads:
        thread.start()
    try:
        load.until_steady()
        yield load
    finally:
        load.stop()
        for thread in threads:
            thread.join(CLIENT_TIMEOUT)
