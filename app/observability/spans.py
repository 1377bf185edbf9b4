"""Where spans go, and what happens while nobody takes them.

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

from app import VERSION
from app.observability import metrics

logger = structlog.get_logger(__name__)

TIMEOUT = 2
"""Seconds for the collector to take a batch, the last one of a worker that stops included."""


def start() -> None:
    """Send this process's spans on from now on."""
    of_us = Resource.create({SERVICE_NAME: "device-bff", SERVICE_VERSION: VERSION})
    provider = TracerProvider(resource=of_us)
    provider.add_span_processor(BatchSpanProcessor(CollectorExporter()))
    trace.set_tracer_provider(provider)


class CollectorExporter(OTLPSpanExporter):
    """OTLP over HTTP. Tells once that the collector is away, and once that it is back, where the
    SDK would tell of every attempt."""

    def __init__(self) -> None:
        super().__init__(timeout=TIMEOUT)
        self.away = False
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = super().export(spans)
        taken = result is SpanExportResult.SUCCESS
        if not taken:
            metrics.TRACE_EXPORT_FAILURES.inc()
        if taken is self.away:
            self.away = not taken
            logger.info("trace_collector_back") if taken else logger.warning("trace_collector_away")
        return result
