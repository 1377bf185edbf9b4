"""What the worker does that no caller can bring about when it likes."""

import errno
import socket
import ssl
from collections.abc import Iterator
from concurrent.futures import Future
from selectors import EVENT_READ, EVENT_WRITE
from unittest.mock import Mock

import pytest
from gunicorn.config import Config

from app.http.worker import EXHAUSTED_SECONDS, Connection, Worker

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


def test_a_worker_without_a_file_to_spare_takes_as_many_as_before_a_while_later(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr("app.http.worker.time.monotonic", lambda: now[0])
    listener = Mock(spec=socket.socket)
    listener.accept.side_effect = OSError(errno.ENFILE, "too many")
    configured = worker.worker_connections
    assert worker.accept(listener) is False
    assert worker.worker_connections == 1
    now[0] += EXHAUSTED_SECONDS - 0.1
    worker.murder_pending()
    assert worker.worker_connections == 1
    now[0] += 0.2
    worker.murder_pending()
    assert worker.worker_connections == configured


def test_a_worker_may_be_told_to_stop_listening_twice(worker: Worker) -> None:
    """SIGTERM may come in the middle of a turn of the event loop, which then tells it again."""
    worker.sockets = [socket.create_server(("127.0.0.1", 0))]
    worker.sockets[0].setblocking(False)
    worker.alive = False
    (listener,) = worker.sockets
    worker.set_accept_enabled(True)
    worker.set_accept_enabled(False)
    assert listener.fileno() < 0
