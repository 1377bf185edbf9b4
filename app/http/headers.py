"""What every response carries: its request id, and what keeps browsers from being used against the
user."""

import re
import uuid
from http import HTTPStatus

import structlog
from flask import Flask, Response, g, request

REQUEST_ID = "X-Request-ID"
"""Taken from the caller when well-formed, made otherwise."""
REQUEST_ID_PATTERN = "[A-Za-z0-9._:-]{1,128}"
REQUEST_ID_EXAMPLE = "7b2d6f0a-54c1-4d0e-9d0b-3a1f2f7c9e11"
_WELL_FORMED = re.compile(REQUEST_ID_PATTERN, re.ASCII)

PROTECTION = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-site",
    "Cache-Control": "no-store",  # answers are about one user, and about now
}
"""Where the view has not set another value."""
HSTS = "max-age=31536000"
"""Over HTTPS only (RFC 6797, section 7.2), and not for `localhost`, where it would cover every
other project of a developer."""


def register(app: Flask) -> None:
    """Give every request an id before anything else happens to it, and every response its headers,
    problems included."""

    @app.before_request
    def begin() -> None:
        sent = request.environ.get("HTTP_X_REQUEST_ID", "")
        g.request_id = sent if _WELL_FORMED.fullmatch(sent) else str(uuid.uuid4())
        structlog.contextvars.bind_contextvars(request_id=g.request_id)

    @app.after_request
    def finish(response: Response) -> Response:
        headers = response.headers
        headers[REQUEST_ID] = g.request_id
        for name, value in PROTECTION.items():
            headers.setdefault(name, value)
        if request.is_secure and request.host.partition(":")[0] != "localhost":
            headers["Strict-Transport-Security"] = HSTS
        if response.status_code == HTTPStatus.NO_CONTENT:
            del headers["Content-Type"]  # of what is not there: RFC 9110, section 8.3
        return response
