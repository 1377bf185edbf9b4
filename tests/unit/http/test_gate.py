"""Who has hung up is known from the socket, without reading from it."""

import socket
import sys
import time
from collections.abc import Iterator

import pytest

from app.http.gate import hung_up

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux alone tells")

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    """The service's end and the caller's."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        caller = socket.create_connection(server.getsockname())
        ours, _ = server.accept()
    with ours, caller:
        yield ours, caller


def test_a_caller_who_waits_has_not(pair: Pair) -> None:
    ours, caller = pair
    caller.sendall(b"GET /devices HTTP/1.1\r\n")
    assert not hung_up(ours)


@pytest.mark.parametrize("sent", [b"", b"GET /devices HTTP/1.1\r\n"])
def test_a_caller_who_has_closed_has_whatever_is_left_to_read(pair: Pair, sent: bytes) -> None:
    ours, caller = pair
    caller.sendall(sent)
    caller.close()
    deadline = time.monotonic() + 10
    while not hung_up(ours) and time.monotonic() < deadline:
        time.sleep(0.005)
    assert hung_up(ours)
    assert ours.recv(65536) == sent
