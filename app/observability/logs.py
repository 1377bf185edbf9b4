"""Structured logs: structlog, JSON lines, one per request; easy on the eye on a terminal."""

import logging
import sys
import time
from typing import Any

import structlog
from flask import Flask, Response, g, request
from gunicorn.glogging import Logger

from app.domain.access_token import pseudonym
from app.observability import metrics
from app.observability.calls import start_gathering
from app.observability.traces import METHODS, PROBES, trace_id

logger = structlog.get_logger("app.access")

REFUSED = (401, 403, 429)
UNPARSED = "unparsed"
"""The route of what never became a request."""
UNKNOWN_KEY = "unknown-key"
"""The route of calls whose token names a key that is not known: anybody can make one up."""


def configure(level: str, log_format: str) -> None:
    """Send everything, ours and the libraries', to standard output in one shape.

    `log_format`: `json`, `console`, or `auto`, which is `console` on a terminal.
    """
    console = log_format == "console" or (log_format == "auto" and sys.stdout.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderers: list[structlog.typing.Processor]
    if console:
        plain = structlog.dev.plain_traceback
        renderers = [structlog.dev.ConsoleRenderer(exception_formatter=plain)]
    else:
        # Not structlog's `dict_tracebacks`, which shows local variables, access tokens among them.
        frames = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
        # In ASCII: readers of logs differ in what else ends a line.
        json = structlog.processors.JSONRenderer(default=str, separators=(",", ":"))
        renderers = [structlog.processors.ExceptionRenderer(frames), json]
    # Past `logging`, which would take a tenth of a call's CPU.
    structlog.configure(
        processors=[*shared, *renderers, _as_bytes],
        logger_factory=structlog.BytesLoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        cache_logger_on_first_use=True,
    )
    # Libraries' messages go by way of logging.
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderers],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    # Never below INFO: at DEBUG, botocore and urllib3 log whole requests, tokens and secrets too.
    root.setLevel(max(logging.INFO, logging.getLevelName(level)))


class GunicornLogger(Logger):  # type: ignore[misc]
    """gunicorn's own messages, through the same handler as all others."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        self.error_log.handlers.clear()
        self.error_log.propagate = True


def _as_bytes(logger: object, method: str, line: Any) -> bytes:
    return str(line).encode(errors="backslashreplace")


def register(app: Flask, addresses: str) -> None:
    """Record every request. `addresses`: of which the caller's is logged, `refused`, `all` or
    `none`."""

    @app.before_request
    def begin() -> None:
        g.started = time.perf_counter()
        g.cognito_use = start_gathering()
        metrics.REQUESTS_IN_FLIGHT.inc()

    @app.after_request
    def end(response: Response) -> Response:
        token = g.get("access_token")
        status, use, seconds = response.status_code, g.cognito_use, time.perf_counter() - g.started
        method = request.method if request.method in METHODS else "other"
        route = g.get("route") or (request.url_rule.rule if request.url_rule else "unmatched")
        refused = status in REFUSED or route == UNPARSED
        shown = addresses == "all" or (addresses == "refused" and refused)
        metrics.REQUESTS.labels(method, route, status).observe(seconds)
        write = logger.debug if route in PROBES else logger.info
        write(
            "request",
            method=method,
            route=route,
            status=status,
            duration_ms=round(seconds * 1000, 1),
            cognito_ms=round(use.seconds * 1000, 1),
            cognito_attempts=use.attempts,
            cognito_request_ids=use.request_ids,
            trace_id=trace_id(),
            code=g.get("error_code"),
            user=pseudonym(token.sub)[:16] if token else None,
            address=request.remote_addr if shown else None,
        )
        return response

    @app.teardown_request
    def leave(error: BaseException | None) -> None:
        if "started" in g:
            metrics.REQUESTS_IN_FLIGHT.dec()
