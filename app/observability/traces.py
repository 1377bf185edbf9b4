"""OpenTelemetry traces, when there is somewhere to send them. OpenTelemetry reads OTEL_* itself.

Requests and Cognito calls become spans of the caller's trace. Without a collector only the API is
loaded, whose spans do nothing.
"""

import os

from flask import Flask, has_request_context, request
from opentelemetry import trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

TRACED = "traced"
"""The extension, True where spans are sent on."""

PROBES = ("/healthz", "/readyz", "/metrics")
"""Routes that machines ask all day, and that would drown everything else."""

UNTRACED = rf"^[^:]+://[^/]+({'|'.join(PROBES)})(\?|$)"
"""The URLs of probes, and not of calls whose query holds such a path."""


def register(app: Flask, *, traced: bool) -> None:
    """Make a span of each request, if spans are to be sent on."""
    app.extensions[TRACED] = traced
    if traced:
        os.environ.setdefault("OTEL_SEMCONV_STABILITY_OPT_IN", "http")  # its stable names for HTTP
        from opentelemetry.instrumentation.flask import FlaskInstrumentor

        instrumentor = FlaskInstrumentor()
        instrumentor.instrument_app(app, excluded_urls=UNTRACED)  # type: ignore[no-untyped-call]


def start(app: Flask) -> None:
    """Begin to send spans on, if any are to be: a provider that is forked would work with threads
    in the fork, and take another `service.instance.id` than OTEL_RESOURCE_ATTRIBUTES has."""
    if app.extensions[TRACED]:
        from app.observability import spans

        spans.start()


def trace_id() -> str | None:
    """The current trace's id in hex, for the request log: the caller's, where we do not trace."""
    span = trace.get_current_span()
    if has_request_context() and not span.get_span_context().is_valid:
        # Not `tracestate`: what is wrong with it would be logged, and it can be anything.
        sent = {"traceparent": request.headers.get("traceparent", "")}
        span = trace.get_current_span(TraceContextTextMapPropagator().extract(sent))
    context = span.get_span_context()
    return trace.format_trace_id(context.trace_id) if context.is_valid else None
