"""Traces, where OTEL_EXPORTER_OTLP_ENDPOINT says that somebody collects them."""

from collections.abc import Iterator

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from app import VERSION
from local_cognito.process import RunningCognito
from tests.calls import call, log_lines, sign_in
from tests.polling import until
from tests.raw_server import RawServer
from tests.servers import Service, serving, settings_for

CALLERS_SPAN_ID = "b7ad6b7169203331"


@pytest.fixture(scope="module")
def traced(cognito_server: RunningCognito, upstream: RawServer) -> Iterator[Service]:
    variables = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": upstream.url,
        "OTEL_BSP_SCHEDULE_DELAY": "100",
        "OTEL_RESOURCE_ATTRIBUTES": "service.instance.id=task-7",
        "OTEL_PROPAGATORS": "xray,tracecontext",
    }
    with serving(settings_for(cognito_server) | variables) as service:
        yield service


def spans_of(upstream: RawServer, trace_id: str) -> dict[str, Span]:
    """A trace's spans by name, once its request's own has come, which ends last."""

    def arrived() -> dict[str, Span]:
        collected = ExportTraceServiceRequest.FromString(b"".join(upstream.bodies))
        return {
            span.name: span
            for of_resource in collected.resource_spans
            for of_scope in of_resource.scope_spans
            for span in of_scope.spans
            if span.trace_id.hex() == trace_id
        }

    until("the request's span", lambda: "GET /devices" in arrived())
    return arrived()


def test_a_request_and_its_calls_of_cognito_are_spans_of_the_callers_trace(
    cognito: RunningCognito, traced: Service, upstream: RawServer
) -> None:
    trace_id = "0af7651916cd43dd8448eb211c80319c"
    headers = {"traceparent": f"00-{trace_id}-{CALLERS_SPAN_ID}-01"} | sign_in(cognito).bearer
    assert call(f"{traced.url}/devices", headers=headers).status_code == 200
    spans = spans_of(upstream, trace_id)
    request = spans["GET /devices"]
    assert request.parent_span_id.hex() == CALLERS_SPAN_ID
    of_http = {one.key: one.value for one in request.attributes}
    assert of_http["http.request.method"].string_value == "GET"
    assert of_http["http.route"].string_value == "/devices"
    assert of_http["http.response.status_code"].int_value == 200
    assert of_http["url.scheme"].string_value == "http"
    assert len(of_http) == 4
    attempt = spans["Cognito Identity Provider.ListDevices"]
    assert attempt.parent_span_id == request.span_id
    said = {attribute.key: attribute.value.string_value for attribute in attempt.attributes}
    assert said["rpc.method"] == "ListDevices"
    (line,) = log_lines(traced.logs(), event="request", trace_id=trace_id, status=200)
    assert line["cognito_request_ids"] == [said["aws.request_id"]]


def test_a_refused_request_is_traced_too(traced: Service, upstream: RawServer) -> None:
    trace_id = "1bf7651916cd43dd8448eb211c80319c"
    headers = {"traceparent": f"00-{trace_id}-{CALLERS_SPAN_ID}-01"}
    assert call(f"{traced.url}/healthz", headers=headers).status_code == 200  # a probe is not
    assert call(f"{traced.url}/devices", headers=headers).status_code == 401
    assert spans_of(upstream, trace_id).keys() == {"GET /devices"}
    assert log_lines(traced.logs(), event="request", trace_id=trace_id, status=401)
    assert "span missing" not in traced.logs()
    collected = ExportTraceServiceRequest.FromString(b"".join(upstream.bodies))
    for of_resource in collected.resource_spans:  # the instance is the one that the operator names
        said = {item.key: item.value.string_value for item in of_resource.resource.attributes}
        assert said["service.name"] == "device-bff"
        assert said["service.version"] == VERSION
        assert said["service.instance.id"] == "task-7"


def test_the_trace_of_a_load_balancer_on_aws_goes_on_to_cognitos_span(
    cognito: RunningCognito, traced: Service, upstream: RawServer
) -> None:
    trace_id = "58406520a006649127e371903a2de979"
    from_aws = f"Root=1-{trace_id[:8]}-{trace_id[8:]};Parent={CALLERS_SPAN_ID};Sampled=1"
    headers = {"X-Amzn-Trace-Id": from_aws} | sign_in(cognito).bearer
    assert call(f"{traced.url}/devices", headers=headers).status_code == 200
    spans = spans_of(upstream, trace_id)
    request = spans["GET /devices"]
    assert request.parent_span_id.hex() == CALLERS_SPAN_ID
    assert spans["Cognito Identity Provider.ListDevices"].parent_span_id == request.span_id
    assert log_lines(traced.logs(), event="request", trace_id=trace_id, status=200)
