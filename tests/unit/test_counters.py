"""Counts in this process, also while Redis is away. With Redis: tests/resilience."""

import socket
import threading
from collections.abc import Iterator
from socketserver import BaseRequestHandler, ThreadingTCPServer

import gevent
import pytest
import structlog
from limits import RateLimitItem, parse
from prometheus_client import REGISTRY

from app.counters import Counters, Window, Windows


class Clock:
    """Seconds, which tests move."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def allowed(counters: Counters) -> list[bool]:
    """Which of four calls were within three an hour."""
    return [counters.hit(parse("3 per hour"), "somebody").allowed for _ in range(4)]


def test_a_window_ends_when_its_limit_says_and_the_next_begins(clock: Clock) -> None:
    windows, limit = Windows(clock), parse("2 per minute")
    hits = []
    for now in (0.0, 30.0, 59.9, 60.0, 90.0, 119.9, 120.0):
        clock.now = now
        window = windows.hit(limit, ("somebody",))
        hits.append((window.allowed, window.remaining, window.reset))
    assert hits == [
        (True, 1, 60),
        (True, 0, 30),
        (False, 0, 1),
        (True, 1, 60),
        (True, 0, 30),
        (False, 0, 1),
        (True, 1, 60),
    ]


def test_windows_that_have_ended_are_dropped_and_open_ones_are_not(clock: Clock) -> None:
    """Or memory would grow with every address."""
    windows, limit = Windows(clock), parse("1 per minute")
    windows.hit(parse("1 per hour"), ("stays",))
    for number in range(1000):
        clock.now += 1
        windows.hit(limit, (f"address {number}",))
    assert len(windows) <= 200
    assert not windows.hit(parse("1 per hour"), ("stays",)).allowed


@pytest.fixture
def nobody() -> Iterator[str]:
    """An address that refuses connections."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"redis://:a-password@127.0.0.1:{bound.getsockname()[1]}/0"


def test_while_redis_is_away_the_process_counts_and_says_so_once(nobody: str) -> None:
    before = REGISTRY.get_sample_value("device_bff_redis_failures_total") or 0.0
    with structlog.testing.capture_logs() as logged:
        assert allowed(Counters(nobody)) == [True, True, True, False]
    assert REGISTRY.get_sample_value("device_bff_redis_failures_total") == before + 1
    (line,) = logged
    assert (line["event"], line["log_level"]) == ("redis_away", "warning")
    assert "a-password" not in str(line)


@pytest.mark.parametrize("answer", [b":abc\r\n", b"HTTP/1.1 400\r\n"])
def test_what_answers_as_no_redis_does_is_as_good_as_away(answer: bytes) -> None:
    class Odd(BaseRequestHandler):
        def handle(self) -> None:
            while self.request.recv(65536):
                self.request.sendall(answer)

    with ThreadingTCPServer(("127.0.0.1", 0), Odd) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        counters = Counters(f"redis://127.0.0.1:{server.server_address[1]}")
        assert allowed(counters) == [True, True, True, False]
        server.shutdown()


def test_one_late_answer_among_good_ones_does_not_mean_that_redis_is_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """This process is busy."""
    counters, limit = Counters("redis://redis.example"), parse("9 per hour")
    seconds = {"fast": 0.0, "slow": 30.0}

    def shared(_: object, limit: RateLimitItem, key: tuple[str, ...]) -> Window:
        gevent.sleep(seconds[key[0]])
        return Window(True, 100, 1)

    monkeypatch.setattr("app.counters._hit_shared", shared)

    def is_shared(key: str) -> bool:
        return counters.hit(limit, key).remaining == 100

    assert is_shared("fast")
    late = gevent.spawn(is_shared, "slow")
    gevent.sleep(0)
    assert is_shared("fast")
    assert not late.get(timeout=30)
    assert is_shared("fast")
    assert not is_shared("slow")
    assert not is_shared("fast")
