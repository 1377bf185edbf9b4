"""OpenTelemetry traces, when there is somewhere to send them; nothing is imported when not.

Requests and Cognito calls become spans, under the caller's W3C trace context. What leaves in them
is a list: the libraries' own choice has query strings (cursors) and Cognito's messages, which may
quote what they refuse.
"""

import sys
from typing import TYPE_CHECKING

from flask import Flask

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.export import SpanExporter

UNTRACED_PATHS = "healthz,readyz,metrics"

ATTRIBUTES = frozenset(
    (
        "http.method",
        "http.request.method",
        "http.route",
        "http.status_code",
        "http.response.status_code",
        "http.scheme",
        "url.scheme",
        "rpc.system",
        "rpc.service",
        "rpc.method",
        "aws.region",
        "aws.request_id",
        "cloud.region",
        "retry_attempts",
        "error.type",
    )
)
"""What a span may say. No address, header, query, path with a device in it, or message."""


def register(app: Flask, endpoint: str | None) -> None:
    """Send spans to the OTLP/HTTP `endpoint`; other OTEL_* variables mean what they always do."""
    if endpoint is None:
        return
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.instrumentation.botocore import BotocoreInstrumentor
    from opentelemetry.instrumentation.flask import FlaskInstrumentor
    from opentelemetry.sdk.resources import SERVICE_NAME, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=Resource.create({SERVICE_NAME: "device-bff"}))
    provider.add_span_processor(BatchSpanProcessor(_only_the_listed(OTLPSpanExporter())))
    trace.set_tracer_provider(provider)
    BotocoreInstrumentor().instrument(tracer_provider=provider)  # type: ignore[no-untyped-call]
    FlaskInstrumentor().instrument_app(  # type: ignore[no-untyped-call]
        app, tracer_provider=provider, excluded_urls=UNTRACED_PATHS
    )


def _only_the_listed(exporter: "SpanExporter") -> "SpanExporter":
    """Have `export` send spans with nothing in them but `ATTRIBUTES`."""
    send = exporter.export
    exporter.export = lambda spans: send([_plain(span) for span in spans])  # type: ignore[method-assign]
    return exporter


def _plain(span: "ReadableSpan") -> "ReadableSpan":
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.trace import SpanContext, Status

    def without_state(context: SpanContext | None) -> SpanContext | None:
        """W3C's tracestate is the caller's to fill."""
        if context is None:
            return None
        return SpanContext(
            context.trace_id, context.span_id, context.is_remote, context.trace_flags
        )

    attributes = span.attributes or {}
    return ReadableSpan(
        name=span.name,
        context=without_state(span.context),
        parent=without_state(span.parent),
        resource=span.resource,
        attributes={name: value for name, value in attributes.items() if name in ATTRIBUTES},
        kind=span.kind,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def trace_id() -> str | None:
    """The current trace's id in hex, for the request log; None when nothing is traced."""
    trace = sys.modules.get("opentelemetry.trace")
    if trace is None:
        return None
    context = trace.get_current_span().get_span_context()
    return f"{context.trace_id:032x}" if context.is_valid else None
