"""What changes only with the version that is deployed: sent from memory, and cached by callers."""

import hashlib

from flask import Response, request


class Document:
    """A body that all callers are given, in memory once.

    `max_age`: seconds for which a caller need not ask again; with 0 it asks each time for a change.
    """

    def __init__(self, body: bytes, mimetype: str, max_age: int) -> None:
        self._body = body
        self._mimetype = mimetype
        self._max_age = max_age
        self._etag = hashlib.sha256(body).hexdigest()[:32]

    def response(self) -> Response:
        """It, or a 304 when the caller has it."""
        response = Response(self._body, mimetype=self._mimetype)
        response.set_etag(self._etag)
        response.cache_control.public = True
        response.cache_control.max_age = self._max_age
        return response.make_conditional(request)  # type: ignore[return-value]
