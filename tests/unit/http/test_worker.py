"""What the worker waits for when TLS would rather write than read, or read than write."""

import socket
import ssl
from collections.abc import Iterator
from concurrent.futures import Future
from selectors import EVENT_READ, EVENT_WRITE
from unittest.mock import Mock

import pytest
from gunicorn.config import Config

from app.http.worker import Connection, Worker

REQUEST = b"GET / HTTP/1.0\r\n\r\n"


@pytest.fixture
def worker() -> Iterator[Worker]:
    made = Worker(0, 0, [], Mock(), 0, Config(), Mock())
    made.poller = Mock()
    made.wsgi = lambda environ, start: start("200 OK", [("Content-Length", "0")]) and []
    yield made
    made.tmp.close()


def awaited_event(worker: Worker, sock: Mock, kept: bool = False) -> int:
    conn = Connection(worker, sock, ("127.0.0.1", 1), ("127.0.0.1", 2))
    conn.kept = kept
    done: Future[object] = Future()
    done.set_result(worker.handle(conn))
    worker.finish_request(conn, done)
    event: int = worker.poller.register.call_args.args[1]
    return event


@pytest.mark.parametrize(
    ("error", "event"),
    [
        (BlockingIOError, EVENT_READ),
        (ssl.SSLWantReadError, EVENT_READ),
        (ssl.SSLWantWriteError, EVENT_WRITE),
    ],
)
def test_a_request_is_waited_for_as_its_connection_asks(
    worker: Worker, error: type[OSError], event: int
) -> None:
    sock = Mock(spec=socket.socket)
    sock.recv.side_effect = error
    assert awaited_event(worker, sock) == event


@pytest.mark.parametrize(
    ("error", "event"),
    [
        (BlockingIOError, EVENT_WRITE),
        (ssl.SSLWantWriteError, EVENT_WRITE),
        (ssl.SSLWantReadError, EVENT_READ),
    ],
)
def test_so_is_the_taking_of_an_answer(worker: Worker, error: type[OSError], event: int) -> None:
    sock = Mock(spec=socket.socket)
    sock.recv.side_effect = [REQUEST, BlockingIOError]
    sock.send.side_effect = error
    assert awaited_event(worker, sock) == event


def test_an_idle_connection_on_which_tls_would_write_is_not_waited_on_to_read(
    worker: Worker,
) -> None:
    sock = Mock(spec=socket.socket)
    sock.recv.side_effect = ssl.SSLWantWriteError
    assert awaited_event(worker, sock, kept=True) == EVENT_WRITE
