"""OpenTelemetry traces, when there is somewhere to send them; nothing is imported when not.

Requests and Cognito calls become spans, under the caller's W3C trace context. Only listed
attributes leave: the libraries would add query strings (cursors) and what exceptions say.
"""

import os
import re
import sys
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from flask import Flask, has_request_context, request

from app import VERSION

TRACED = "traced"
"""The extension, True where spans are sent on; there is none elsewhere."""

UNTRACED = r"^[^:]+://[^/]+/(healthz|readyz|metrics)(\?|$)"
"""The URLs of probes, and not of calls whose query holds such a path."""

_TRACEPARENT = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})(?P<trace_id>[0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?"
)
"""W3C Trace Context, section 3.2.2: of its version, and of later ones, which may have more."""


def register(app: Flask, *, traced: bool) -> None:
    """Trace if there is somewhere to send traces; OpenTelemetry reads OTEL_* variables itself."""
    if not traced:
        return
    os.environ.setdefault("OTEL_SEMCONV_STABILITY_OPT_IN", "http")  # its stable names for HTTP
    from opentelemetry.instrumentation.flask import FlaskInstrumentor

    app.extensions[TRACED] = True
    FlaskInstrumentor().instrument_app(  # type: ignore[no-untyped-call]
        app, excluded_urls=UNTRACED
    )


def start(app: Flask) -> None:
    """Begin to send spans on, if any are to be: a provider that is forked would work with threads
    in the fork, and take another `service.instance.id` than OTEL_RESOURCE_ATTRIBUTES has."""
    if TRACED not in app.extensions:
        return
    from opentelemetry import trace
    from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    from app.observability.spans import CollectorExporter

    of_us = Resource.create({SERVICE_NAME: "device-bff", SERVICE_VERSION: VERSION})
    provider = TracerProvider(resource=of_us)
    provider.add_span_processor(BatchSpanProcessor(CollectorExporter()))
    trace.set_tracer_provider(provider)


def _opentelemetry() -> Any:
    """Its API; None where nothing is traced."""
    return sys.modules.get("opentelemetry.trace")


def cognito_span(operation: str) -> AbstractContextManager[Any]:
    """The span of one attempt at a Cognito operation, named as OpenTelemetry's conventions for
    calls of AWS have it."""
    trace = _opentelemetry()
    if trace is None:
        return nullcontext()
    span: AbstractContextManager[Any] = trace.get_tracer(__name__).start_as_current_span(
        f"Cognito Identity Provider.{operation}",
        kind=trace.SpanKind.CLIENT,
        attributes={
            "rpc.system": "aws-api",
            "rpc.service": "Cognito Identity Provider",
            "rpc.method": operation,
        },
        record_exception=False,  # a traceback in text, which would not leave anyway
    )
    return span


def tell_request_id(request_id: str) -> None:
    """Put Cognito's own id of an attempt into its span."""
    trace = _opentelemetry()
    if trace is not None:
        trace.get_current_span().set_attribute("aws.request_id", request_id)


def trace_id() -> str | None:
    """The current trace's id in hex, for the request log: the caller's, where we do not trace."""
    trace = _opentelemetry()
    if trace is None:
        traceparent = request.environ.get("HTTP_TRACEPARENT", "") if has_request_context() else ""
        callers = _TRACEPARENT.fullmatch(traceparent)
        return callers["trace_id"] if callers else None
    context = trace.get_current_span().get_span_context()
    return f"{context.trace_id:032x}" if context.is_valid else None
