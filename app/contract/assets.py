"""What changes only with the version that is deployed: sent from memory, and cached by callers."""

import gzip
import hashlib

from flask import Response, request

COMPRESSED = ("text/", "application/json", "application/javascript")
"""Media types that compression pays for."""


class Asset:
    """A body that all callers are given, in memory once, compressed for those who accept gzip.

    `max_age`: seconds for which a caller need not ask again; with 0 it asks each time for a change.
    """

    def __init__(self, body: bytes, mimetype: str, max_age: int) -> None:
        self._body = body
        self._zipped = gzip.compress(body, mtime=0) if mimetype.startswith(COMPRESSED) else None
        self._mimetype = mimetype
        self._max_age = max_age
        self._etag = hashlib.sha256(body).hexdigest()[:32]

    def response(self) -> Response:
        """It, or a 304 when the caller has it."""
        zipped = self._zipped if request.accept_encodings["gzip"] else None
        response = Response(zipped or self._body, mimetype=self._mimetype)
        if self._zipped:
            response.vary.add("Accept-Encoding")
        if zipped:
            response.content_encoding = "gzip"
        response.set_etag(self._etag, weak=True)  # the same content in two encodings
        response.cache_control.public = True
        response.cache_control.max_age = self._max_age
        return response.make_conditional(request)  # type: ignore[return-value]
