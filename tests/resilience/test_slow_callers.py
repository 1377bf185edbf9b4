"""Slow callers wait for themselves alone, and not for ever."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from urllib.parse import urlsplit

import psutil
import pytest

from local_cognito.process import RunningCognito
from tests.calls import (
    SECONDS,
    SignedIn,
    assert_problem,
    call,
    connect,
    log_lines,
    receive,
    sign_in,
)
from tests.resilience.hasty_worker import HASTY, REQUEST_SECONDS
from tests.resilience.load import Caller, steady_load
from tests.servers import Service, serving, settings_for

SLOW_CALLERS = 500

REQUEST = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
HALF_A_HEAD = b"GET /devices HTTP/1.1\r\nHost: x\r\nX-Padding: "
LARGE_ANSWER = b"GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: x\r\n\r\n"
LARGE_ANSWERS = 8 * LARGE_ANSWER
"""More than the system would take in for a caller who takes nothing."""


def half_a_body(user: SignedIn) -> bytes:
    return (
        "POST /devices HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {user.token}\r\nContent-Length: 10000\r\n\r\n{{"
    ).encode()


def slow_caller(url: str, first_words: bytes) -> socket.socket:
    """Begins a request, and would take little of an answer at a time."""
    address = urlsplit(url)
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.settimeout(SECONDS)
    connection.connect((address.hostname, address.port))
    connection.sendall(first_words)
    return connection


@contextmanager
def trickling(connections: list[socket.socket], more: bytes = b"x") -> Iterator[None]:
    """They say `more` now and then."""
    over = threading.Event()

    def dawdle() -> None:
        while not over.wait(0.3):
            for one in connections:
                with suppress(OSError):  # the service has had enough of this one
                    one.send(more)

    thread = threading.Thread(target=dawdle, daemon=True)
    thread.start()
    yield
    over.set()
    thread.join()


@pytest.mark.parametrize("kind", ["silent", "half a head", "half a body", "taking no answer"])
def test_500_slow_callers_leave_good_ones_served(
    service: Service, cognito: RunningCognito, callers: list[Caller], kind: str
) -> None:
    first_words, more = {
        "silent": (b"", b""),
        "half a head": (HALF_A_HEAD, b"x"),
        "half a body": (half_a_body(sign_in(cognito)), b"x"),
        "taking no answer": (LARGE_ANSWERS, b""),
    }[kind]
    with steady_load(service.url, callers) as load, ExitStack() as stack:
        slow = [
            stack.enter_context(slow_caller(service.url, first_words)) for _ in range(SLOW_CALLERS)
        ]
        with trickling(slow, more):
            assert load.carry_on(20) == {"200"}


@pytest.fixture(scope="module")
def hasty(cognito_server: RunningCognito) -> Iterator[Service]:
    with serving(settings_for(cognito_server) | HASTY) as service:
        yield service


@pytest.mark.parametrize("kind", ["half a head", "half a body"])
def test_a_request_that_does_not_end_is_given_up(hasty: Service, user: SignedIn, kind: str) -> None:
    """However often another byte of it comes."""
    begun = {"half a head": HALF_A_HEAD, "half a body": half_a_body(user)}[kind]
    with connect(hasty.url) as connection:
        connection.sendall(begun)
        with trickling([connection]):
            answer = receive(connection)
        assert_problem(answer, 408, "request-timeout")
        assert answer.headers["Connection"] == "close"


def test_a_connection_without_a_word_is_closed(hasty: Service) -> None:
    with connect(hasty.url) as connection:
        assert connection.recv(1) == b""


def test_an_answer_that_is_not_taken_is_given_up(hasty: Service) -> None:
    with slow_caller(hasty.url, LARGE_ANSWERS) as connection:
        time.sleep(3 * REQUEST_SECONDS)
        taken = 0
        with suppress(ConnectionResetError):
            while piece := connection.recv(65536):
                taken += len(piece)
    assert taken < len(call(f"{hasty.url}/docs/swagger-ui-bundle.js").content) * 8
    assert "Traceback" not in hasty.logs()


def test_a_kept_connection_may_idle_and_its_next_request_has_the_time_anew(hasty: Service) -> None:
    with connect(hasty.url) as connection:
        connection.sendall(REQUEST + b"\r\n")  # a stray line break begins no request
        assert receive(connection).status == 200
        time.sleep(1.5 * REQUEST_SECONDS)
        connection.sendall(REQUEST)
        assert receive(connection).status == 200
        connection.sendall(HALF_A_HEAD)
        assert_problem(receive(connection), 408, "request-timeout")


def test_requests_sent_in_one_go_are_answered_in_turn_and_whole(service: Service) -> None:
    """However slowly the answers are taken."""
    expected = call(f"{service.url}/docs/swagger-ui-bundle.js").content
    with slow_caller(service.url, 2 * LARGE_ANSWER + REQUEST[:10]) as connection:
        connection.sendall(REQUEST[10:])
        received = b""
        while not received.endswith(b'{"status":"ok"}'):
            received += connection.recv(32 * 1024)
    assert received.count(expected + b"HTTP/1.1 200 OK") == 2


def test_a_large_answer_is_not_copied_for_each_caller_who_takes_it_slowly(
    service: Service,
) -> None:
    def memory() -> int:
        workers = psutil.Process(service.process.pid).children()
        return sum(worker.memory_info().rss for worker in workers)

    size, before = len(call(f"{service.url}/docs/swagger-ui-bundle.js").content), memory()
    with ExitStack() as stack:
        slow = [stack.enter_context(slow_caller(service.url, LARGE_ANSWERS)) for _ in range(200)]
        assert {connection.recv(12) for connection in slow} == {b"HTTP/1.1 200"}
        assert memory() - before < len(slow) * size / 4


@pytest.fixture(scope="module")
def small(cognito_server: RunningCognito) -> Iterator[Service]:
    few = {"WORKER_CONNECTIONS": "12", "WORKERS": "1"}
    with serving(settings_for(cognito_server) | few) as service:
        yield service


@pytest.mark.parametrize(
    "words",
    [b"", REQUEST, HALF_A_HEAD, LARGE_ANSWERS],
    ids=["silent", "idle", "half", "taking no answer"],
)
def test_those_who_wait_the_longest_give_way_when_the_worker_is_full(
    small: Service, words: bytes
) -> None:
    with ExitStack() as stack:
        waiting = [stack.enter_context(slow_caller(small.url, words)) for _ in range(20)]
        for _ in range(5):
            assert call(f"{small.url}/healthz").status_code == 200
        while waiting[0].recv(4096):  # what it was answered, and then the end
            pass
        waiting[-1].sendall(REQUEST if words != HALF_A_HEAD else b"x\r\n\r\n")
        assert waiting[-1].recv(12).startswith(b"HTTP/1.1 ")
    assert log_lines(small.logs(), level="error") == []
