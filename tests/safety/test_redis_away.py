"""Redis is for sharing limits, not for serving: without it, calls go on."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from local_cognito.process import RunningCognito
from tests.redis_server import RedisServer
from tests.safety.calls import SignedIn, call, log_lines, metric, until
from tests.safety.conftest import service_with
from tests.servers import Service

FAILURES = "device_bff_redis_failures_total"
CALLERS = 8
REDIS_TIMEOUT = 0.25
REDIS_PAUSE = 5


@pytest.fixture
def counting(cognito: RunningCognito, redis: RedisServer) -> Iterator[Service]:
    """A service that counts in a Redis of its own."""
    with service_with(cognito, REDIS_URL=redis.url) as service:
        yield service


class Load:
    """Callers who call without a pause, until told to stop."""

    def __init__(self, service: Service, user: SignedIn) -> None:
        self._service, self._user = service, user
        self._stop = threading.Event()
        self.statuses: list[int] = []
        self._pool = ThreadPoolExecutor(CALLERS)
        self._callers = [self._pool.submit(self._call) for _ in range(CALLERS)]

    def _call(self) -> None:
        while not self._stop.is_set():
            answer = call(f"{self._service.url}/devices", headers=self._user.bearer)
            self.statuses.append(answer.status_code)

    def carry_on(self, calls: int) -> None:
        goal = len(self.statuses) + calls
        until(lambda: len(self.statuses) >= goal)

    def stop(self) -> None:
        self._stop.set()
        for caller in self._callers:
            caller.result(20)
        self._pool.shutdown()


@pytest.fixture
def load(counting: Service, user: SignedIn) -> Iterator[Callable[[], Load]]:
    running: list[Load] = []

    def start() -> Load:
        running.append(Load(counting, user))
        return running[0]

    yield start
    for one in running:
        one.stop()


def test_redis_killed_in_the_middle_of_a_load_fails_no_call(
    counting: Service, redis: RedisServer, load: Callable[[], Load]
) -> None:
    callers = load()
    callers.carry_on(100)
    redis.kill()
    callers.carry_on(200)
    assert metric(counting.url, FAILURES) >= 1
    assert len(log_lines(counting.logs(), event="redis_away", level="warning")) == 1

    redis.start()
    until(lambda: log_lines(counting.logs(), event="redis_back"))
    failures = metric(counting.url, FAILURES)
    callers.carry_on(100)
    callers.stop()
    assert set(callers.statuses) == {200}
    assert metric(counting.url, FAILURES) == failures


def test_a_redis_that_hangs_is_waited_for_once(
    counting: Service, redis: RedisServer, user: SignedIn
) -> None:
    assert call(f"{counting.url}/devices", headers=user.bearer).status_code == 200
    assert redis.process is not None
    redis.process.send_signal(signal.SIGSTOP)
    try:
        calls = 20
        started = time.monotonic()
        for _ in range(calls):
            assert call(f"{counting.url}/devices", headers=user.bearer).status_code == 200
        assert REDIS_TIMEOUT < time.monotonic() - started < calls * REDIS_TIMEOUT / 2
        assert metric(counting.url, FAILURES) == 1
    finally:
        redis.process.send_signal(signal.SIGCONT)


def test_while_it_hangs_one_call_after_each_pause_finds_out(
    counting: Service, redis: RedisServer, load: Callable[[], Load]
) -> None:
    callers = load()
    callers.carry_on(50)
    assert redis.process is not None
    redis.process.send_signal(signal.SIGSTOP)
    try:
        until(lambda: metric(counting.url, FAILURES) >= 1)
        callers.carry_on(50)
        first = metric(counting.url, FAILURES)
        assert first <= CALLERS
        until(lambda: metric(counting.url, FAILURES) > first, REDIS_PAUSE + 3)
        callers.carry_on(50)
        assert metric(counting.url, FAILURES) == first + 1
    finally:
        redis.process.send_signal(signal.SIGCONT)
    callers.stop()
    assert set(callers.statuses) == {200}


def test_without_redis_it_starts_limits_within_the_process_and_finds_it_later(
    cognito: RunningCognito, redis: RedisServer, user: SignedIn
) -> None:
    redis.kill()
    with service_with(cognito, REDIS_URL=redis.url, RATE_LIMIT_PER_USER="5 per minute") as service:

        def status() -> int:
            return call(f"{service.url}/devices", headers=user.bearer).status_code

        assert [status() for _ in range(7)] == [200] * 5 + [429] * 2
        redis.start()
        until(lambda: status() and log_lines(service.logs(), event="redis_back"))
        assert [status() for _ in range(7)][-1] == 429
