"""gunicorn's threads, guarded from slow callers, and answering with problems what is not HTTP.

gunicorn reads a request, and writes its answer, in the thread that serves it, so that a caller who
sends or takes a byte now and then holds a thread for as long as he likes; a few of them hold all.
Here the event loop waits: a thread takes a request on once the whole of it is there, for requests
are small (`framing`), and gives the answer back whole. And gunicorn tells parse errors in HTML,
with a piece of what it could not parse.
"""

import errno
import io
import json
import math
import re
import socket
import ssl
import struct
import sys
import time
import uuid
from collections import deque
from collections.abc import Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from selectors import EVENT_READ, EVENT_WRITE
from typing import Any

import structlog
from gunicorn import http, util
from gunicorn.http.errors import (
    InvalidHeader,
    LimitRequestHeaders,
    LimitRequestLine,
    ParseException,
)
from gunicorn.sock import ssl_context
from gunicorn.workers.gthread import TConn, ThreadWorker

from app.domain.errors import ErrorCode, ServiceError
from app.http import security_headers
from app.http.body import TOO_LARGE
from app.http.framing import (
    CHUNKED_MAX_BYTES,
    HEAD_MAX_BYTES,
    REQUEST_LINE_MAX_BYTES,
    BodyTooLarge,
    Progress,
    is_whole,
)
from app.http.problems import PROBLEM_JSON, problem
from app.http.request_ids import HEADER as REQUEST_ID
from app.http.tls import TlsSocket
from app.observability import logs
from app.observability.calls import CognitoUse

logger = structlog.get_logger(__name__)

REQUEST_SECONDS = 10.0
"""From a request's first byte, or the connection's beginning, to the request's last byte."""
ANSWER_SECONDS = 60.0
"""For a caller to take the whole of an answer; the largest, of the docs, takes 1.7 MB."""
LINGER_SECONDS = 2.0
"""How long to listen on after the last answer: to close at once, with something unread, could cost
the caller that answer (RFC 9112, section 9.6)."""
LINGERING_MAX = 256
EXHAUSTED_SECONDS = 5.0
"""How long to keep to the connections that were open when the system had no file for another."""

PIECE_BYTES = 64 * 1024
"""How much is read or written at a time, before others have their turn."""
SEND_BUFFER_BYTES = 2 * PIECE_BYTES
"""What the system holds for a caller who takes nothing; left to itself, it would be megabytes."""

WOULD_BLOCK = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
INCOMPLETE = object()
"""What becomes of a connection whose request has not all arrived: the event loop waits for it."""
UNTAKEN = object()
"""What becomes of a connection whose caller has not taken the whole answer: likewise."""
CERTIFICATE_SECONDS = 60.0
"""Between two log lines that say that the certificate cannot be used."""
HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[\w.~!$&'()*+,;=%-]*)(:\d*)?", re.ASCII)
"""RFC 9110, section 7.2: a host of RFC 3986, section 3.2.2, and perhaps a port."""
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class RequestTimeout(ParseException):  # type: ignore[misc]
    """A request that began and did not end in time."""


REFUSALS: Mapping[type[ParseException], ServiceError] = {
    LimitRequestLine: ServiceError(
        ErrorCode.URI_TOO_LONG, f"The request line may take {REQUEST_LINE_MAX_BYTES} bytes at most."
    ),
    LimitRequestHeaders: ServiceError(
        ErrorCode.HEADERS_TOO_LARGE, "The request has too many headers, or too large ones."
    ),
    BodyTooLarge: ServiceError(ErrorCode.BODY_TOO_LARGE, TOO_LARGE),
    RequestTimeout: ServiceError(
        ErrorCode.REQUEST_TIMEOUT,
        f"The request did not arrive within {REQUEST_SECONDS:.0f} seconds. Send it again.",
    ),
}
MALFORMED = ServiceError(ErrorCode.MALFORMED_REQUEST, "The request is not well-formed HTTP.")
UNEXPECTED = ServiceError(ErrorCode.INTERNAL_ERROR, "Something went wrong on our side.")


def awaited(error: OSError, plain: int) -> int:
    """The event that one of `WOULD_BLOCK` asks for: TLS says so itself, TCP asks for `plain`."""
    if isinstance(error, ssl.SSLWantReadError):
        return EVENT_READ
    return EVENT_WRITE if isinstance(error, ssl.SSLWantWriteError) else plain


class Incoming:
    """Where gunicorn's parser would read on: there is no more than `Connection.gather` gave it."""

    def recv(self, size: int) -> bytes:
        raise ParseException


class Outgoing:
    """An answer on its way: gunicorn writes it here as if to a socket, and is never kept waiting.

    Pieces are kept as they are given: what many take at once, the docs, is in memory once.
    """

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._next = memoryview(b"")

    def sendall(self, piece: bytes) -> None:
        if piece:
            self._pieces.append(piece)

    def send_to(self, sock: Any) -> bool:
        """Send some of it; whether that was the rest.

        Raises:
            OSError: one of `WOULD_BLOCK`, after which the same bytes are to be sent (as TLS asks),
                or the end of the connection.
        """
        if not self._next:
            if sum(map(len, self._pieces)) <= PIECE_BYTES:  # head and body in one packet
                self._pieces = [b"".join(self._pieces)]
            self._next = memoryview(self._pieces.pop(0))
        self._next = self._next[sock.send(self._next[:PIECE_BYTES]) :]
        if not self._next:
            self._next = memoryview(b"")  # an empty view of an answer would keep all of it
        return not self._next and not self._pieces

    def __bool__(self) -> bool:
        return bool(self._next or self._pieces)


@dataclass
class Exchange:
    """What gunicorn needs of a connection to have a request answered."""

    client: Any
    server: Any
    sock: Outgoing = field(default_factory=Outgoing)


@dataclass
class Unreadable:
    """A body that is unfinished or malformed: the application tells of it, if it reads it."""

    error: ParseException

    def read(self, size: int = -1) -> bytes:
        raise self.error


@dataclass
class Arriving:
    """A request on its way."""

    received: bytearray = field(default_factory=bytearray)
    progress: Progress = field(default_factory=Progress)
    since: float = field(default_factory=time.monotonic)
    """When its first byte came, or, before the first of all, the connection."""


class Connection(TConn):  # type: ignore[misc]
    """A caller's connection, read and written without blocking."""

    sock: Any  # a socket, and then a TlsSocket
    parser: Any

    def __init__(self, worker: "Worker", *args: Any) -> None:
        super().__init__(worker.cfg, *args)
        self._worker = worker
        self._shook_hands = not self.cfg.is_ssl
        self.request = Arriving()
        self.hung_up = False
        """Whether the caller has said that no more comes."""
        self.awaited = EVENT_READ
        """What the socket is to be ready for before going on: TLS may write to read, and read to
        write."""
        self.answer = Outgoing()
        self.kept: object = False
        """Truthy when there may be another request after this one."""

    @property
    def begun(self) -> bool:
        """Whether a part of a request is there; a line break that strayed in is none."""
        return bool(self.request.received.strip(b"\r\n"))

    def open(self) -> None:
        """Make it ready to be read; a TLS handshake takes several calls.

        Raises:
            OSError: one of `WOULD_BLOCK`, or the end of the connection.
        """
        self.sock.setblocking(False)
        if self.parser is None:
            if self.cfg.is_ssl:
                self.sock = TlsSocket(self.sock, self._worker.tls())
            self.parser = http.get_parser(self.cfg, Incoming(), self.client)
            self.initialized = True
        if not self._shook_hands:
            self.sock.do_handshake()
            self._shook_hands = True

    def gather(self) -> bool:
        """Take in what has come. True when it is a whole request, or enough to refuse it.

        Raises:
            ConnectionAbortedError: the caller hung up before the end of it.
            ParseException: it is too large.
        """
        received = self.request.received
        if self.kept and not self.begun:
            self.request.since = time.monotonic()
        received += self.parser.unreader.take_buffered()
        try:
            while len(received) < HEAD_MAX_BYTES + CHUNKED_MAX_BYTES:
                piece = self.sock.recv(PIECE_BYTES)
                if not piece:
                    self.hung_up = True
                    break
                received += piece
        except WOULD_BLOCK as error:
            self.awaited = awaited(error, EVENT_READ)
        progress = self.request.progress
        whole = is_whole(received, progress)
        if not whole and len(received) >= HEAD_MAX_BYTES + CHUNKED_MAX_BYTES:
            raise LimitRequestHeaders("all together")
        if self.hung_up and not whole:
            raise ConnectionAbortedError
        if not whole and progress.awaits_continue:
            self.sock.send(b"HTTP/1.1 100 Continue\r\n\r\n")
            progress.awaits_continue = False
        return whole

    def taken_on(self) -> None:
        """A thread has this request; the next one has a time of its own."""
        self.parser.unreader.unread(bytes(self.request.received))
        self.request = Arriving(since=self.request.since)

    def init(self) -> None:
        """gunicorn's call before it parses, when it has made the socket one that waits."""
        self.sock.setblocking(False)

    def close(self, graceful: bool = False) -> None:
        if graceful:
            self._worker.linger(self)
            return
        self.say_no_more_comes()
        util.close(self.sock)

    def say_no_more_comes(self) -> None:
        """In TLS: a caller could not tell a closed connection from a cut one (RFC 8446, 6.1)."""
        if isinstance(self.sock, TlsSocket):
            with suppress(OSError):
                self.sock.unwrap()


class Worker(ThreadWorker):  # type: ignore[misc]
    """gunicorn's gthread worker; set as `worker_class`."""

    sockets: list[socket.socket]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._answering: deque[Connection] = deque()
        self._lingering: deque[Connection] = deque()
        self._all_connections_at = math.inf
        """When to try again whether there are files enough for as many as are configured."""
        self._tls: ssl.SSLContext | None = None
        self._certificate_told_at = -math.inf

    def tls(self) -> ssl.SSLContext:
        """Made anew for each connection: a renewed certificate serves the next one.

        One that is missing or wrong, as in the middle of a renewal, does not: the last serves on.

        Raises:
            OSError: there has been none yet.
        """
        try:
            self._tls = ssl_context(self.cfg)
        except OSError as error:
            if self._certificate_told_at + CERTIFICATE_SECONDS <= time.monotonic():
                self._certificate_told_at = time.monotonic()
                logger.error("certificate_unusable", error=type(error).__name__)
            if self._tls is None:
                raise
        return self._tls

    def set_accept_enabled(self, enabled: bool) -> None:
        """Listen or not; and a worker that is to stop has nobody wait for what it will not do.

        It serves those who have connected already. If nobody else listens, newcomers are refused.
        A worker that has no room listens on while there are idle connections to close instead.
        """
        if self.alive and self.keepalived_conns:
            enabled = True
        super().set_accept_enabled(enabled and self.alive)
        if not self.alive:
            for listener in self.sockets:
                while self.nr_conns < self.worker_connections and self.accept(listener):
                    pass
                listener.close()
            self.sockets = []  # gunicorn says it again

    def handle_quit(self, sig: int, frame: Any) -> None:
        """End at once, but from the event loop: the signal may have interrupted it while it held
        the lock of the pool, which gunicorn would wait for here."""
        self.alive = False
        self.method_queue.defer(sys.exit, 0)

    def accept(self, listener: socket.socket) -> bool:
        """Take a connection, or find that there is none or that a sibling has taken it."""
        try:
            client, address = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return False
        except OSError as error:
            if error.errno not in (errno.EMFILE, errno.ENFILE):
                raise
            if self._close_longest_idle():
                return False
            # For now no more than these can be open: accept again when one has ended, or soon.
            self.worker_connections = max(1, self.nr_conns)
            self._all_connections_at = time.monotonic() + EXHAUSTED_SECONDS
            logger.warning("connections_exhausted", open=self.nr_conns)
            return False
        client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        self.nr_conns += 1
        if self.nr_conns > self.worker_connections:
            self._close_longest_idle()
        self.enqueue_req(Connection(self, client, address, listener.getsockname()))
        return True

    def _close_longest_idle(self) -> bool:
        """Close a connection that was kept for a next request; whether there was one."""
        if not self.keepalived_conns:
            return False
        conn = self.keepalived_conns.popleft()
        self.poller.unregister(conn.sock)
        self.nr_conns -= 1
        conn.close()
        return True

    def on_client_socket_readable(self, conn: Connection, client: Any) -> None:
        if conn in self.keepalived_conns:  # not closed since the event loop saw it readable
            super().on_client_socket_readable(conn, client)

    def murder_keepalived(self, force: bool = False) -> None:
        super().murder_keepalived(force)
        if self.alive and self.keepalived_conns:
            self.set_accept_enabled(True)

    def handle(self, conn: Connection) -> object:
        """In a thread: serve the request if it is whole; truthy to keep the connection."""
        conn.awaited = EVENT_READ
        try:
            conn.open()
            if not conn.gather():
                idle = not conn.begun and conn.awaited == EVENT_READ
                return (idle and conn.kept) or INCOMPLETE
        except WOULD_BLOCK as error:
            conn.awaited = awaited(error, EVENT_READ)
            return INCOMPLETE
        except OSError as error:  # it hung up, or speaks no TLS
            logger.debug("connection_ended", error=type(error).__name__)
            return False
        except ParseException as error:
            self._refuse(conn, error)
            return False
        conn.taken_on()
        try:
            conn.kept = super().handle(conn)
        except Exception as error:
            self._refuse(conn, error)
            return False
        return self._send(conn)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """gunicorn's call, out of its `handle`: ours goes on with it."""
        raise exc

    def handle_request(self, req: Any, conn: Connection) -> bool:
        """As gunicorn does, but for the checks that RFC 9112, section 3.2 asks for, and writing."""
        hosts = [value for name, value in req.headers if name == "HOST"]
        if (req.version >= (1, 1) and not hosts) or not all(map(HOST.fullmatch, hosts)):
            raise InvalidHeader("HOST", req=req)
        # RFC 9110, section 4.2.3; Flask would redirect there, to wherever the Host says.
        req.path = req.path or "/"
        req._expected_100_continue = False  # `gather` has seen to it
        try:
            req.body = io.BytesIO(req.body.read())
        except ParseException as error:  # nobody knows where a next request would begin
            req.body = Unreadable(error)
            req.force_close()
        if conn.hung_up and not conn.parser.unreader.buf.getvalue():
            req.force_close()
        exchange = Exchange(conn.client, conn.server)
        kept: bool = super().handle_request(req, exchange)
        conn.answer = exchange.sock
        return kept

    def _keepalive_after(self, conn: Connection, keepalive: bool) -> bool:
        """The body has been read, or the connection is to end."""
        return keepalive

    def _send(self, conn: Connection) -> object:
        """Some of the answer: truthy to keep the connection after it, `UNTAKEN` if not all."""
        conn.awaited = EVENT_WRITE
        try:
            return conn.kept if not conn.answer or conn.answer.send_to(conn.sock) else UNTAKEN
        except WOULD_BLOCK as error:
            conn.awaited = awaited(error, EVENT_WRITE)
            return UNTAKEN
        except OSError as error:
            logger.debug("connection_ended", error=type(error).__name__)
            return False

    def finish_request(self, conn: Connection, fs: "Future[object]") -> None:
        """In the event loop, when a thread is done with a connection."""
        outcome = None if fs.cancelled() or fs.exception() is not None else fs.result()
        if outcome is INCOMPLETE:
            conn.timeout = conn.request.since + REQUEST_SECONDS
            if not self.alive and not conn.begun:
                conn.timeout = min(conn.timeout, time.monotonic() + LINGER_SECONDS)
            self.pending_conns.append(conn)
            await_request = partial(self.on_pending_socket_readable, conn)
            self.poller.register(conn.sock, conn.awaited, await_request)
        elif outcome is UNTAKEN:
            conn.timeout = time.monotonic() + ANSWER_SECONDS
            self._answering.append(conn)
            self.poller.register(conn.sock, conn.awaited, partial(self._on_sendable, conn))
        else:
            super().finish_request(conn, fs)

    def _on_sendable(self, conn: Connection, _: socket.socket) -> None:
        outcome = self._send(conn)
        if outcome is UNTAKEN:
            self.poller.modify(conn.sock, conn.awaited, partial(self._on_sendable, conn))
            return
        self._answering.remove(conn)
        self.poller.unregister(conn.sock)
        answered: Future[object] = Future()
        answered.set_result(outcome)
        super().finish_request(conn, answered)

    def _cap_keepalive(self, deadline: float) -> None:
        super()._cap_keepalive(deadline)
        for conn in self.pending_conns:
            if not conn.begun:
                conn.timeout = min(conn.timeout, deadline)

    def murder_pending(self) -> None:
        """Give up on requests that do not end, answers that are not taken, and callers that do not
        hang up."""
        now = time.monotonic()
        if self._all_connections_at <= now:
            self._all_connections_at = math.inf
            self.worker_connections = self.cfg.worker_connections
        for conn in [conn for conn in self.pending_conns if conn.timeout <= now]:
            self.pending_conns.remove(conn)
            self.poller.unregister(conn.sock)
            if conn.begun:
                self._refuse(conn, RequestTimeout())
            self.nr_conns -= 1
            conn.close(graceful=conn.begun)
        while self._answering and self._answering[0].timeout <= now:
            conn = self._answering.popleft()
            self.poller.unregister(conn.sock)
            self.nr_conns -= 1
            logger.info("answer_untaken", seconds=ANSWER_SECONDS)
            conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            util.close(conn.sock)
        while self._lingering and self._lingering[0].timeout <= now:
            self._bury(self._lingering[0])

    def linger(self, conn: Connection) -> None:
        """Say that there is no more to come, and close when the caller does; without waiting."""
        if len(self._lingering) >= LINGERING_MAX:
            self._bury(self._lingering[0])
        try:
            conn.sock.setblocking(False)
            conn.say_no_more_comes()
            conn.sock.shutdown(socket.SHUT_WR)
            self.poller.register(conn.sock, EVENT_READ, partial(self._on_lingering_readable, conn))
        except (OSError, ValueError):
            util.close(conn.sock)
            return
        conn.timeout = time.monotonic() + LINGER_SECONDS
        self._lingering.append(conn)
        self.nr_conns += 1

    def _on_lingering_readable(self, conn: Connection, _: socket.socket) -> None:
        if conn not in self._lingering:  # closed since the event loop saw it readable
            return
        try:
            if conn.sock.recv(PIECE_BYTES):
                return
        except (BlockingIOError, ssl.SSLWantReadError):
            return
        except OSError:  # also where TLS would first write, to one who does not read
            pass
        self._bury(conn)

    def _bury(self, conn: Connection) -> None:
        self._lingering.remove(conn)
        self.poller.unregister(conn.sock)
        self.nr_conns -= 1
        util.close(conn.sock)

    def _refuse(self, conn: Connection, exc: Exception) -> None:
        """Answer, as a problem, what the application does not get to see or could not answer.

        Nothing of the request is repeated, here or in the log.
        """
        if isinstance(exc, ParseException):
            error = REFUSALS.get(type(exc), MALFORMED)
        else:
            error = UNEXPECTED
            logger.error("unexpected_error", error=type(exc).__name__, exc_info=exc)
        request_id = str(uuid.uuid4())
        members = problem(error, f"urn:uuid:{request_id}", request_id)
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        logs.record_request(
            "unparsed",
            "unparsed",
            members["status"],
            time.monotonic() - conn.request.since,
            CognitoUse(),
            code=error.code.value,
        )
        try:
            conn.sock.setblocking(False)
            conn.sock.send(_response(members, self.cfg.is_ssl))
        except OSError:
            logger.debug("connection_ended", error="unanswered")


def _response(members: Mapping[str, Any], https: bool) -> bytes:
    body = json.dumps(members).encode()
    headers = {
        "Content-Type": PROBLEM_JSON,
        "Content-Length": str(len(body)),
        "Connection": "close",
        "Date": util.http_date(),
        REQUEST_ID: members["requestId"],
        **security_headers.headers(https),
    }
    status = HTTPStatus(members["status"])
    lines = [f"HTTP/1.1 {status.value} {status.phrase}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body
