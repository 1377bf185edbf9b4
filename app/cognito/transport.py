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
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import (
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    ProxyConnectionError,
    ReadTimeoutError,
    SSLError,
)
from botocore.httpsession import ProxyConfiguration, create_urllib3_context, get_cert_path
from botocore.utils import get_environ_proxies
from gevent import monkey
from httptools import HttpParserError, HttpResponseParser
from urllib3.connection import HTTPConnection, HTTPSConnection, ProxyConfig
from urllib3.exceptions import ConnectTimeoutError as NoConnectionInTime
from urllib3.exceptions import HTTPError, NewConnectionError
from urllib3.util import parse_url

from app.settings import Settings, trust

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
    """Requests to `url` over kept connections; the one used last comes first.

    It is reached by way of the proxy that the environment names for it, as botocore does.
    """

    def __init__(self, settings: Settings, url: str) -> None:
        self._url = url
        self._connect_timeout = settings.cognito_connect_timeout
        self._read_timeout = settings.cognito_read_timeout
        self._kept: deque[HTTPConnection] = deque(maxlen=settings.cognito_max_in_flight)
        weakref.finalize(self, _close, self._kept)
        self._tls = create_urllib3_context()
        trust(self._tls, get_cert_path(settings.ca_bundle or True))
        self._origin = urlsplit(url)
        proxies = ProxyConfiguration(get_environ_proxies(url))
        proxy = proxies.proxy_url_for(url)
        self._proxy = parse_url(proxy) if proxy else None
        self._proxy_headers = proxies.proxy_headers_for(proxy) if proxy else {}
        host = self._origin.netloc
        target = self._origin.path or "/"
        if self._origin.query:
            target += f"?{self._origin.query}"
        headers = {"Host": host, "Accept-Encoding": "identity"}
        if self._proxy and self._origin.scheme == "http":
            target, headers = f"http://{host}{target}", headers | self._proxy_headers
        self._head = f"POST {target} HTTP/1.1\r\n{_lines(headers)}"

    def post(self, headers: dict[str, str], body: bytes) -> Answer:
        """One request, and the whole of its answer, whatever its status.

        Raises:
            ConnectTimeoutError, EndpointConnectionError, ProxyConnectionError, SSLError: there was
                no connection; nothing was sent.
            ReadTimeoutError, HTTPClientError: the answer is lost.
        """
        connection = self._kept_one() or self._connect()
        head = f"{self._head}{_lines(headers)}Content-Length: {len(body)}\r\n\r\n"
        keep = False
        try:
            answer = _round(connection.sock, head.encode("latin-1") + body)
            keep = answer.keep_alive
        except TimeoutError as error:
            raise ReadTimeoutError(endpoint_url=self._url, error=error) from None
        except HttpParserError as error:
            raise HTTPClientError(error=error) from None
        except OSError as error:
            raise ConnectionClosedError(endpoint_url=self._url, error=error) from None
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
        connection = self._new_connection()
        try:
            connection.connect()
        except BaseException as error:
            connection.close()
            raise self._in_botocores_words(error) from None
        connection.sock.settimeout(self._read_timeout)
        return connection

    def _new_connection(self) -> HTTPConnection:
        origin, proxy = self._origin, self._proxy
        tls_of_proxy = proxy is not None and proxy.scheme == "https"
        port = origin.port or (443 if origin.scheme == "https" else 80)
        common: dict[str, Any] = {
            "host": proxy.host if proxy else origin.hostname,
            "port": proxy.port or (443 if tls_of_proxy else 80) if proxy else port,
            "timeout": self._connect_timeout,
            "socket_options": [*HTTPConnection.default_socket_options, KEEP_ALIVE],
            "proxy": proxy,
            "proxy_config": ProxyConfig(self._tls, False, None, None) if proxy else None,
        }
        if origin.scheme == "http" and not tls_of_proxy:
            return HTTPConnection(**common)
        connection = HTTPSConnection(**common, ssl_context=self._tls)
        if proxy and origin.scheme == "https":
            connection.set_tunnel(
                str(origin.hostname), port, self._proxy_headers, proxy.scheme or "http"
            )
        return connection

    def _in_botocores_words(self, error: BaseException) -> BaseException:
        told = error
        match error:
            case NoConnectionInTime() | TimeoutError() if not isinstance(error, NewConnectionError):
                told = ConnectTimeoutError(endpoint_url=self._url, error=error)
            case ssl.SSLError():
                told = SSLError(endpoint_url=self._url, error=error)
            case HTTPError() | OSError() if self._proxy:
                told = ProxyConnectionError(proxy_url=self._proxy.host, error=error)
            case HTTPError() | OSError():
                told = EndpointConnectionError(endpoint_url=self._url, error=error)
        return told


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
