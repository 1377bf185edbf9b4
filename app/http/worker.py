"""gunicorn's threads, guarded from slow callers, and answering with problems what is not HTTP.

gunicorn reads a request in the thread that serves it, so that a caller who sends a byte now and
then holds a thread for as long as he likes; a few of them hold all. Here the event loop waits, and
a thread takes a request on once the whole of it is there: requests are small (`HEAD_MAX_BYTES`,
`BODY_MAX_BYTES`). And gunicorn tells parse errors in HTML, with a piece of what it could not parse.
"""

import errno
import json
import re
import socket
import ssl
import time
import uuid
from collections import deque
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from selectors import EVENT_READ
from typing import Any

import structlog
from gunicorn import http, util
from gunicorn.http.errors import (
    InvalidHeader,
    LimitRequestHeaders,
    LimitRequestLine,
    ParseException,
)
from gunicorn.sock import ssl_wrap_socket
from gunicorn.workers.gthread import TConn, ThreadWorker

from app.errors import DeviceError, ErrorCode
from app.http import security_headers
from app.http.body import BODY_MAX_BYTES
from app.http.problems import PROBLEM_JSON, problem
from app.http.request_ids import HEADER as REQUEST_ID
from app.observability import metrics

access = structlog.get_logger("app.access")
logger = structlog.get_logger(__name__)

HEAD_MAX_BYTES = 64 * 1024
REQUEST_LINE_MAX_BYTES = 8190
CHUNKED_MAX_BYTES = 2 * BODY_MAX_BYTES
"""With chunk sizes and extensions, which the body's own limit does not count."""

REQUEST_SECONDS = 10.0
"""From a request's first byte, or the connection's beginning, to the request's last byte."""
WRITE_SECONDS = 10.0
"""For a caller to take a piece of the answer."""
LINGER_SECONDS = 2.0
"""How long to listen on after the last answer: to close at once, with something unread, could cost
the caller that answer (RFC 9112, section 9.6)."""
LINGERING_MAX = 256

CHUNK_SIZE = re.compile(rb"0*[0-9A-Fa-f]{1,8}")

WOULD_BLOCK = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
INCOMPLETE = object()
"""What becomes of a connection whose request has not all arrived: the event loop waits for it."""


class BodyTooLarge(ParseException):  # type: ignore[misc]
    """A chunked body that goes on and on."""


class RequestTimeout(ParseException):  # type: ignore[misc]
    """A request that began and did not end in time."""


ANSWERS: Mapping[type[ParseException], DeviceError] = {
    LimitRequestLine: DeviceError(
        ErrorCode.URI_TOO_LONG, f"The request line may take {REQUEST_LINE_MAX_BYTES} bytes at most."
    ),
    LimitRequestHeaders: DeviceError(
        ErrorCode.HEADERS_TOO_LARGE, "The request has too many headers, or too large ones."
    ),
    BodyTooLarge: DeviceError(ErrorCode.BODY_TOO_LARGE, "The body may take 16 KiB at most."),
    RequestTimeout: DeviceError(
        ErrorCode.REQUEST_TIMEOUT,
        f"The request did not arrive within {REQUEST_SECONDS:.0f} seconds. Send it again.",
    ),
}
MALFORMED = DeviceError(ErrorCode.MALFORMED_REQUEST, "The request is not well-formed HTTP.")
UNEXPECTED = DeviceError(ErrorCode.INTERNAL_ERROR, "Something went wrong on our side.")


@dataclass
class Progress:
    """How far into a chunked body it is known to be well: what has been read is not read again."""

    chunks_at: int = 0


class Connection(TConn):  # type: ignore[misc]
    """A caller's connection, read without blocking until a whole request is there."""

    sock: Any  # a socket, and then an SSLSocket
    parser: Any

    def __init__(self, worker: "Worker", *args: Any) -> None:
        super().__init__(worker.cfg, *args)
        self._worker = worker
        self._shook_hands = not self.cfg.is_ssl
        self._told_to_continue = False
        self._progress = Progress()
        self.due: float | None = time.monotonic() + REQUEST_SECONDS

    @property
    def begun(self) -> bool:
        """Whether a part of a request is there."""
        return self.parser is not None and bool(self.parser.unreader.buf.getvalue())

    def open(self) -> None:
        """Make it ready to be read; a TLS handshake takes several calls.

        Raises:
            OSError: one of `WOULD_BLOCK`, or the end of the connection.
        """
        self.sock.setblocking(False)
        if self.parser is None:
            if self.cfg.is_ssl:
                self.sock = ssl_wrap_socket(self.sock, self.cfg)
            self.parser = http.get_parser(self.cfg, self.sock, self.client)
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
        if self.due is None:
            self.due = time.monotonic() + REQUEST_SECONDS
        received = bytearray(self.parser.unreader.take_buffered())
        hung_up = False
        try:
            while len(received) < HEAD_MAX_BYTES + CHUNKED_MAX_BYTES:
                piece = self.sock.recv(64 * 1024)
                if not piece:
                    hung_up = True
                    break
                received += piece
        except WOULD_BLOCK:
            pass
        finally:
            self.parser.unreader.unread(bytes(received))
        whole = is_whole(bytes(received), self._progress)
        if not whole and len(received) >= HEAD_MAX_BYTES + CHUNKED_MAX_BYTES:
            raise LimitRequestHeaders("all together")
        if hung_up and not whole:
            raise ConnectionAbortedError
        if not whole and not self._told_to_continue and awaits_continue(bytes(received)):
            self.sock.send(b"HTTP/1.1 100 Continue\r\n\r\n")
            self._told_to_continue = True
        return whole

    def taken_on(self) -> None:
        """A thread has this request; the next one has a time of its own."""
        self.due = None
        self._told_to_continue = False
        self._progress = Progress()

    def init(self) -> None:
        """gunicorn's call before it parses: reading is over by now, and writing must end too."""
        self.sock.settimeout(WRITE_SECONDS)

    def close(self, graceful: bool = False) -> None:
        if graceful:
            self._worker.linger(self)
        else:
            util.close(self.sock)


class Worker(ThreadWorker):  # type: ignore[misc]
    """gunicorn's gthread worker; set as `worker_class`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._lingering: deque[Connection] = deque()

    def accept(self, listener: socket.socket) -> None:
        """Take a connection, or find that a sibling has taken it."""
        try:
            client, address = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        except OSError as error:
            if error.errno not in (errno.EMFILE, errno.ENFILE):
                raise
            # No more than these can be open: the event loop accepts again when one has ended.
            self.worker_connections = max(1, self.nr_conns)
            logger.warning("connections_exhausted", open=self.nr_conns)
            return
        self.nr_conns += 1
        self.enqueue_req(Connection(self, client, address, listener.getsockname()))

    def handle(self, conn: Connection) -> object:
        """In a thread: serve the request if it is whole; truthy to keep the connection."""
        try:
            conn.open()
            if not conn.gather():
                return INCOMPLETE
        except WOULD_BLOCK:
            return INCOMPLETE
        except OSError as error:  # it hung up, or speaks no TLS
            logger.debug("connection_ended", error=type(error).__name__)
            return False
        except ParseException as error:
            self.handle_error(None, conn.sock, conn.client, error)
            return False
        conn.taken_on()
        return super().handle(conn)

    def handle_request(self, req: Any, conn: Connection) -> bool:
        """As gunicorn does, after a check that RFC 9112, section 3.2 asks for."""
        if req.version >= (1, 1) and not any(name == "HOST" for name, _ in req.headers):
            raise InvalidHeader("HOST", req=req)
        kept: bool = super().handle_request(req, conn)
        return kept

    def _keepalive_after(self, conn: Connection, keepalive: bool) -> bool:
        """Nobody waits for a body that nobody read: what of it is here is skipped, or else the
        connection ends."""
        at_once = time.monotonic() + 0.01
        try:
            return keepalive and bool(conn.parser.finish_body(deadline=at_once))
        except ParseException:  # in a body that nobody read: the answer is out already
            return False

    def finish_request(self, conn: Connection, fs: "Future[object]") -> None:
        """In the event loop, when a thread is done with a connection."""
        if fs.cancelled() or fs.exception() is not None or fs.result() is not INCOMPLETE:
            super().finish_request(conn, fs)
            return
        conn.timeout = conn.due
        if not self.alive and not conn.begun:
            conn.timeout = min(conn.due or 0.0, time.monotonic() + LINGER_SECONDS)
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, EVENT_READ, partial(self.on_pending_socket_readable, conn))

    def _cap_keepalive(self, deadline: float) -> None:
        super()._cap_keepalive(deadline)
        for conn in self.pending_conns:
            if not conn.begun:
                conn.timeout = min(conn.timeout, deadline)

    def murder_pending(self) -> None:
        """Give up on requests that do not end, and on callers that do not hang up."""
        now = time.monotonic()
        for conn in [conn for conn in self.pending_conns if conn.timeout <= now]:
            self.pending_conns.remove(conn)
            self.poller.unregister(conn.sock)
            if conn.begun:
                self.handle_error(None, conn.sock, conn.client, RequestTimeout())
            self.nr_conns -= 1
            conn.close(graceful=conn.begun)
        while self._lingering and self._lingering[0].timeout <= now:
            self._bury(self._lingering[0])

    def linger(self, conn: Connection) -> None:
        """Say that there is no more to come, and close when the caller does; without waiting."""
        if len(self._lingering) >= LINGERING_MAX:
            self._bury(self._lingering[0])
        try:
            conn.sock.shutdown(socket.SHUT_WR)
            conn.sock.setblocking(False)
            self.poller.register(conn.sock, EVENT_READ, partial(self._on_lingering_readable, conn))
        except (OSError, ValueError):
            util.close(conn.sock)
            return
        conn.timeout = time.monotonic() + LINGER_SECONDS
        self._lingering.append(conn)
        self.nr_conns += 1

    def _on_lingering_readable(self, conn: Connection, _: socket.socket) -> None:
        try:
            if conn.sock.recv(64 * 1024):
                return
        except WOULD_BLOCK:
            return
        except OSError:
            pass
        self._bury(conn)

    def _bury(self, conn: Connection) -> None:
        self._lingering.remove(conn)
        self.poller.unregister(conn.sock)
        self.nr_conns -= 1
        util.close(conn.sock)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Answer, as a problem, what the application does not get to see or could not answer.

        Nothing of the request is repeated, here or in the log.
        """
        if isinstance(exc, ParseException):
            error = ANSWERS.get(type(exc), MALFORMED)
        else:
            error = UNEXPECTED
            logger.error("unexpected_error", error=type(exc).__name__, exc_info=exc)
        request_id = str(uuid.uuid4())
        members = problem(error, f"urn:uuid:{request_id}", request_id)
        access.info(
            "request",
            route="unparsed",
            status=members["status"],
            code=error.code.value,
            request_id=request_id,
        )
        metrics.REQUESTS.labels("unparsed", "unparsed", members["status"]).observe(0)
        try:
            client.settimeout(0)
            client.send(_response(members, isinstance(client, ssl.SSLSocket)))
        except OSError:
            logger.debug("connection_ended", error="unanswered")


def _response(members: Mapping[str, Any], https: bool) -> bytes:
    body = json.dumps(members).encode()
    headers = {
        "Content-Type": PROBLEM_JSON,
        "Content-Length": str(len(body)),
        "Connection": "close",
        REQUEST_ID: members["requestId"],
        **security_headers.headers(https),
    }
    status = HTTPStatus(members["status"])
    lines = [f"HTTP/1.1 {status.value} {status.phrase}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def is_whole(received: bytes, progress: Progress | None = None) -> bool:
    """Whether `received` begins with a whole request, or with one that is refused as it stands.

    Raises:
        ParseException: it is too large to go on listening.
    """
    received = received.removeprefix(b"\r\n")  # RFC 9112, section 2.2: one may stray in
    if received.startswith(b"\r\n"):
        return True
    head, ended, body = received.partition(b"\r\n\r\n")
    if len(head) > HEAD_MAX_BYTES:
        raise LimitRequestHeaders("all together")
    if not ended:
        line, line_ended, _ = head.partition(b"\r\n")
        too_long = not line_ended and len(line) > REQUEST_LINE_MAX_BYTES + 2
        bare_line_feed = received.count(b"\n") != received.count(b"\r\n")
        return too_long or bare_line_feed
    codings = _values(head, b"transfer-encoding")
    ambiguous = _values(head, b"content-length") or b"HTTP/1.0" in head.partition(b"\r\n")[0]
    if codings and (codings != [b"chunked"] or ambiguous):
        return True  # and refused
    if codings:
        if len(body) > CHUNKED_MAX_BYTES:
            raise BodyTooLarge
        return _chunks_end(body, progress or Progress())
    lengths = _values(head, b"content-length")
    if len(lengths) != 1 or not lengths[0].isdigit():
        return True
    length = lengths[0].lstrip(b"0") or b"0"
    return len(length) > 9 or int(length) > BODY_MAX_BYTES or len(body) >= int(length)


def awaits_continue(received: bytes) -> bool:
    """Whether the caller will not send the body before it is told to (RFC 9110, 10.1.1)."""
    head, ended, _ = received.partition(b"\r\n\r\n")
    return bool(ended) and b"100-continue" in _values(head, b"expect")


def _values(head: bytes, name: bytes) -> list[bytes]:
    fields = (line.partition(b":") for line in head.lower().split(b"\r\n")[1:])
    return [value.strip() for field, _, value in fields if field == name]


def _chunks_end(body: bytes, progress: Progress) -> bool:
    """Whether the last chunk and the trailers are there (RFC 9112, section 7.1), or an error."""
    while True:
        at = progress.chunks_at
        end = body.find(b"\r\n", at)
        if end < 0:
            return False
        line = body[at:end]
        digits = line.partition(b";")[0].rstrip(b" \t")
        if not CHUNK_SIZE.fullmatch(digits):
            return True
        size = int(digits, 16)
        at += len(line) + 2
        if size == 0:
            return body.startswith(b"\r\n", at) or body.find(b"\r\n\r\n", at) >= 0
        at += size + 2
        if at > len(body):
            return False
        progress.chunks_at = at
