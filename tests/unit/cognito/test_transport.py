"""The HTTP round in botocore's place: what is kept, trusted, gone through, and given up."""

import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import certifi
import pytest
from botocore.exceptions import (
    ConnectionClosedError,
    HTTPClientError,
    ProxyConnectionError,
    ReadTimeoutError,
    SSLError,
)

from app.cognito.transport import Transport, route_to
from tests.raw_server import RawServer, in_pieces, new_tls, raw_server, tunnel_to

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Amzn-RequestId: one\r\n\r\n{}"


@pytest.fixture(autouse=True)
def no_route_of_another_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("http_proxy", "https_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    route_to.cache_clear()
    yield
    route_to.cache_clear()


@pytest.fixture
def server() -> Iterator[RawServer]:
    with raw_server() as server:
        server.script = in_pieces(OK)
        yield server


def transport(ca_bundle: str | None = None, read_timeout: float = 5) -> Transport:
    return Transport(
        connect_timeout=5,
        read_timeout=read_timeout,
        connections=5,
        ca_bundle=ca_bundle or certifi.where(),
    )


def post(server: RawServer, over: Transport) -> bytes:
    answer = over.post(f"{server.url}/", {"X-Amz-Target": "a"}, b"{}")
    assert answer.status == 200
    return answer.body


def test_a_connection_serves_one_request_after_another(server: RawServer) -> None:
    over = transport()
    assert [post(server, over) for _ in range(3)] == [b"{}"] * 3
    assert server.connections == 1


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}", b"{}"),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}", b"{}"),
    ],
)
def test_a_server_that_says_it_closes_gets_a_new_connection(
    server: RawServer, answer: bytes, body: bytes
) -> None:
    server.script = in_pieces(answer)
    over = transport()
    assert [post(server, over) for _ in range(2)] == [body] * 2
    assert server.connections == 2


@pytest.mark.parametrize(
    "surplus",
    [b"50 stray bytes that belong to nobody at all.......", b"HTTP/1.1 200 OK\r\n", OK],
    ids=["stray bytes", "half an answer", "a second answer"],
)
@pytest.mark.parametrize("together", [True, False], ids=["in one piece", "later"])
def test_nobody_is_given_what_comes_after_anothers_answer(
    server: RawServer, surplus: bytes, together: bool
) -> None:
    mine = OK.replace(b"{}", b"[]")
    arrived = threading.Event()

    def answer(connection: socket.socket) -> None:
        in_pieces(*([mine + surplus] if together else [mine, surplus]))(connection)
        arrived.set()

    server.script = answer
    over = transport()
    for _ in range(2):
        assert post(server, over) == b"[]"
        assert arrived.wait(30)
        arrived.clear()
    assert server.connections == 2


def closing(*pieces: bytes) -> Callable[..., None]:
    """An answer after which the server closes, and has not said so."""

    def play(connection: object) -> None:
        in_pieces(*pieces)(connection)  # type: ignore[arg-type]
        raise OSError("closed")

    return play


def test_a_connection_that_was_closed_meanwhile_is_not_used(server: RawServer) -> None:
    server.script = closing(OK)
    over = transport()
    for _ in range(3):
        assert post(server, over) == b"{}"
        while server.open:
            time.sleep(0.005)
    assert server.connections == 3


def test_an_answer_may_end_with_its_connection(server: RawServer) -> None:
    server.script = closing(b"HTTP/1.1 200 OK\r\nX: y\r\n\r\n", b"{}")
    assert post(server, transport()) == b"{}"


@pytest.mark.parametrize("length", [len(OK) - 1, OK.index(b"X-Amzn") + 4, OK.index(b"Content")])
def test_an_answer_that_is_cut_off_is_lost(server: RawServer, length: int) -> None:
    server.script = closing(OK[:length])
    with pytest.raises(ConnectionClosedError):
        post(server, transport())


def test_what_is_no_http_is_no_answer(server: RawServer) -> None:
    server.script = in_pieces(b"SSH-2.0-OpenSSH_9.2\r\n")
    with pytest.raises(HTTPClientError):
        post(server, transport())


def test_an_answer_that_does_not_come_is_given_up(server: RawServer) -> None:
    server.script = in_pieces()
    with pytest.raises(ReadTimeoutError):
        post(server, transport(read_timeout=0.05))


def test_certificates_are_verified(tmp_path: Path) -> None:
    tls = new_tls(tmp_path)
    with raw_server(tls.server) as server:
        server.script = in_pieces(OK)
        assert post(server, transport(tls.trust["AWS_CA_BUNDLE"])) == b"{}"
        with pytest.raises(SSLError):
            post(server, transport())


def test_certificates_may_be_in_a_folder_by_their_hashes(tmp_path: Path) -> None:
    """As requests takes one in REQUESTS_CA_BUNDLE."""
    tls, folder = new_tls(tmp_path), tmp_path / "folder"
    folder.mkdir()
    shutil.copy(tls.trust["AWS_CA_BUNDLE"], folder / "ours.pem")
    subprocess.run(["openssl", "rehash", str(folder)], check=True)
    with raw_server(tls.server) as server:
        server.script = in_pieces(OK)
        assert post(server, transport(str(folder))) == b"{}"


def test_https_goes_through_the_proxys_tunnel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls = new_tls(tmp_path)
    with raw_server(tls.server) as server, raw_server() as proxy:
        server.script, proxy.script = in_pieces(OK), tunnel_to(server.port)
        monkeypatch.setenv("HTTPS_PROXY", f"http://user:secret@127.0.0.1:{proxy.port}")
        assert post(server, transport(tls.trust["AWS_CA_BUNDLE"])) == b"{}"
        assert proxy.heads[0]["Proxy-Authorization"] == "Basic dXNlcjpzZWNyZXQ="
        assert server.heads[0]["Proxy-Authorization"] is None


def test_no_proxy_is_gone_around(server: RawServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert post(server, transport()) == b"{}"


def test_a_proxy_that_refuses_leaves_nothing_in_doubt(monkeypatch: pytest.MonkeyPatch) -> None:
    with raw_server() as proxy:
        proxy.script = in_pieces(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        with pytest.raises(ProxyConnectionError):
            transport().post("https://cognito-idp.eu-west-1.amazonaws.com/", {}, b"{}")
