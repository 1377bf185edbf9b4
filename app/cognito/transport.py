"""The HTTP round of a call: kept connections, and no copy of an answer more than needed.

botocore's own session takes three times the CPU. Connections are urllib3's, made as botocore makes
them: its TLS context and trusted certificates, the proxies of HTTPS_PROXY and NO_PROXY, TCP
keep-alive. Answers are read by httptools (llhttp).
"""

import select
import socket
import ssl
import weakref
from collections import deque
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import (
    BotoCoreError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    ProxyConnectionError,
    ReadTimeoutError,
    SSLError,
)
from botocore.httpsession import ProxyConfiguration, create_urllib3_context
from botocore.utils import get_environ_proxies
from gevent import monkey
from httptools import HttpParserError, HttpResponseParser
from urllib3.connection import HTTPConnection, HTTPSConnection, ProxyConfig
from urllib3.exceptions import ConnectTimeoutError as NoConnectionInTime
from urllib3.exceptions import HTTPError, NewConnectionError
from urllib3.util import parse_url

from app.settings import trust

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


@dataclass(frozen=True)
class Route:
    """How to reach what a URL names. `target`: the request line's."""

    scheme: str
    host: str
    port: int
    target: str
    host_header: str
    proxy: str | None
    proxy_headers: dict[str, str]


@lru_cache(maxsize=64)
def route_to(url: str) -> Route:
    """By way of the proxy that the environment names for it, as botocore does."""
    parts = urlsplit(url)
    assert parts.hostname is not None  # noqa: S101 - botocore's endpoints have one
    proxies = ProxyConfiguration(get_environ_proxies(url))
    proxy = proxies.proxy_url_for(url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    host = parts.netloc.rpartition("@")[2]
    forwarded = proxy is not None and parts.scheme == "http"
    return Route(
        scheme=parts.scheme,
        host=parts.hostname,
        port=parts.port or (443 if parts.scheme == "https" else 80),
        target=f"http://{host}{path}" if forwarded else path,
        host_header=host,
        proxy=proxy,
        proxy_headers=proxies.proxy_headers_for(proxy) if proxy else {},
    )


class Transport:
    """Requests over kept connections; the one used last comes first. Durations in seconds.

    `connections`: how many to keep. `ca_bundle`: which certificate authorities to trust, in PEM.
    """

    def __init__(
        self, *, connect_timeout: float, read_timeout: float, connections: int, ca_bundle: str
    ) -> None:
        self._connect_timeout = connect_timeout
        self._read_timeout = read_timeout
        self._kept: deque[tuple[Route, HTTPConnection]] = deque(maxlen=connections)
        weakref.finalize(self, _close, self._kept)
        self._tls = create_urllib3_context()
        trust(self._tls, ca_bundle)

    def post(self, url: str, headers: dict[str, str], body: bytes) -> Answer:
        """One request, and the whole of its answer, whatever its status.

        Raises:
            ConnectTimeoutError, EndpointConnectionError, ProxyConnectionError, SSLError: there was
                no connection; nothing was sent.
            ReadTimeoutError, HTTPClientError: the answer is lost.
        """
        route = route_to(url)
        connection = self._kept_one(route) or self._connect(route, url)
        head = [f"POST {route.target} HTTP/1.1\r\nHost: {route.host_header}\r\n"]
        head += [f"{name}: {value}\r\n" for name, value in headers.items()]
        if route.scheme == "http":
            head += [f"{name}: {value}\r\n" for name, value in route.proxy_headers.items()]
        head.append(f"Accept-Encoding: identity\r\nContent-Length: {len(body)}\r\n\r\n")
        keep = False
        try:
            answer = _round(connection.sock, "".join(head).encode("latin-1") + body)
            keep = answer.keep_alive
        except TimeoutError as error:
            raise ReadTimeoutError(endpoint_url=url, error=error) from None
        except HttpParserError as error:
            raise HTTPClientError(error=error) from None
        except OSError as error:
            raise ConnectionClosedError(endpoint_url=url, error=error) from None
        finally:
            if keep:
                self._kept.append((route, connection))
            else:
                connection.close()
        return answer

    def _kept_one(self, route: Route) -> HTTPConnection | None:
        """A connection on which nothing has come meanwhile: neither its end nor surplus bytes."""
        while self._kept:
            kept_route, connection = self._kept.pop()
            poll = _poll()
            poll.register(connection.sock, select.POLLIN)
            if kept_route is route and not poll.poll(0):
                return connection
            connection.close()
        return None

    def _connect(self, route: Route, url: str) -> HTTPConnection:
        connection = self._connection(route)
        try:
            connection.connect()
        except (NoConnectionInTime, TimeoutError) as error:
            connection.close()
            if isinstance(error, NewConnectionError):  # one of its kind in name only
                raise _unreachable(route, url, error) from None
            raise ConnectTimeoutError(endpoint_url=url, error=error) from None
        except ssl.SSLError as error:
            connection.close()
            raise SSLError(endpoint_url=url, error=error) from None
        except (HTTPError, OSError) as error:
            connection.close()
            raise _unreachable(route, url, error) from None
        except BaseException:
            connection.close()
            raise
        connection.sock.settimeout(self._read_timeout)
        return connection

    def _connection(self, route: Route) -> HTTPConnection:
        options = [*HTTPConnection.default_socket_options, KEEP_ALIVE]
        proxy = parse_url(route.proxy) if route.proxy else None
        where = proxy or route
        tls_to_proxy = ProxyConfig(self._tls, False, None, None) if proxy else None
        common: dict[str, Any] = {
            "host": where.host,
            "port": where.port or (443 if proxy and proxy.scheme == "https" else 80),
            "timeout": self._connect_timeout,
            "socket_options": options,
            "proxy": proxy,
            "proxy_config": tls_to_proxy,
        }
        if route.scheme == "http" and not (proxy and proxy.scheme == "https"):
            return HTTPConnection(**common)
        connection = HTTPSConnection(**common, ssl_context=self._tls)
        if proxy and route.scheme == "https":
            connection.set_tunnel(
                route.host, route.port, headers=route.proxy_headers, scheme=proxy.scheme or "http"
            )
        return connection


def _unreachable(route: Route, url: str, error: Exception) -> BotoCoreError:
    if route.proxy:
        return ProxyConnectionError(proxy_url=route.proxy, error=error)
    return EndpointConnectionError(endpoint_url=url, error=error)


def _close(kept: deque[tuple[Route, HTTPConnection]]) -> None:
    for _, connection in kept:
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
