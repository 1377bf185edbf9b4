"""The HTTP round of a call: kept connections, and no copy of an answer more than needed.

botocore's own session takes three times the CPU. Connections are http.client's, over HTTPS through
the proxy that HTTPS_PROXY and NO_PROXY name. Answers are read by httptools (llhttp).
"""

import select
import socket
import weakref
from collections import deque
from http.client import HTTPConnection, HTTPSConnection
from urllib.parse import urlsplit

from botocore.httpsession import ProxyConfiguration
from botocore.utils import get_environ_proxies
from gevent import monkey
from httptools import HttpParserError, HttpResponseParser

from app.cognito.errors import NotConnected
from app.settings import Settings, tls_context

READ_SIZE = 65536
KEEP_ALIVE = (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)

# gevent's own would go through its event loop, to learn what is known at once.
_poll = monkey.get_original("select", "poll")


class Answer:
    """An answer as it arrives: httptools calls its methods. Header names are in lower case."""

    def __init__(self) -> None:
        self.parser = HttpResponseParser(self)
        self.headers: dict[str, str] = {}
        self.pieces: list[bytes] = []
        self.status = 0
        self.head_complete = self.complete = self.keep_alive = False

    @property
    def body(self) -> bytes:
        return b"".join(self.pieces)

    @property
    def ends_with_connection(self) -> bool:
        """The body ends at close: RFC 9112, section 6.3, the last case."""
        return self.head_complete and not self.headers.keys() & {
            "content-length",
            "transfer-encoding",
        }

    def feed(self, data: bytes) -> None:
        """Read on. What comes after a whole answer belongs to nobody: it ends the connection, so
        that no other caller is given it.

        Raises:
            HttpParserError: this is not HTTP.
        """
        try:
            self.parser.feed_data(data)
        except HttpParserError:
            if not self.complete:
                raise
            self.keep_alive = False

    def on_message_begin(self) -> None:
        if self.complete:
            raise ValueError("a second answer")

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        self.head_complete = self.parser.get_status_code() >= 200

    def on_body(self, piece: bytes) -> None:
        self.pieces.append(piece)

    def on_message_complete(self) -> None:
        self.status = self.parser.get_status_code()
        if self.status >= 200:
            self.complete, self.keep_alive = True, self.parser.should_keep_alive()
        else:  # an interim answer: RFC 9110, section 15.2
            self.headers.clear()


class Transport:
    """Requests to `url` over kept connections; the one used last comes first."""

    def __init__(self, settings: Settings, url: str) -> None:
        self._origin = urlsplit(url)
        self._connect_timeout = settings.cognito_connect_timeout
        self._read_timeout = settings.cognito_read_timeout
        self._kept: deque[HTTPConnection] = deque(maxlen=settings.cognito_max_in_flight)
        weakref.finalize(self, _close, self._kept)
        self._tls = tls_context(settings.ca_bundle)
        proxies = ProxyConfiguration(get_environ_proxies(url))
        proxy = proxies.proxy_url_for(url) if self._origin.scheme == "https" else None
        self._proxy = urlsplit(proxy) if proxy else None
        self._proxy_headers = proxies.proxy_headers_for(proxy) if proxy else {}
        target = self._origin.path or "/"
        if self._origin.query:
            target += f"?{self._origin.query}"
        headers = {"Host": self._origin.netloc, "Accept-Encoding": "identity"}
        self._head = f"POST {target} HTTP/1.1\r\n{_lines(headers)}"

    def post(self, headers: dict[str, str], body: bytes) -> Answer:
        """One request, and the whole of its answer, whatever its status.

        Raises:
            NotConnected: there was no connection; nothing was sent.
            TimeoutError, OSError, HttpParserError: the answer is lost.
        """
        connection = self._kept_one() or self._connect()
        head = f"{self._head}{_lines(headers)}Content-Length: {len(body)}\r\n\r\n"
        keep = False
        try:
            answer = _round(connection.sock, head.encode("latin-1") + body)
            keep = answer.keep_alive
        finally:
            if keep:
                self._kept.append(connection)
            else:
                connection.close()
        return answer

    def _kept_one(self) -> HTTPConnection | None:
        """A connection on which nothing has come meanwhile: neither its end nor surplus bytes."""
        while self._kept:
            connection = self._kept.pop()
            poll = _poll()
            poll.register(connection.sock, select.POLLIN)
            if not poll.poll(0):
                return connection
            connection.close()
        return None

    def _connect(self) -> HTTPConnection:
        origin, proxy, timeout = self._origin, self._proxy, self._connect_timeout
        connection: HTTPConnection
        if origin.scheme == "http":
            connection = HTTPConnection(str(origin.hostname), origin.port or 80, timeout)
        else:
            host, port = str(origin.hostname), origin.port or 443
            way = (str(proxy.hostname), proxy.port or 80) if proxy else (host, port)
            connection = HTTPSConnection(*way, timeout=timeout, context=self._tls)
            if proxy:
                connection.set_tunnel(host, port, self._proxy_headers)
        try:
            connection.connect()
            connection.sock.setsockopt(*KEEP_ALIVE)
            connection.sock.settimeout(self._read_timeout)
        except BaseException as error:
            connection.close()
            if isinstance(error, Exception):
                raise NotConnected from error
            raise
        return connection


def _lines(headers: dict[str, str]) -> str:
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items())


def _close(kept: deque[HTTPConnection]) -> None:
    for connection in kept:
        connection.close()


def _round(sock: socket.socket, request: bytes) -> Answer:
    sock.sendall(request)
    answer = Answer()
    while not answer.complete:
        data = sock.recv(READ_SIZE)
        if data:
            answer.feed(data)
        elif answer.ends_with_connection:
            answer.status = answer.parser.get_status_code()
            break
        else:
            raise ConnectionResetError("closed before the answer was complete")
    return answer
