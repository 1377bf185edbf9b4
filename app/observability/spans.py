"""Which parts of a span leave the service, and what happens while nobody takes them.

Imported only where traces go somewhere. While the collector is away calls go on, spans are lost,
and a log line and a metric say so.
"""

import logging
from collections.abc import Sequence

import structlog
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExportResult
from opentelemetry.trace import SpanContext, SpanKind, Status

from app import VERSION
from app.observability import metrics

logger = structlog.get_logger(__name__)

ATTRIBUTES = frozenset(
    (
        "http.request.method",
        "http.route",
        "http.response.status_code",
        "url.scheme",
        "rpc.system",
        "rpc.service",
        "rpc.method",
        "aws.request_id",
        "error.type",
    )
)
"""What a span may say. No address, header, query, path with a device in it, or message."""

TIMEOUT = 2
"""Seconds for the collector to take a batch, the last one of a worker that stops included."""


def start() -> None:
    """Send this process's spans on from now on."""
    of_us = Resource.create({SERVICE_NAME: "device-bff", SERVICE_VERSION: VERSION})
    provider = TracerProvider(resource=of_us)
    provider.add_span_processor(BatchSpanProcessor(CollectorExporter()))
    trace.set_tracer_provider(provider)


class CollectorExporter(OTLPSpanExporter):
    """OTLP over HTTP, of what is listed. Tells once that the collector is away, and once that it is
    back, where the SDK would tell of every attempt."""

    def __init__(self) -> None:
        super().__init__(timeout=TIMEOUT)
        self.away = False
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = super().export([plain(span) for span in spans])
        taken = result is SpanExportResult.SUCCESS
        if not taken:
            metrics.TRACE_EXPORT_FAILURES.inc()
        if taken is self.away:
            self.away = not taken
            logger.info("trace_collector_back") if taken else logger.warning("trace_collector_away")
        return result


def plain(span: ReadableSpan) -> ReadableSpan:
    """`span` with nothing in it but `ATTRIBUTES`, and a name that is no path of the caller's."""
    attributes = span.attributes or {}
    named_by_caller = span.kind is SpanKind.SERVER and "http.route" not in attributes
    return ReadableSpan(
        name="HTTP" if named_by_caller else span.name,
        context=_without_state(span.context),
        parent=_without_state(span.parent),
        resource=span.resource,
        attributes={name: value for name, value in attributes.items() if name in ATTRIBUTES},
        kind=span.kind,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _without_state(one: SpanContext | None) -> SpanContext | None:
    """Without W3C's tracestate, which the caller fills."""
    return one and SpanContext(one.trace_id, one.span_id, one.is_remote, one.trace_flags)
