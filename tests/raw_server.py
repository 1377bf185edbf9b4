"""A server that answers, byte for byte and when it likes, what a test has written down."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email.message import Message
from http.client import parse_headers
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingTCPServer

import trustme

Script = Callable[[socket.socket], None]


def in_pieces(*pieces: bytes, pause: float = 0.0) -> Script:
    """An answer that is over after these pieces, `pause` seconds apart."""

    def play(connection: socket.socket) -> None:
        _send(connection, pieces, pause)

    return play


def without_end(head: bytes, *pieces: bytes, pause: float = 0.0) -> Script:
    """`head`, and then these pieces again and again until the client is gone."""

    def play(connection: socket.socket) -> None:
        connection.sendall(head)
        while True:
            _send(connection, pieces, pause)

    return play


def silent(connection: socket.socket) -> None:
    """No answer, for as long as the client waits."""
    connection.recv(1)


def relay(connection: socket.socket, port: int) -> None:
    """Pass on to `port`, and back, whatever comes, until either side ends."""

    def pump(source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_RDWR)

    with socket.create_connection(("127.0.0.1", port)) as there:
        answers = threading.Thread(target=pump, args=(there, connection), daemon=True)
        answers.start()
        pump(connection, there)
        answers.join()


def tunnel_to(port: int) -> Script:
    """What a proxy does when asked to CONNECT, wherever to: here it is to `port`."""

    def play(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        relay(connection, port)

    return play


def _send(connection: socket.socket, pieces: Sequence[bytes], pause: float) -> None:
    for piece in pieces:
        connection.sendall(piece)
        time.sleep(pause)


class RawServer(ThreadingTCPServer):
    """Plays `script` for every request. `connections`: made so far; `open`: not over yet; `lines`,
    `heads` and `bodies`: of the requests that came."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, tls: ssl.SSLContext | None) -> None:
        super().__init__(("127.0.0.1", 0), _Player)
        self.tls = tls
        self.script = in_pieces(b"HTTP/1.1 204 No Content\r\n\r\n")
        self.connections = 0
        self.open = 0
        self.lines: list[str] = []
        self.heads: list[Message] = []
        self.bodies: list[bytes] = []
        self.lock = threading.Lock()

    @property
    def port(self) -> int:
        port: int = self.server_address[1]
        return port

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"


class _Player(BaseRequestHandler):
    server: RawServer

    def handle(self) -> None:
        with self.server.lock:
            self.server.connections += 1
            self.server.open += 1
        with suppress(OSError):  # the client is gone
            connection = self.request
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.server.tls:
                connection = self.server.tls.wrap_socket(connection, server_side=True)
            with connection, connection.makefile("rb") as requests:
                while line := requests.readline():
                    self.server.lines.append(line.decode("latin-1").rstrip())
                    head = parse_headers(requests)
                    self.server.heads.append(head)
                    self.server.bodies.append(requests.read(int(head.get("Content-Length", "0"))))
                    self.server.script(connection)
        with self.server.lock:
            self.server.open -= 1


@contextmanager
def raw_server(tls: ssl.SSLContext | None = None) -> Iterator[RawServer]:
    with RawServer(tls) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@dataclass
class Tls:
    """A server's side of TLS at 127.0.0.1, and what has the service trust it."""

    server: ssl.SSLContext
    trust: dict[str, str]


def new_tls(folder: Path) -> Tls:
    """Of an authority of its own, whose certificate is in `folder`."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(server)
    return Tls(server, {"AWS_CA_BUNDLE": str(folder / "ca.pem")})
