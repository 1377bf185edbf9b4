"""TLS for the event loop: what is read of a connection at a time is bounded.

OpenSSL, left to read a socket, reads on for as long as records come that hold nothing for us, such
as KeyUpdates (RFC 8446, section 4.6.3), and a thread with it; a few such callers would hold all.
Here it is given what has come in pieces, as `ssl.SSLObject` provides for.
"""

import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

Result = TypeVar("Result")

PIECE_BYTES = 64 * 1024
"""What OpenSSL is given at a time. After as much with nothing for us in it, no more is taken."""
RECORD_OVERHEAD = 64
"""How many bytes one that is for us makes up for: more than a record takes that holds just one."""


class TlsSocket:
    """A connected socket that does not block, and TLS over it, as the server.

    Its methods are a socket's. They raise ssl.SSLWantReadError or ssl.SSLWantWriteError when the
    socket must first be ready for that; then they are to be called again, `send` with the same
    bytes.
    """

    def __init__(self, sock: Any, context: ssl.SSLContext) -> None:
        self._sock = sock
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._unsent = memoryview(b"")
        self._sending = b""
        """What `send` was given, and the system has not all taken yet."""
        self._taken_for_nothing = 0
        """How many bytes have come beyond what those of them that are for us make up for."""

    def __getattr__(self, name: str) -> Any:
        """What has nothing to do with TLS: `fileno`, `setsockopt`, `shutdown`, `close`."""
        return getattr(self._sock, name)

    def do_handshake(self) -> None:
        self._advance(self._tls.do_handshake)
        self._flush()

    def recv(self, size: int) -> bytes:
        """`size` bytes at most; none when the caller has ended his side, announced or not.

        Raises:
            ssl.SSLError: what comes is not TLS, or holds nothing for us again and again.
        """
        try:
            received = self._advance(lambda: self._tls.read(size))
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return b""
        paid_for = RECORD_OVERHEAD * len(received)
        self._taken_for_nothing = max(0, self._taken_for_nothing - paid_for)
        return received

    def send(self, data: Any) -> int:
        """How many bytes of `data` the system has taken."""
        self._flush()
        if not self._sending or data[: len(self._sending)] != self._sending:
            self._sending = bytes(data[: self._tls.write(data)])
            self._flush()
        sent, self._sending = len(self._sending), b""
        return sent

    def unwrap(self) -> None:
        """Announce the end of this side; the other's is not waited for."""
        with suppress(ssl.SSLWantReadError):
            self._tls.unwrap()
        self._flush()

    def _advance(self, step: Callable[[], Result]) -> Result:
        """`step`, if need be with the next piece of what has come."""
        self._flush()
        try:
            return step()
        except ssl.SSLWantReadError:
            self._take()
        try:
            return step()
        except ssl.SSLWantReadError:
            self._flush()
            raise
        except ssl.SSLError:
            with suppress(OSError):  # an alert that says why
                self._flush()
            raise

    def _take(self) -> None:
        if self._taken_for_nothing >= PIECE_BYTES:
            raise ssl.SSLError("records that hold nothing")
        try:
            piece = self._sock.recv(PIECE_BYTES)
        except BlockingIOError:
            raise ssl.SSLWantReadError from None
        self._taken_for_nothing += len(piece)
        if piece:
            self._incoming.write(piece)
        else:
            self._incoming.write_eof()

    def _flush(self) -> None:
        while self._unsent or self._outgoing.pending:
            if not self._unsent:
                self._unsent = memoryview(self._outgoing.read())
            try:
                sent = self._sock.send(self._unsent)
            except BlockingIOError:
                raise ssl.SSLWantWriteError from None
            self._unsent = self._unsent[sent:]
