"""Where in the bytes that came a request ends (RFC 9112), to know it before a thread parses it.

A request that is refused as it stands counts as whole: gunicorn's parser refuses it.
"""

import re
from dataclasses import dataclass

from gunicorn.http.errors import LimitRequestHeaders, ParseException

from app.http.body import BODY_MAX_BYTES

HEAD_MAX_BYTES = 64 * 1024
REQUEST_LINE_MAX_BYTES = 8190
CHUNKED_MAX_BYTES = 2 * BODY_MAX_BYTES
"""With chunk sizes and extensions, which the body's own limit does not count."""

_CHUNK_SIZE = re.compile(rb"0*[0-9A-Fa-f]{1,8}")


class BodyTooLarge(ParseException):  # type: ignore[misc]
    """A chunked body that goes on and on."""


@dataclass
class Progress:
    """How far into a chunked body it is known to be well: what has been read is not read again."""

    chunks_at: int = 0


def is_whole(received: bytes, progress: Progress | None = None) -> bool:
    """Whether `received` begins with a whole request, or with one that is refused as it stands.

    Raises:
        LimitRequestHeaders, BodyTooLarge: it is too large to go on listening.
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
    ambiguous = _values(head, b"content-length") or _is_http_1_0(head)
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
    """Whether the caller will not send the body before it is told to (RFC 9110, section 10.1.1)."""
    head, ended, _ = received.removeprefix(b"\r\n").partition(b"\r\n\r\n")
    return bool(ended) and b"100-continue" in _values(head, b"expect") and not _is_http_1_0(head)


def _is_http_1_0(head: bytes) -> bool:
    return head.partition(b"\r\n")[0].endswith(b" HTTP/1.0")


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
        if not _CHUNK_SIZE.fullmatch(digits):
            return True
        size = int(digits, 16)
        at += len(line) + 2
        if size == 0:
            return body.startswith(b"\r\n", at) or body.find(b"\r\n\r\n", at) >= 0
        at += size + 2
        if at > len(body):
            return False
        progress.chunks_at = at
