"""`make soak`: does the service stay as it is? Memory, open files, threads and errors over time.

A few users live through every call of the API over and over, at a steady pace, while each worker is
looked at from outside. SOAK_SECONDS (default 600) is how long; the first quarter is for warming up
and not judged. Ends with 1 if memory or files grow, or if any call fails.
"""

import base64
import itertools
import os
import secrets
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from statistics import linear_regression, mean

import psutil
import requests

from local_cognito.process import RunningCognito, running
from tests.servers import Service, serving, settings_for

SOAK_SECONDS = float(os.environ.get("SOAK_SECONDS", "600"))
SAMPLES = 60
ROWS = 12
USERS = 4
PAUSE_SECONDS = 0.03

GROWTH_ALLOWED = 0.03
"""Of a worker's memory, over the judged time: noise of the allocator's, no leak."""
FILES_ALLOWED = 3
"""A connection more or less is open when one looks."""

SMALL_TOKEN_CACHE = {"TOKEN_CACHE_SIZE": "100"}
"""Full before the judged time begins: a cache that fills is no leak."""

MIB = 1024 * 1024


@dataclass
class Life:
    """One user, who signs in from device after device and tidies up."""

    cognito: RunningCognito
    url: str
    username: str
    answers: Counter[str] = field(default_factory=Counter)
    unexpected: list[str] = field(default_factory=list)

    def go_on_until(self, over: threading.Event) -> None:
        with requests.Session() as session:
            session.trust_env = False
            for secret_by_service in itertools.cycle((False, True)):
                if over.is_set():
                    return
                try:
                    self._once(session, over, secret_by_service)
                except requests.RequestException as error:
                    self.unexpected.append(type(error).__name__)

    def _once(
        self, session: requests.Session, over: threading.Event, secret_by_service: bool
    ) -> None:
        """Every call of the API, as a user's two devices make them."""
        made = self.cognito.control("POST", "/_local/tokens", username=self.username)
        token, key = made["token"], made["claims"]["device_key"]
        secret = (
            {"deviceGroupKey": "-abcdefgh"}
            if secret_by_service
            else {"secretVerifier": {"passwordVerifier": _random(380), "salt": _random(16)}}
        )
        other = self.cognito.control(
            "POST", "/_local/sign-in", username=self.username, device_name="Other"
        )["device_key"]
        for method, path, body, expected in (
            ("POST", "/devices", {"deviceKey": key, "name": "Soaked"} | secret, 201),
            ("GET", "/devices", None, 200),
            ("GET", "/devices?limit=1", None, 200),
            ("GET", f"/devices/{key}", None, 200),
            ("GET", "/devices/current", None, 200),
            ("PATCH", f"/devices/{other}", {"status": "not_remembered"}, 200),
            ("GET", f"/devices/{other}", None, 404),
            ("PATCH", "/devices/current", {"status": "remembered"}, 200),
            ("POST", "/devices", {"deviceKey": "nonsense"}, 422),
            ("DELETE", f"/devices/{other}", None, 204),
            ("DELETE", "/devices?scope=others", None, 200),
            ("DELETE", "/devices/current", None, 204),
            ("GET", "/healthz", None, 200),
            ("GET", "/metrics", None, 200),
            ("POST", "/devices/sign-out", None, 204),
            ("GET", "/devices", None, 401),
        ):
            answer = session.request(
                method,
                self.url + path,
                json=body,
                headers={"Authorization": f"Bearer {token}"},
                timeout=15,
            )
            self.answers[str(answer.status_code)] += 1
            if answer.status_code != expected:
                self.unexpected.append(f"{method} {path}: {answer.status_code} {answer.text}")
            over.wait(PAUSE_SECONDS)


def _random(size: int) -> str:
    return base64.b64encode(secrets.token_bytes(size)).decode()


@dataclass(frozen=True)
class Sample:
    """A worker at one moment: seconds since the start, bytes, open files, threads."""

    seconds: float
    memory: int
    files: int
    threads: int


def look_at(service: Service, begun: float) -> dict[int, Sample]:
    """Each worker as it is now, by its process id."""
    samples = {}
    for worker in psutil.Process(service.process.pid).children():
        with worker.oneshot():
            samples[worker.pid] = Sample(
                time.monotonic() - begun,
                worker.memory_info().rss,
                worker.num_fds(),
                worker.num_threads(),
            )
    return samples


def main() -> int:
    """Soak, show, judge."""
    with running() as cognito:
        lives = []
        settings = settings_for(cognito) | SMALL_TOKEN_CACHE
        with serving(settings) as service:
            over = threading.Event()
            for number in range(USERS):
                username = f"soaked-{number}"
                user = {"username": username, "password": secrets.token_hex() + "-Aa1"}
                cognito.control("POST", "/_local/users", **user)
                lives.append(Life(cognito, service.url, username))
            threads = [
                threading.Thread(target=life.go_on_until, args=(over,), daemon=True)
                for life in lives
            ]
            for thread in threads:
                thread.start()
            history = _watch(service)
            over.set()
            for thread in threads:
                thread.join(30)
            exit_code = service.terminate()
    _show(history)
    return _judge(history, lives, exit_code)


def _watch(service: Service) -> list[dict[int, Sample]]:
    begun = time.monotonic()
    history = []
    for number in range(1, SAMPLES + 1):
        time.sleep(max(0.0, begun + number * SOAK_SECONDS / SAMPLES - time.monotonic()))
        history.append(look_at(service, begun))
    return history


def _show(history: list[dict[int, Sample]]) -> None:
    print(f"{'time':>7} | " + " | ".join(f"worker {pid:<24}" for pid in history[0]))
    for samples in history[SAMPLES // ROWS - 1 :: SAMPLES // ROWS]:
        cells = [
            f"{one.memory / MIB:6.1f} MiB {one.files:3} files {one.threads:3} threads"
            for one in samples.values()
        ]
        moment = next(iter(samples.values())).seconds
        print(f"{moment:5.0f} s | " + " | ".join(cells))


def _judge(history: list[dict[int, Sample]], lives: list[Life], exit_code: int) -> int:
    answers = sum((life.answers for life in lives), Counter())
    unexpected = [what for life in lives for what in life.unexpected]
    print(f"\n{answers.total()} calls: " + ", ".join(f"{n} x {s}" for s, n in answers.items()))
    verdicts = [
        ("no unexpected answer", not unexpected, "; ".join(unexpected[:3])),
        ("no worker replaced", len({pid for at in history for pid in at}) == len(history[0]), ""),
        ("exit code 0", exit_code == 0, str(exit_code)),
    ]
    judged = history[SAMPLES // 4 :]
    for pid in history[0]:
        samples = [at[pid] for at in judged if pid in at]
        trend = linear_regression(
            [one.seconds for one in samples], [float(one.memory) for one in samples]
        )
        growth = trend.slope * (samples[-1].seconds - samples[0].seconds)
        share = growth / samples[0].memory
        third = len(samples) // 3
        files = mean(one.files for one in samples[-third:]) - mean(
            one.files for one in samples[:third]
        )
        verdicts += [
            (
                f"memory of worker {pid} flat",
                share < GROWTH_ALLOWED,
                f"{growth / MIB:+.2f} MiB in {samples[-1].seconds - samples[0].seconds:.0f} s, "
                f"{share:+.1%}",
            ),
            (f"open files of worker {pid} flat", files < FILES_ALLOWED, f"{files:+.1f}"),
        ]
    for what, kept, detail in verdicts:
        print(f"{'ok ' if kept else 'NOT'} {what}" + (f" ({detail})" if detail else ""))
    return 0 if all(kept for _, kept, _ in verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
