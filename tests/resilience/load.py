"""Steady load by many users, every answer checked: that it is whole, and its caller's own."""

import itertools
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

import requests

from local_cognito.process import RunningCognito
from tests.resilience.polling import until

PAUSE_SECONDS = 0.02
CLIENT_TIMEOUT = 30
"""Seconds after which a caller gives up: far beyond any deadline of the service's."""
NO_ANSWER = 0


@dataclass(frozen=True)
class Caller:
    """A user, the token of one sign-in, and all the devices they have."""

    username: str
    token: str
    current: str
    devices: frozenset[str]


class Call(NamedTuple):
    """One call. `status` is `NO_ANSWER` if none came; `code` is the problem's or exception's."""

    caller: str
    begun: float
    status: int
    code: str


def sign_in_callers(cognito: RunningCognito, count: int, devices: int = 2) -> list[Caller]:
    """So many new users, each with so many remembered devices."""
    return [_sign_in(cognito, devices) for _ in range(count)]


def _sign_in(cognito: RunningCognito, devices: int) -> Caller:
    username = f"user-{uuid.uuid4()}"
    cognito.control("POST", "/_local/users", username=username, password="Passw0rd-of-a-user")
    made = cognito.control("POST", "/_local/sign-in", username=username, count=devices)
    keys = [one["device_key"] for one in made["sign_ins"]]
    return Caller(username, made["sign_ins"][-1]["access_token"], keys[-1], frozenset(keys))


@dataclass
class Load:
    """Callers at work, each on a connection of its own. `wrong` says what should never be."""

    url: str
    callers: list[Caller]
    calls: list[Call] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)

    def carry_on(self, calls: int = 5) -> None:
        """Wait until every caller has begun and ended so many more calls."""
        now = time.monotonic()

        def done() -> bool:
            counts = Counter(call.caller for call in self.since(now))
            return all(counts[caller.username] >= calls for caller in self.callers)

        until("the load goes on", done, within=60)

    def until_well(self) -> None:
        """Wait until the last three calls of every caller were answered 200."""

        def well() -> bool:
            calls = list(self.calls)
            last = [
                [call.status for call in calls if call.caller == caller.username][-3:]
                for caller in self.callers
            ]
            return all(statuses == [200] * 3 for statuses in last)

        until("all is well", well, within=60)

    def since(self, moment: float) -> list[Call]:
        return [call for call in list(self.calls) if call.begun >= moment]

    def seen(self, moment: float = 0.0) -> Counter[str]:
        """How often callers were answered what, since then: `200`, `503 upstream-unavailable`."""
        return Counter(f"{call.status} {call.code}".strip() for call in self.since(moment))

    def run(self, caller: Caller) -> None:
        with requests.Session() as session:
            session.trust_env = False
            session.headers["Authorization"] = f"Bearer {caller.token}"
            for path in itertools.cycle(("/devices", "/devices/current")):
                if self.stopping.wait(PAUSE_SECONDS):
                    return
                self.calls.append(self._call(session, caller, path))

    def _call(self, session: requests.Session, caller: Caller, path: str) -> Call:
        request_id, begun = str(uuid.uuid4()), time.monotonic()
        try:
            answer = session.get(
                self.url + path, headers={"X-Request-ID": request_id}, timeout=CLIENT_TIMEOUT
            )
        except requests.RequestException as error:
            return Call(caller.username, begun, NO_ANSWER, type(error).__name__)
        body = answer.json()
        if answer.headers.get("X-Request-ID") != request_id:
            self.wrong.append(f"another call's answer: {answer.text}")
        elif not answer.ok and body.get("requestId") != request_id:
            self.wrong.append(f"no problem: {answer.status_code} {answer.text}")
        elif answer.ok:
            shown = {one["id"] for one in body["items"]} if path == "/devices" else {body["id"]}
            own = caller.devices if path == "/devices" else {caller.current}
            if shown != own:
                self.wrong.append(f"another user's answer: {answer.text}")
        return Call(caller.username, begun, answer.status_code, body.get("code", ""))


@contextmanager
def steady_load(url: str, callers: list[Caller]) -> Iterator[Load]:
    """Load that has become steady, until the end of the block."""
    load = Load(url, callers)
    threads = [threading.Thread(target=load.run, args=(one,), daemon=True) for one in callers]
    for thread in threads:
        thread.start()
    try:
        load.until_well()
        yield load
    finally:
        load.stopping.set()
        for thread in threads:
            thread.join(CLIENT_TIMEOUT)
    assert load.wrong == []
