"""X-Request-ID: taken from the caller when well-formed, made otherwise, returned always."""

import re
import uuid

import structlog
from flask import Flask, Response, g, request

HEADER = "X-Request-ID"
PATTERN = "[A-Za-z0-9._:-]{1,128}"
EXAMPLE = "7b2d6f0a-54c1-4d0e-9d0b-3a1f2f7c9e11"
_WELL_FORMED = re.compile(PATTERN, re.ASCII)


def register(app: Flask) -> None:
    """Give every request an id before anything else happens to it."""

    @app.before_request
    def begin() -> None:
        sent = request.environ.get("HTTP_X_REQUEST_ID", "")
        g.request_id = sent if _WELL_FORMED.fullmatch(sent) else str(uuid.uuid4())
        structlog.contextvars.bind_contextvars(request_id=g.request_id)

    @app.after_request
    def give_back(response: Response) -> Response:
        response.headers.add(HEADER, g.request_id)
        return response
