"""Slow callers wait for themselves alone, and not for ever."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from urllib.parse import urlsplit

import pytest

from local_cognito.process import RunningCognito
from tests.calls import (
    SECONDS,
    SignedIn,
    assert_problem,
    call,
    connect,
    receive,
    sign_in,
)
from tests.resilience.load import Caller, steady_load
from tests.servers import Service, serving, settings_for

SLOW_CALLERS = 500

REQUEST = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
HALF_A_HEAD = b"GET /devices HTTP/1.1\r\nHost: x\r\nX-Padding: "
LARGE_ANSWER = b"GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: x\r\n\r\n"
LARGE_ANSWERS = 8 * LARGE_ANSWER
"""More than the system would take in for a caller who takes nothing."""
HASTY = {"GUNICORN_CMD_ARGS": "--worker-class tests.resilience.hasty_worker.Worker"}
"""A second for a request, and one for the taking of an answer."""


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
def slow_callers(url: str, first_words: bytes, more: bytes) -> Iterator[list[socket.socket]]:
    """So many of them, who say `more` now and then."""
    with ExitStack() as stack:
        slow = [stack.enter_context(slow_caller(url, first_words)) for _ in range(SLOW_CALLERS)]
        over = threading.Event()

        def dawdle() -> None:
            while not over.wait(0.3):
                for one in slow:
                    with suppress(OSError):  # the service has had enough of this one
                        one.send(more)

        thread = threading.Thread(target=dawdle, daemon=True)
        thread.start()
        yield slow
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
    with (
        steady_load(service.url, callers) as load,
        slow_callers(service.url, first_words, more),
    ):
        began = time.monotonic()
        load.carry_on(20)
        assert set(load.seen(began)) == {"200"}


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
        answered = threading.Event()

        def trickle() -> None:
            with suppress(OSError):
                while not answered.wait(0.1):
                    connection.sendall(b"x")

        thread = threading.Thread(target=trickle)
        thread.start()
        answer = receive(connection)
        answered.set()
        thread.join()
        assert_problem(answer, 408, "request-timeout")
        assert answer.headers["Connection"] == "close"


def test_a_connection_without_a_word_is_closed(hasty: Service) -> None:
    with connect(hasty.url) as connection:
        assert connection.recv(1) == b""


def test_an_answer_that_is_not_taken_is_given_up(hasty: Service) -> None:
    with slow_caller(hasty.url, LARGE_ANSWERS) as connection:
        time.sleep(3)  # of the caller's, who had a second
        taken = 0
        with suppress(ConnectionResetError):
            while piece := connection.recv(65536):
                taken += len(piece)
    assert taken < len(call(f"{hasty.url}/docs/swagger-ui-bundle.js").content) * 8
    assert "Traceback" not in hasty.logs()


def test_each_request_on_a_kept_connection_has_the_time_anew(hasty: Service) -> None:
    with connect(hasty.url) as connection:
        for _ in range(3):
            connection.sendall(REQUEST[:10])
            time.sleep(0.5)
            connection.sendall(REQUEST[10:])
            assert receive(connection).status == 200


def test_a_kept_connection_may_idle_for_longer_than_a_request_may_take(hasty: Service) -> None:
    with connect(hasty.url) as connection:
        connection.sendall(REQUEST + b"\r\n")  # a stray line break begins no request
        assert receive(connection).status == 200
        time.sleep(1.5)
        connection.sendall(REQUEST)
        assert receive(connection).status == 200


def test_requests_sent_in_one_go_are_answered_in_turn(service: Service) -> None:
    with connect(service.url) as connection:
        connection.sendall(REQUEST * 20 + REQUEST[:10])
        received = b""
        while received.count(b'{"status":"ok"}') < 20:
            received += connection.recv(65536)
        connection.sendall(REQUEST[10:])
        assert receive(connection).status == 200


def test_a_large_answer_that_is_taken_slowly_is_whole(service: Service) -> None:
    expected = call(f"{service.url}/docs/swagger-ui-bundle.js").content
    with slow_caller(service.url, 2 * LARGE_ANSWER + REQUEST) as connection:
        received = b""
        while not received.endswith(b'{"status":"ok"}'):
            received += connection.recv(32 * 1024)
    assert received.count(expected + b"HTTP/1.1 200 OK") == 2


@pytest.mark.parametrize("words", [b"", REQUEST, HALF_A_HEAD], ids=["silent", "idle", "half"])
def test_those_who_wait_the_longest_give_way_when_the_worker_is_full(
    cognito_server: RunningCognito, words: bytes
) -> None:
    few = {"WORKER_CONNECTIONS": "12", "WORKERS": "1"}
    with serving(settings_for(cognito_server) | few) as service, ExitStack() as stack:
        waiting = [stack.enter_context(slow_caller(service.url, words)) for _ in range(20)]
        for _ in range(5):
            assert call(f"{service.url}/healthz").status_code == 200
        while waiting[0].recv(4096):  # what it was answered, and then the end
            pass
        waiting[-1].sendall(REQUEST if words != HALF_A_HEAD else b"x\r\n\r\n")
        assert waiting[-1].recv(12).startswith(b"HTTP/1.1 ")
