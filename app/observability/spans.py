"""What of a span leaves the service, and what happens when nobody takes it.

Imported only where traces go somewhere. While the collector is away calls go on, spans are lost,
and a log line and a metric say so.
"""

import logging
from collections.abc import Sequence

import structlog
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExportResult
from opentelemetry.trace import SpanContext, SpanKind, Status

from app.observability import metrics

logger = structlog.get_logger(__name__)

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

STOP_SECONDS = 1.0
"""For the collector to take the last spans when a worker stops."""


class BatchesUntilStop(BatchSpanProcessor):
    """The SDK's batches; its own `shutdown` would wait 30 s, and takes no other time."""

    def shutdown(self) -> None:
        self._batch_processor.shutdown(int(STOP_SECONDS * 1000))


class CollectorExporter(OTLPSpanExporter):
    """OTLP over HTTP, of what is listed.

    The SDK would tell of every attempt of every batch; this tells once that the collector is away,
    with what the SDK said first, and once that it is back.
    """

    def __init__(self) -> None:
        super().__init__()
        self._away = False
        self._under_way = False
        self._said = ""
        logging.getLogger(OTLPSpanExporter.__module__).addFilter(self._listen)
        logging.getLogger("opentelemetry.sdk._shared_internal").addFilter(self._news)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self._under_way, self._said = True, ""
        result = super().export([plain(span) for span in spans])
        self._settle(taken=result is SpanExportResult.SUCCESS)
        return result

    def shutdown(self) -> None:
        """A batch that is still under way is lost: the SDK has waited as long as it may."""
        self._settle(taken=False)
        super().shutdown()  # type: ignore[no-untyped-call]

    def _settle(self, *, taken: bool) -> None:
        """What became of the batch under way, if there is one."""
        if not self._under_way:
            return
        self._under_way = False
        was_away, self._away = self._away, not taken
        if not taken:
            metrics.TRACE_EXPORT_FAILURES.inc()
        if taken and was_away:
            logger.info("trace_collector_back")
        if not taken and not was_away:
            logger.warning("trace_collector_away", because=self._said or "It does not answer.")

    def _listen(self, record: logging.LogRecord) -> bool:
        """Keep what the SDK says first about a batch, and let nothing through."""
        self._said = self._said or record.getMessage()
        return False

    def _news(self, record: logging.LogRecord) -> bool:
        """That the queue is full is none while the collector is away."""
        return record.levelno > logging.WARNING or not self._away


def plain(span: ReadableSpan) -> ReadableSpan:
    """`span` with nothing in it but `ATTRIBUTES`, and a name that is no path of the caller's."""

    def without_state(context: SpanContext | None) -> SpanContext | None:
        """W3C's tracestate is the caller's to fill."""
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
