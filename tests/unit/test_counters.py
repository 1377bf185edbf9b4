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

from app.counters import Counters
from app.optional_redis import OptionalRedis


def allowed(counters: Counters, alone: RateLimitItem | None = None) -> list[bool]:
    """Which of four calls were within three an hour."""
    limit = parse("3 per hour")
    return [counters.hit(limit, "somebody", alone=alone).allowed for _ in range(4)]


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


def test_a_limit_may_be_another_where_processes_count_alone(nobody: str) -> None:
    assert allowed(Counters(nobody), alone=parse("1 per hour")) == [True, False, False, False]


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


def test_one_late_answer_among_good_ones_does_not_mean_that_redis_is_away() -> None:
    redis = OptionalRedis(timeout=0.1, pause=600, subject="limits", without="alone", again="shared")

    def ask(seconds: float) -> str:
        def answer() -> str:
            gevent.sleep(seconds)
            return "shared"

        return redis.ask(answer, otherwise=lambda: "alone")

    late = gevent.spawn(ask, 30)
    gevent.sleep(0)
    assert ask(0) == "shared"
    assert late.get(timeout=30) == "alone"
    assert ask(0) == "shared"
    assert ask(30) == "alone"
    assert ask(0) == "alone"
