"""Counters: shared through Redis, kept here while it is away; with a real Redis that is killed."""

import signal
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from socketserver import BaseRequestHandler, ThreadingTCPServer

import pytest
import structlog
from limits.storage import Storage
from prometheus_client import REGISTRY

from app import counters
from app.counters import counters_at
from tests.redis_server import RedisServer

KEY = "somebody's calls"


def open_at(redis_url: str | None) -> Storage:
    return counters_at(redis_url).open()


def redis_failures() -> float:
    return REGISTRY.get_sample_value("device_bff_redis_failures_total") or 0.0


def count_to(number: int, *storages: Storage) -> None:
    for _ in range(number):
        for storage in storages:
            storage.incr(KEY, 60)


# Without Redis


def test_without_redis_the_log_says_that_limits_are_per_process() -> None:
    with structlog.testing.capture_logs() as logged:
        open_at(None)
    (line,) = logged
    assert (line["event"], line["log_level"]) == ("limits_are_per_process", "warning")


def test_with_redis_it_does_not(redis: RedisServer) -> None:
    with structlog.testing.capture_logs() as logged:
        open_at(redis.url)
    assert logged == []


@pytest.fixture(params=["process", "Redis"])
def storage(request: pytest.FixtureRequest) -> Storage:
    """Each of the two places that calls are counted in."""
    if request.param == "process":
        return open_at(None)
    redis: RedisServer = request.getfixturevalue("redis")
    return open_at(redis.url)


def test_it_counts_until_the_count_expires(storage: Storage) -> None:
    started = time.time()
    assert [storage.incr(KEY, 1) for _ in range(3)] == [1, 2, 3]
    assert storage.get(KEY) == 3
    assert storage.get_expiry(KEY) == pytest.approx(started + 1, abs=0.2)
    time.sleep(max(0.0, storage.get_expiry(KEY) - time.time()) + 0.05)
    assert storage.get(KEY) == 0
    assert storage.incr(KEY, 1) == 1


def test_it_counts_several_at_once(storage: Storage) -> None:
    assert storage.incr(KEY, 60, amount=5) == 5
    assert storage.get(KEY) == 5


def test_keys_are_counted_apart(storage: Storage) -> None:
    storage.incr(KEY, 60)
    assert storage.get("somebody else's") == 0


def test_a_count_can_be_cleared(storage: Storage) -> None:
    count_to(2, storage)
    storage.clear(KEY)
    assert storage.get(KEY) == 0
    storage.clear("never counted")


def test_all_counts_can_be_cleared(storage: Storage) -> None:
    count_to(2, storage)
    assert storage.reset() == 1
    assert storage.get(KEY) == 0


def test_it_can_be_asked_whether_it_is_there(storage: Storage) -> None:
    assert storage.check() is True


def test_no_count_is_lost_between_threads(storage: Storage) -> None:
    with ThreadPoolExecutor(8) as threads:
        counts = list(threads.map(lambda _: storage.incr(KEY, 60), range(200)))
    assert sorted(counts) == list(range(1, 201))


# With Redis


def test_what_one_counts_the_other_sees(redis: RedisServer) -> None:
    one, other = open_at(redis.url), open_at(redis.url)
    count_to(2, one, other)
    assert one.get(KEY) == other.get(KEY) == 4


def test_without_redis_each_counts_for_itself() -> None:
    one, other = open_at(None), open_at(None)
    count_to(2, one)
    assert (one.get(KEY), other.get(KEY)) == (2, 0)


# Redis goes away


def test_counting_goes_on_when_redis_is_killed(redis: RedisServer) -> None:
    storage = open_at(redis.url)
    count_to(2, storage)
    redis.kill()
    assert [storage.incr(KEY, 60) for _ in range(3)] == [1, 2, 3]
    assert storage.get(KEY) == 3
    assert storage.get_expiry(KEY) > time.time()
    storage.clear(KEY)
    assert storage.get(KEY) == 0
    assert storage.check() is False


def test_a_log_line_and_a_metric_say_so_once(redis: RedisServer) -> None:
    storage = open_at(redis.url)
    count_to(1, storage)
    redis.kill()
    failures = redis_failures()
    with structlog.testing.capture_logs() as logged:
        count_to(5, storage)
    assert redis_failures() == failures + 1
    (line,) = logged
    assert (line["event"], line["log_level"]) == ("redis_away", "warning")
    assert redis.url not in str(line), "it may hold a password"


def test_the_time_out_is_not_paid_by_every_call(redis: RedisServer) -> None:
    storage = open_at(redis.url)
    redis.kill()
    started = time.monotonic()
    count_to(100, storage)
    assert time.monotonic() - started < 2 * counters.REDIS_TIMEOUT + 1


def test_it_starts_with_redis_away(redis: RedisServer) -> None:
    redis.kill()
    storage = open_at(redis.url)
    assert storage.incr(KEY, 60) == 1


@pytest.mark.parametrize(
    "answer",
    [b":abc\r\n", b"+OK\r\n", b"$-1\r\n", b"*-1\r\n", b"\xff\xfe\xfd\r\n", b"HTTP/1.1 400\r\n"],
)
def test_what_answers_as_no_redis_does_is_as_good_as_away(answer: bytes) -> None:
    class Odd(BaseRequestHandler):
        def handle(self) -> None:
            while self.request.recv(65536):
                self.request.sendall(answer)

    with ThreadingTCPServer(("127.0.0.1", 0), Odd) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        storage = open_at(f"redis://127.0.0.1:{server.server_address[1]}")
        assert [storage.incr(KEY, 60) for _ in range(2)] == [1, 2]
        server.shutdown()


def test_a_name_that_is_none_is_as_good_as_away() -> None:
    storage = open_at("redis://a..b")
    assert [storage.incr(KEY, 60) for _ in range(2)] == [1, 2]


def test_redis_is_used_again_once_it_is_back(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counters, "REDIS_PAUSE", 0.05)
    storage = open_at(redis.url)
    redis.kill()
    count_to(2, storage)
    redis.start()
    with structlog.testing.capture_logs() as logged:
        deadline = time.monotonic() + 10
        while open_at(redis.url).get(KEY) == 0:
            assert time.monotonic() < deadline
            count_to(1, storage)
            time.sleep(0.01)
    assert "redis_back" in [line["event"] for line in logged]
    assert storage.check() is True


def test_a_hanging_redis_is_given_up_on_in_time(redis: RedisServer) -> None:
    storage = open_at(redis.url)
    count_to(1, storage)
    assert redis.process is not None
    redis.process.send_signal(signal.SIGSTOP)
    try:
        started = time.monotonic()
        assert storage.incr(KEY, 60) == 1
        assert time.monotonic() - started < 4 * counters.REDIS_TIMEOUT + 1
    finally:
        redis.process.send_signal(signal.SIGCONT)


def test_a_hanging_lookup_of_its_name_is_given_up_on_in_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answered = threading.Event()

    def hang(*_: object, **__: object) -> None:
        answered.wait(10)
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    storage = open_at("redis://redis.example:6379/0")
    callers = 8
    started = time.monotonic()
    try:
        with ThreadPoolExecutor(callers) as threads:
            counts = list(threads.map(lambda _: storage.incr(KEY, 60), range(5 * callers)))
        assert time.monotonic() - started < 2 * counters.REDIS_TIMEOUT + 1
    finally:
        answered.set()
    assert sorted(counts) == list(range(1, 5 * callers + 1))


def test_a_lastingly_slow_redis_is_left_alone_until_it_is_quick(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counters, "REDIS_PAUSE", 0.0)
    storage = open_at(redis.url)
    count_to(1, storage)
    with monkeypatch.context() as slow, structlog.testing.capture_logs() as logged:
        slow.setattr(counters, "REDIS_SLOW", 0.0)
        count_to(counters.REDIS_SLOW_ANSWERS - 1, storage)
        assert logged == []
        count_to(counters.REDIS_SLOW_ANSWERS, storage)
        assert [line["event"] for line in logged] == ["redis_away"]
    with structlog.testing.capture_logs() as logged:
        count_to(2, storage)
    assert [line["event"] for line in logged] == ["redis_back"]
