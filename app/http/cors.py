"""Which web origins may call from a browser: an explicit list, by flask-cors."""

import re

from flask import Flask, Response, request
from flask_cors import CORS
from werkzeug.exceptions import NotFound

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
ALLOWED_HEADERS = ("Authorization", "Content-Type", "X-Request-ID")
TRACING_HEADERS = (
    "baggage",
    "sentry-trace",
    "traceparent",
    "tracestate",
    "x-datadog-origin",
    "x-datadog-parent-id",
    "x-datadog-sampling-priority",
    "x-datadog-trace-id",
)
"""What browsers' monitors add to calls: W3C Trace Context, Sentry, Datadog."""
PREFLIGHT_MAX_AGE = 2 * 60 * 60
"""Seconds; the longest that Chromium keeps a preflight answer."""

SHARED = (
    r"/(?!(?:healthz|readyz|metrics|docs(?:/.*)?|elements/.*|favicon\.ico|openapi\.yaml)?$)[\s\S]*"
)
"""The paths that other origins have business with: the API, and what is not there, so that a page
can read `not-found`."""
_SHARED = re.compile(SHARED)


def register(app: Flask, origins: tuple[str, ...], more_headers: tuple[str, ...]) -> None:
    """Allow `origins`, and no others: no wildcard and no `null`. Tokens travel in a header, so
    no cookies are allowed either. Without any origin there is no CORS at all.

    `more_headers`: what else calls may send.
    """
    if not origins:
        return
    # flask-cors takes a text with brackets, an IPv6 origin's, for a regular expression, and matches
    # regular expressions from the start only.
    exactly = [re.compile(rf"{re.escape(origin)}\Z") for origin in origins]
    CORS(
        app,
        resources={f"^{SHARED}$": {"origins": exactly}},
        methods=["GET", "POST", "PATCH", "DELETE"],
        allow_headers=[*ALLOWED_HEADERS, *TRACING_HEADERS, *more_headers],
        expose_headers=list(EXPOSED_HEADERS),
        max_age=PREFLIGHT_MAX_AGE,
        supports_credentials=False,
        always_send=False,  # to callers without Origin it would send the whole list
        vary_header=False,
    )

    @app.before_request
    def answer_preflight() -> Response | None:
        """For unknown paths as well: a browser reports a preflight's 404 as a CORS error."""
        asks = request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
        return Response() if asks and isinstance(request.routing_exception, NotFound) else None

    @app.after_request
    def vary(response: Response) -> Response:
        """Vary: Origin on refusals too, which flask-cors leaves out: Fetch, "CORS protocol and HTTP
        caches"."""
        if _SHARED.fullmatch(request.path):
            response.vary.add("Origin")
        return response
