"""Prometheus metrics, correct across gunicorn's workers (prometheus_client's multiprocess mode)."""

import os

from flask import Flask, Response, request
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector
from werkzeug.exceptions import NotFound

from app import VERSION

PATH = "/metrics"

BUILD_INFO = Gauge(
    "device_bff_build_info",
    "Always 1; the label has the service's version.",
    ("version",),
    multiprocess_mode="livemax",
)
BUILD_INFO.labels(VERSION).set(1)
REQUESTS = Histogram(
    "device_bff_http_request_duration_seconds",
    "Time to answer a request, by route template and status.",
    ("method", "route", "status"),
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
REQUESTS_IN_FLIGHT = Gauge(
    "device_bff_http_requests_in_flight", "Requests being answered.", multiprocess_mode="livesum"
)
COGNITO_CALLS = Histogram(
    "device_bff_cognito_call_duration_seconds",
    "Time of one attempt at a Cognito operation, by what came of it.",
    ("operation", "outcome"),
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
COGNITO_RETRIES = Counter(
    "device_bff_cognito_retries_total", "Attempts after the first one.", ("operation",)
)
COGNITO_IN_FLIGHT = Gauge(
    "device_bff_cognito_calls_in_flight", "Calls of Cognito under way.", multiprocess_mode="livesum"
)
COGNITO_REFUSED = Counter(
    "device_bff_cognito_calls_refused_total",
    "Calls that were not sent to Cognito, for the breaker was open or too many were in flight.",
    ("by",),
)
for by in ("breaker", "in_flight"):
    COGNITO_REFUSED.labels(by)  # present as 0 before the first
BREAKER_STATE = Gauge(
    "device_bff_cognito_breaker_open",
    "1 while the worker's circuit breaker is open, 0.5 half-open, 0 closed; the worst worker's.",
    multiprocess_mode="livemax",
)
TOKEN_CACHE_LOOKUPS = Counter(
    "device_bff_token_cache_lookups_total", "Access tokens met before, or not.", ("outcome",)
)
JWKS_FETCHES = Counter(
    "device_bff_jwks_fetches_total", "Fetches of the user pool's key set.", ("outcome",)
)
RATE_LIMITED = Counter(
    "device_bff_rate_limited_total",
    "Calls refused with 429: by the caller's own limit, our share of Cognito's quota, or Cognito.",
    ("by",),
)
STEP_UPS = Counter(
    "device_bff_step_ups_total", "Calls refused because the sign-in was too old or too weak."
)
NOT_MINE = Counter(
    "device_bff_not_mine_total",
    "Devices forgotten and sessions ended of which users said that they are not theirs.",
    ("kind",),
)
for kind in ("device", "session"):
    NOT_MINE.labels(kind)  # present as 0 before the first
REDIS_FAILURES = Counter(
    "device_bff_redis_failures_total", "Times that Redis was asked and did not serve."
)
TRACE_EXPORT_FAILURES = Counter(
    "device_bff_trace_export_failures_total", "Batches of spans that the collector did not take."
)


def exposition() -> bytes:
    """All workers' metrics under gunicorn, which sets PROMETHEUS_MULTIPROC_DIR; this process's own
    elsewhere, and where that folder is gone. In Prometheus' text format."""
    if not os.path.isdir(os.environ.get("PROMETHEUS_MULTIPROC_DIR", "")):
        return generate_latest(REGISTRY)
    everybody = CollectorRegistry()
    MultiProcessCollector(everybody)  # type: ignore[no-untyped-call]
    return generate_latest(everybody)


def register(app: Flask, port: int | None, public_port: int) -> None:
    """Serve `GET /metrics`, in Prometheus' text format, on `port`; nowhere when that is None.

    Where that is a port of its own, gunicorn listens there besides, and nothing else is there.
    """
    if port is None:
        return

    @app.get(PATH)
    def metrics() -> Response:
        return Response(exposition(), content_type=CONTENT_TYPE_LATEST)

    if port == public_port:
        return

    @app.before_request
    def keep_apart() -> None:
        """By the port that the connection came in on: gunicorn tells it, and no header changes it.

        What is at the other port is as unknown here as an address that is served nowhere.
        """
        on_metrics_port = request.environ["SERVER_PORT"] == str(port)
        if on_metrics_port != (request.path == PATH):
            request.url_rule, request.routing_exception = None, NotFound()
