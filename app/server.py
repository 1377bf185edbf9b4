"""gunicorn's gevent worker (`worker_class`), guarded from slow callers and from idle ones."""

import ssl
import time
from contextlib import suppress
from typing import Any

import gevent
from gevent.server import StreamServer
from gunicorn import util
from gunicorn.http.errors import ParseException
from gunicorn.workers.ggevent import GeventWorker

from app.factory import DRAINING
from app.http import unparsed

REQUEST_SECONDS = 10.0  # from a request's first byte to its last; before, for TLS's handshake
ANSWER_SECONDS = 60.0  # for a caller to take the whole of an answer; the docs have 1.7 MB
LINGER_SECONDS = 2.0  # to listen on after the last answer, or it could be lost: RFC 9112, 9.6
SPARE_BYTES = 64 * 1024  # of a request, to find its Origin in; of an answer, to copy
UNREAD_MAX_BYTES = 1024 * 1024  # of a body that is refused: many callers send it all the same


class Connection:
    """A caller's socket, plain or TLS, whose `recv` and `flush` end in time."""

    def __init__(self, sock: Any) -> None:
        self.sock = sock
        self.idle, self.read_by = True, time.monotonic() + REQUEST_SECONDS
        self.heard, self.unsent, self.answered = b"", list[bytes](), False

    def __getattr__(self, name: str) -> Any:
        return getattr(self.sock, name)

    def recv(self, size: int) -> bytes:
        """Raises RequestTimeout if a request has begun; an idle connection just ends."""
        try:
            with gevent.Timeout(max(0.0, self.read_by - time.monotonic()), unparsed.RequestTimeout):
                piece: bytes = self.sock.recv(size)
        except (unparsed.RequestTimeout, OSError):
            if self.idle:
                return b""
            raise
        if self.idle and piece.strip(b"\r\n"):  # a line break may stray in: RFC 9112, section 2.2
            self.idle, self.read_by, self.heard = False, time.monotonic() + REQUEST_SECONDS, b""
        self.heard = (self.heard + piece)[:SPARE_BYTES]
        return piece

    def sendall(self, data: bytes) -> None:
        """Gather an answer: gunicorn sends head and body apart, and one packet does for both."""
        self.unsent.append(data)

    def flush(self) -> None:
        """Raises StopIteration, at which gunicorn closes, if the answer is not taken in time."""
        pieces, self.unsent, self.answered = self.unsent, [], True
        pieces = [b"".join(pieces)] if sum(map(len, pieces)) < SPARE_BYTES else pieces
        with suppress(OSError), gevent.Timeout(ANSWER_SECONDS, TimeoutError):
            for piece in pieces:
                self.sock.sendall(piece)
            return
        raise StopIteration

    def close(self, *, at_once: bool = False) -> None:
        """Close so that the last answer arrives, and say so in TLS (RFC 8446, section 6.1)."""
        self.idle |= at_once  # a greenlet that waits in `recv` or `flush` wakes up
        if self.answered and not at_once:
            with suppress(Exception), gevent.Timeout(LINGER_SECONDS, TimeoutError):
                self.sock.unwrap()  # plain sockets do not
            util.close_graceful(self.sock, LINGER_SECONDS)
        self.sock.close()


class Server(StreamServer):
    max_accept = property(lambda self: 1 + len(self.pool) // 4)  # a turn; few: workers share them


class Worker(GeventWorker):  # type: ignore[misc]
    """Has no room for idle connections when it is full, and closes them when it is to stop."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.waiting: dict[Connection, None] = {}  # for a request; the longest comes first
        self.open, self.draining = 0, False

    def server_class(self, listener: Any, *, spawn: Any, **options: Any) -> Server:
        tls = {"ssl_context": options["ssl_context"]} if self.cfg.is_ssl else {}
        return Server(listener, lambda *who: self.handle(listener, *who), spawn=spawn, **tls)

    def handle(self, listener: Any, client: Any, addr: Any) -> None:
        self.open += 1
        if self.open >= self.worker_connections and self.waiting:
            longest = next((one for one in self.waiting if one.idle), next(iter(self.waiting)))
            del self.waiting[longest]
            longest.close(at_once=True)
        self.waiting[connection := Connection(client)] = None
        try:
            super().handle(listener, connection, addr)
        finally:
            self.waiting.pop(connection, None)
            self.open -= 1

    def handle_request(self, listener_name: Any, req: Any, sock: Any, addr: Any) -> None:
        unparsed.check(req)
        self.waiting.pop(sock, None)
        try:
            super().handle_request(listener_name, req, sock, addr)
        finally:
            self.waiting[sock] = None
            sock.flush()
        gevent.sleep(0)  # others have their turn, however fast this caller asks
        with suppress(ParseException, OSError, unparsed.RequestTimeout):
            if len(req.body.read(UNREAD_MAX_BYTES)) < UNREAD_MAX_BYTES:
                sock.idle, sock.read_by = True, time.monotonic() + self.cfg.keepalive
                return
        raise StopIteration  # it is unknown where a next request would begin

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        if not isinstance(exc, ssl.SSLError | gevent.GreenletExit):
            seconds = time.monotonic() - client.read_by + REQUEST_SECONDS
            environ = unparsed.environ(client.heard, addr, "https" if self.cfg.is_ssl else "http")
            client.sendall(unparsed.answer(self.wsgi, environ, exc, seconds))
            with suppress(StopIteration):
                client.flush()

    def notify(self) -> None:
        """Every second. In a stop, idle connections have one more, for requests on their way."""
        super().notify()
        for connection in (one for one in self.waiting if self.draining and one.idle):
            connection.close(at_once=True)
        self.draining = self.wsgi.extensions[DRAINING] = not self.alive
