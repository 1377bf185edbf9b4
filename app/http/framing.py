"""Where in the bytes that came a request ends (RFC 9112), to know it before a thread parses it.

A request that is refused as it stands counts as whole: gunicorn's parser refuses it.
"""

import re
from dataclasses import dataclass

from gunicorn.http.errors import InvalidHeader, LimitRequestHeaders, ParseException

from app.http.body import BODY_MAX_BYTES

HEAD_MAX_BYTES = 64 * 1024
REQUEST_LINE_MAX_BYTES = 8190
HEADER_FIELDS_MAX = 64
CHUNKED_MAX_BYTES = 2 * BODY_MAX_BYTES
"""With chunk sizes and extensions, which the body's own limit does not count."""

_BARE_LINE_FEED = re.compile(rb"(?<!\r)\n")
_CHUNK_SIZE = re.compile(rb"0*[0-9A-Fa-f]{1,8}")


class BodyTooLarge(ParseException):  # type: ignore[misc]
    """A chunked body that goes on and on."""


@dataclass
class Progress:
    """What is known of a request that has not all come: what has been read is not read again."""

    read_to: int = 0
    """Up to where there is no end of the head."""
    body_at: int | None = None
    """Where the head has ended, and the body begins."""
    length: int | None = None
    """The body's; `None` when it comes in chunks."""
    chunks_at: int = 0
    """Up to where the chunks are known to be well."""
    awaits_continue: bool = False
    """The caller will not send the body before it is told to (RFC 9110, section 10.1.1)."""


def is_whole(received: bytes | bytearray, progress: Progress | None = None) -> bool:
    """Whether `received` begins with a whole request, or with one that is refused as it stands.

    Raises:
        LimitRequestHeaders, BodyTooLarge: it is too large to go on listening.
        InvalidHeader: it has codings that we do not know.
    """
    progress = progress or Progress()
    if progress.body_at is None:
        start = 2 * received.startswith(b"\r\n")  # RFC 9112, section 2.2: one may stray in
        if received.startswith(b"\r\n", start):
            return True
        end = received.find(b"\r\n\r\n", max(start, progress.read_to - 3))
        if (len(received) if end < 0 else end) - start > HEAD_MAX_BYTES:
            raise LimitRequestHeaders("all together")
        if end < 0:
            line_ended = received.find(b"\r\n", start, start + REQUEST_LINE_MAX_BYTES + 4) >= 0
            too_long = not line_ended and len(received) - start > REQUEST_LINE_MAX_BYTES + 2
            bare_line_feed = _BARE_LINE_FEED.search(received, progress.read_to)
            progress.read_to = len(received)
            return too_long or bare_line_feed is not None
        if _is_refused(bytes(received[start:end]), progress):
            return True
        progress.body_at = progress.chunks_at = end + 4
    if progress.length is not None:
        return len(received) >= progress.body_at + progress.length
    if len(received) - progress.body_at > CHUNKED_MAX_BYTES:
        raise BodyTooLarge
    return _chunks_end(received, progress)


def _is_refused(head: bytes, progress: Progress) -> bool:
    """Learn from the head how the body comes, unless the request is refused for the head alone."""
    if head.count(b"\r\n") > HEADER_FIELDS_MAX:
        raise LimitRequestHeaders("fields")
    codings = _values(head, b"transfer-encoding")
    lengths = _values(head, b"content-length")
    if codings and codings != [b"chunked"]:
        raise InvalidHeader("TRANSFER-ENCODING")
    if codings:
        if lengths or _is_http_1_0(head):
            return True
    elif not lengths:
        progress.length = 0
    else:
        digits = lengths[0].lstrip(b"0") or b"0"
        if len(lengths) > 1 or not lengths[0].isdigit() or len(digits) > 9:
            return True
        progress.length = int(digits)
        if progress.length > BODY_MAX_BYTES:
            return True
    expects = b"100-continue" in _values(head, b"expect")
    progress.awaits_continue = expects and not _is_http_1_0(head)
    return False


def _is_http_1_0(head: bytes) -> bool:
    return head.partition(b"\r\n")[0].endswith(b" HTTP/1.0")


def _values(head: bytes, name: bytes) -> list[bytes]:
    fields = (line.partition(b":") for line in head.lower().split(b"\r\n")[1:])
    return [value.strip() for field, _, value in fields if field == name]


def _chunks_end(received: bytes | bytearray, progress: Progress) -> bool:
    """Whether the last chunk and the trailers are there (RFC 9112, section 7.1), or an error."""
    while True:
        at = progress.chunks_at
        end = received.find(b"\r\n", at)
        if end < 0:
            return False
        digits = received[at:end].partition(b";")[0].rstrip(b" \t")
        if not _CHUNK_SIZE.fullmatch(digits):
            return True
        size = int(digits, 16)
        at = end + 2
        if size == 0:
            return received.startswith(b"\r\n", at) or received.find(b"\r\n\r\n", at) >= 0
        at += size + 2
        if at > len(received):
            return False
        progress.chunks_at = at
