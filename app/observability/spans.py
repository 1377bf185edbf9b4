"""Which parts of a span leave the service, and what happens while nobody takes them.

Imported only where traces go somewhere. While the collector is away calls go on, spans are lost,
and a log line and a metric say so.
"""

import logging
from collections.abc import Sequence

import structlog
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import SpanContext, SpanKind, Status

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


class CollectorExporter(SpanExporter):
    """OTLP over HTTP, of what is listed. Tells once that the collector is away, and once that it is
    back, where the SDK would tell of every attempt."""

    def __init__(self) -> None:
        self._otlp = OTLPSpanExporter(timeout=TIMEOUT)
        self._away = False
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._otlp.export([plain(span) for span in spans])
        taken = result is SpanExportResult.SUCCESS
        if not taken:
            metrics.TRACE_EXPORT_FAILURES.inc()
        if taken is self._away:
            self._away = not taken
            logger.info("trace_collector_back") if taken else logger.warning("trace_collector_away")
        return result

    def shutdown(self) -> None:
        self._otlp.shutdown()  # type: ignore[no-untyped-call]


def plain(span: ReadableSpan) -> ReadableSpan:
    """`span` with nothing in it but `ATTRIBUTES`, and a name that is no path of the caller's."""

    def without_state(context: SpanContext | None) -> SpanContext | None:
        """Without W3C's tracestate, which the caller fills."""
        if context is None:
            return None
        return SpanContext(
            context.trace_id, context.span_id, context.is_remote, context.trace_flags
        )

    attributes = span.attributes or {}
    named_by_caller = span.kind is SpanKind.SERVER and "http.route" not in attributes
    return ReadableSpan(
        name="HTTP" if named_by_caller else span.name,
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
