"""Traces, where OTEL_EXPORTER_OTLP_ENDPOINT says that somebody collects them."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import requests
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from local_cognito.process import RunningCognito
from tests.calls import SignedIn, log_lines, sign_in
from tests.collector import Collector, a_collector
from tests.servers import Service, serving, settings_for

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
CALLERS_SPAN_ID = "b7ad6b7169203331"
TRACEPARENT = f"00-{TRACE_ID}-{CALLERS_SPAN_ID}-01"


class Traced:
    """A call of a traced service: its spans by name, and what the service logged."""

    def __init__(self, service: Service, collector: Collector, **headers: str) -> None:
        self.answer = requests.get(f"{service.url}/devices", headers=headers, timeout=5)
        assert service.terminate() == 0  # which sends the spans
        collected = ExportTraceServiceRequest.FromString(bytes(collector.received))
        self.spans: dict[str, Span] = {
            span.name: span
            for of_resource in collected.resource_spans
            for of_scope in of_resource.scope_spans
            for span in of_scope.spans
        }
        (self.line,) = log_lines(service.logs(), event="request", route="/devices")
        self.logs = service.logs()


@contextmanager
def traced_service(cognito: RunningCognito) -> Iterator[tuple[Service, Collector]]:
    with a_collector() as collector:
        collector.work()
        settings = {"WORKERS": "1", "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}
        with serving(settings_for(cognito) | settings) as service:
            yield service, collector


@pytest.fixture
def user(cognito: RunningCognito) -> SignedIn:
    return sign_in(cognito)


def test_a_request_and_its_calls_of_cognito_are_spans_of_the_callers_trace(
    cognito: RunningCognito, user: SignedIn
) -> None:
    with traced_service(cognito) as (service, collector):
        traced = Traced(service, collector, traceparent=TRACEPARENT, **user.bearer)
    request, call = (
        traced.spans[name] for name in ("GET /devices", "Cognito Identity Provider.ListDevices")
    )
    assert traced.answer.status_code == 200
    assert {request.trace_id.hex(), call.trace_id.hex()} == {TRACE_ID}
    assert request.parent_span_id.hex() == CALLERS_SPAN_ID
    assert call.parent_span_id == request.span_id
    said = {attribute.key: attribute.value.string_value for attribute in call.attributes}
    assert said["rpc.method"] == "ListDevices"
    assert said["aws.request_id"] in traced.line["cognito_request_ids"]
    assert traced.line["trace_id"] == TRACE_ID


def test_a_refused_request_is_traced_too(cognito: RunningCognito) -> None:
    with traced_service(cognito) as (service, collector):
        traced = Traced(service, collector, traceparent=TRACEPARENT)
    assert traced.answer.status_code == 401
    assert traced.spans["GET /devices"].trace_id.hex() == TRACE_ID
    assert traced.line["trace_id"] == TRACE_ID
    assert "span missing" not in traced.logs
