"""Slow callers wait for themselves alone: threads neither wait for requests nor for callers to take
the answers."""

import select
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from urllib.parse import urlsplit

import psutil
import pytest

from local_cognito.process import RunningCognito
from tests.safety.calls import (
    SECONDS,
    SignedIn,
    assert_problem,
    call,
    connect,
    log_lines,
    receive,
    sign_in,
    until,
)
from tests.safety.conftest import service_with
from tests.servers import Service

THREADS = 4
AT_ONCE = 60
REQUEST_SECONDS = 10
PROMPT = 1.0


@pytest.fixture(scope="module")
def small(cognito_server: RunningCognito) -> Iterator[Service]:
    """A service of four threads in all."""
    with service_with(cognito_server, THREADS=str(THREADS)) as service:
        yield service


def prompt(service: Service, user: SignedIn) -> None:
    """Others are served as if nothing were."""
    for _ in range(10):
        started = time.monotonic()
        assert call(f"{service.url}/devices", headers=user.bearer).status_code == 200
        assert time.monotonic() - started < PROMPT


def opened(service: Service, stack: ExitStack, beginning: bytes) -> list[socket.socket]:
    connections = [stack.enter_context(connect(service.url)) for _ in range(AT_ONCE)]
    for connection in connections:
        connection.sendall(beginning)
    return connections


def trickle(connections: list[socket.socket], seconds: float) -> None:
    """A byte now and then on each."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for connection in connections:
            connection.sendall(b"x")
        time.sleep(0.1)


def head(user: SignedIn, length: int) -> bytes:
    return (
        "POST /devices HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {user.token}\r\nContent-Length: {length}\r\n\r\n"
    ).encode()


def test_half_sent_headers_take_no_thread(small: Service, cognito: RunningCognito) -> None:
    user = sign_in(cognito)
    with ExitStack() as stack:
        slow = opened(small, stack, b"GET /devices HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        trickle(slow, 0.5)
        prompt(small, user)
        for connection in slow:
            connection.sendall(b"\r\n\r\n")
        for connection in slow:
            assert_problem(receive(connection), 401, "missing-token")


def test_half_sent_bodies_take_no_thread(small: Service, cognito: RunningCognito) -> None:
    user = sign_in(cognito)
    with ExitStack() as stack:
        slow = opened(small, stack, head(user, 100))
        trickle(slow, 0.5)
        prompt(small, user)


def test_half_sent_chunks_take_no_thread(small: Service, cognito: RunningCognito) -> None:
    user = sign_in(cognito)
    begun = head(user, 0).replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    with ExitStack() as stack:
        slow = opened(small, stack, begun + b"100\r\n")
        trickle(slow, 0.5)
        prompt(small, user)


def test_connections_without_a_word_take_no_thread(small: Service, cognito: RunningCognito) -> None:
    user = sign_in(cognito)
    with ExitStack() as stack:
        opened(small, stack, b"")
        prompt(small, user)


def test_bodies_that_nobody_reads_take_no_thread(small: Service, cognito: RunningCognito) -> None:
    user = sign_in(cognito)
    with ExitStack() as stack:
        for connection in opened(small, stack, head(user, 100_000)):
            assert_problem(receive(connection), 413, "body-too-large")
        prompt(small, user)


def test_callers_who_do_not_hang_up_after_the_last_answer_hold_nobody_up(
    small: Service, cognito: RunningCognito
) -> None:
    user = sign_in(cognito)
    with ExitStack() as stack:
        for connection in opened(small, stack, b"GET /healthz HTTP/1.0\r\n\r\n"):
            assert receive(connection).status == 200
        prompt(small, user)


LARGE = b"GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: x\r\n\r\n"
TOO_MUCH = 4 * LARGE
"""More than the system would take in for a caller who takes nothing."""


def asked(service: Service, stack: ExitStack, request: bytes) -> socket.socket:
    """A connection that has asked, and that takes little at a time."""
    connection = stack.enter_context(socket.socket())
    connection.settimeout(SECONDS)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    address = urlsplit(service.url)
    connection.connect((address.hostname, address.port))
    connection.sendall(request)
    return connection


def test_large_answers_that_nobody_takes_take_no_thread(
    small: Service, cognito: RunningCognito
) -> None:
    user = sign_in(cognito)
    with ExitStack() as stack:
        for _ in range(AT_ONCE):
            asked(small, stack, TOO_MUCH)
        prompt(small, user)


def test_large_answers_that_nobody_takes_are_in_memory_once(small: Service) -> None:
    (worker,) = psutil.Process(small.process.pid).children()
    size = len(call(f"{small.url}/docs/swagger-ui-bundle.js").content)
    before = worker.memory_info().rss
    with ExitStack() as stack:
        for _ in range(AT_ONCE):
            asked(small, stack, TOO_MUCH)
        assert call(f"{small.url}/healthz").status_code == 200
        assert worker.memory_info().rss - before < 5 * size


def test_answers_that_are_taken_slowly_are_whole_and_follow_each_other(small: Service) -> None:
    expected = call(f"{small.url}/docs/swagger-ui-bundle.js").content
    with ExitStack() as stack:
        healthz = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
        connection = asked(small, stack, TOO_MUCH + healthz)
        received = b""
        while not received.endswith(b'{"status":"ok"}\n'):
            received += connection.recv(32 * 1024)
            time.sleep(0.001)
    assert received.count(expected + b"HTTP/1.1 200 OK") == 4


def test_an_answer_that_is_not_taken_is_given_up(cognito_server: RunningCognito) -> None:
    hasty = {"GUNICORN_CMD_ARGS": "--worker-class tests.safety.hasty_worker.Worker"}
    with service_with(cognito_server, **hasty) as service, ExitStack() as stack:
        connection = asked(service, stack, TOO_MUCH)
        until(lambda: log_lines(service.logs(), event="answer_untaken"), 5)
        with pytest.raises(ConnectionResetError):
            list(iter(lambda: connection.recv(65536), b""))
        assert "Traceback" not in service.logs()


def test_a_request_that_does_not_end_is_given_up(small: Service, cognito: RunningCognito) -> None:
    user = sign_in(cognito)
    with ExitStack() as stack:
        trickling = stack.enter_context(connect(small.url))
        silent = stack.enter_context(connect(small.url))
        wordless = stack.enter_context(connect(small.url))
        started = time.monotonic()
        trickling.sendall(b"GET /devices HTTP/1.1\r\nX: ")
        silent.sendall(head(user, 100))
        while time.monotonic() - started < REQUEST_SECONDS - 2:
            trickling.sendall(b"x")
            time.sleep(0.2)
        for connection in (trickling, silent):
            answer = receive(connection)
            assert_problem(answer, 408, "request-timeout")
            assert connection.recv(1) == b""
        assert wordless.recv(1) == b""
        assert REQUEST_SECONDS - 1 < time.monotonic() - started < REQUEST_SECONDS + 3


def test_a_connection_that_is_kept_has_the_time_anew_for_each_request(
    small: Service, cognito: RunningCognito
) -> None:
    with connect(small.url) as connection:
        for _ in range(2):
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHo")
            time.sleep(0.2)
            connection.sendall(b"st: x\r\n\r\n")
            assert receive(connection).status == 200


def test_requests_sent_in_one_go_are_answered_in_turn(small: Service) -> None:
    request = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    with connect(small.url) as connection:
        connection.sendall(request * 20 + request[:10])
        received = b""
        while received.count(b'{"status":"ok"}') < 20:
            received += connection.recv(65536)
        connection.sendall(request[10:])
        assert receive(connection).status == 200


def test_a_line_break_that_strays_in_after_a_request_begins_no_other(small: Service) -> None:
    request = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    with connect(small.url) as connection:
        connection.sendall(request + b"\r\n")
        assert receive(connection).status == 200
        connection.settimeout(REQUEST_SECONDS + 2)
        with pytest.raises(TimeoutError):
            connection.recv(1)
        connection.sendall(request)
        assert receive(connection).status == 200


REQUEST = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture
def full(cognito_server: RunningCognito) -> Iterator[tuple[Service, list[socket.socket]]]:
    """A service that has no room, and its connections that are idle, about the longest first."""
    few = {"GUNICORN_CMD_ARGS": "--worker-connections 12", "THREADS": "4"}
    with service_with(cognito_server, **few) as service, ExitStack() as stack:
        idle = [stack.enter_context(connect(service.url)) for _ in range(8)]
        for connection in idle:
            connection.sendall(REQUEST)
            assert receive(connection).headers["Connection"] == "keep-alive"
        for _ in range(4):
            stack.enter_context(connect(service.url))
        yield service, idle


def test_idle_connections_give_way_to_newcomers(
    full: tuple[Service, list[socket.socket]],
) -> None:
    service, idle = full
    started = time.monotonic()
    assert call(f"{service.url}/healthz").status_code == 200
    assert time.monotonic() - started < PROMPT
    (closed,), _, _ = select.select(idle, [], [], PROMPT)
    assert closed.recv(1) == b""
    idle[-1].sendall(REQUEST)
    assert receive(idle[-1]).status == 200


def test_an_idle_connection_may_ask_while_it_gives_way(
    full: tuple[Service, list[socket.socket]],
) -> None:
    service, idle = full
    (worker,) = psutil.Process(service.process.pid).children()
    worker.suspend()
    until(lambda: worker.status() == psutil.STATUS_STOPPED)
    with connect(service.url) as newcomer:
        newcomer.sendall(REQUEST)
        for connection in idle[:4]:
            connection.sendall(REQUEST)
        worker.resume()
        assert receive(newcomer).status == 200
    assert worker.is_running()
    idle[-1].sendall(REQUEST)
    assert receive(idle[-1]).status == 200
