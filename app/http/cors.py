"""Which web origins may call from a browser: an explicit list, by flask-cors."""

from flask import Flask
from flask_cors import CORS

EXPOSED_HEADERS = (
    "Link",
    "Location",
    "Retry-After",
    "X-Request-ID",
    "WWW-Authenticate",
    "RateLimit-Limit",
    "RateLimit-Remaining",
    "RateLimit-Reset",
)
PREFLIGHT_MAX_AGE = 2 * 60 * 60
"""Seconds; the longest that Chromium keeps a preflight answer."""


def register(app: Flask, origins: tuple[str, ...]) -> None:
    """Allow `origins`, and nobody else: no wildcard and no `null`. Tokens travel in a header, so
    no cookies are allowed either."""
    CORS(
        app,
        resources={r"/(devices.*|openapi\.json)": {"origins": list(origins)}},
        methods=["GET", "POST", "PATCH", "DELETE"],
        allow_headers=[
            "Authorization",
            "Content-Type",
            "X-Request-ID",
            "traceparent",
            "tracestate",
        ],
        expose_headers=list(EXPOSED_HEADERS),
        max_age=PREFLIGHT_MAX_AGE,
        supports_credentials=False,
        vary_header=True,
    )
