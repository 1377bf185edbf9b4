"""Steady load by many users, every answer checked: that it is whole, and its caller's own."""

import itertools
import threading
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import requests

from local_cognito.process import RunningCognito
from tests.calls import SignedIn, sign_in
from tests.polling import until

PAUSE_SECONDS = 0.02
CLIENT_TIMEOUT = 30
"""Seconds after which a caller gives up: far beyond any deadline of the service's."""
NO_ANSWER = "no answer"


@dataclass(frozen=True)
class Caller(SignedIn):
    """A user's sign-in, and all the devices they have."""

    devices: frozenset[str]


def sign_in_callers(cognito: RunningCognito, count: int) -> list[Caller]:
    """So many new users, each with two remembered devices."""
    return [_sign_in(cognito) for _ in range(count)]


def _sign_in(cognito: RunningCognito) -> Caller:
    username = f"user-{uuid.uuid4()}"
    cognito.control("POST", "/_local/users", username=username, password="Passw0rd-of-a-user")
    other, own = (sign_in(cognito, username) for _ in range(2))
    return Caller(**vars(own), devices=frozenset((other.device_key, own.device_key)))


@dataclass
class Load:
    """Callers at work, each on a connection of its own.

    `heard`: who was answered what: `200`, `503 upstream-unavailable`, `no answer`.
    `wrong`: what should never be.
    """

    url: str
    callers: list[Caller]
    heard: list[tuple[Caller, str]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)

    def carry_on(self, calls: int = 5) -> set[str]:
        """Wait until every caller has begun and ended so many more; what they heard meanwhile."""
        before = len(self.heard)

        def done() -> bool:
            counts = Counter(caller for caller, _ in self.heard[before:])
            return all(counts[caller] > calls for caller in self.callers)  # one was under way

        until("the load goes on", done)
        return {answer for _, answer in self.heard[before:]}

    def until_well(self) -> None:
        """Wait until every caller is answered 200."""
        until("all is well", lambda: self.carry_on(3) == {"200"})

    def run(self, caller: Caller) -> None:
        with requests.Session() as session:
            session.trust_env = False
            session.headers.update(caller.bearer)
            for path in itertools.cycle(("/devices", "/devices/current")):
                if self.stopping.wait(PAUSE_SECONDS):
                    return
                self.heard.append((caller, self._call(session, caller, path)))

    def _call(self, session: requests.Session, caller: Caller, path: str) -> str:
        request_id = str(uuid.uuid4())
        sent = {"X-Request-ID": request_id}
        try:
            answer = session.get(self.url + path, headers=sent, timeout=CLIENT_TIMEOUT)
        except requests.RequestException:
            return NO_ANSWER
        body = answer.json()
        whose = {answer.headers.get("X-Request-ID"), body.get("requestId", request_id)}
        if answer.ok and path == "/devices":
            right = {one["id"] for one in body["items"]} == caller.devices
        else:
            right = not answer.ok or body["id"] == caller.device_key
        if not right or whose != {request_id}:
            self.wrong.append(f"another's answer: {answer.status_code} {answer.text}")
        return f"{answer.status_code} {body.get('code', '')}".strip()


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
