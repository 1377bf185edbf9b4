"""Traces are for watching, not for serving: without their collector, calls go on and stops are
quick."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest

from local_cognito.process import RunningCognito
from tests.collector import Collector, a_collector
from tests.calls import SignedIn, call, log_lines, metric, until
from tests.safety.conftest import service_with
from tests.servers import Service

FAILURES = "device_bff_trace_export_failures_total"
QUICK_STOP = 4.0
"""Seconds. A second for the collector, gunicorn's own half, and a slow machine's; the SDK alone
would take 7 to 30."""
QUICK_CALL = 1.0
"""Seconds. An attempt at the collector may take 10."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    with a_collector() as one:
        yield one


@pytest.fixture
def tracing(
    cognito: RunningCognito, collector: Collector
) -> Callable[..., AbstractContextManager[Service]]:
    """Starts the service with traces on, and these variables."""
    return lambda **variables: service_with(
        cognito, OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, **variables
    )


def seconds_to_stop(service: Service) -> float:
    began = time.monotonic()
    assert service.terminate() == 0
    return time.monotonic() - began


def list_devices(service: Service, user: SignedIn) -> None:
    assert call(f"{service.url}/devices", headers=user.bearer).ok


@pytest.mark.parametrize(
    ("hanging", "because"),
    [(False, "Connection refused"), (True, "It does not answer.")],
    ids=["refused", "hanging"],
)
@pytest.mark.parametrize("delay", ["100", "60000"], ids=["a batch under way", "none sent yet"])
def test_a_stop_does_not_wait_for_it(
    tracing: Callable[..., AbstractContextManager[Service]],
    user: SignedIn,
    collector: Collector,
    delay: str,
    hanging: bool,
    because: str,
) -> None:
    if hanging:
        collector.hang()
    with tracing(OTEL_BSP_SCHEDULE_DELAY=delay) as service:
        list_devices(service, user)
        time.sleep(0.3)
        assert seconds_to_stop(service) < QUICK_STOP
        [away] = log_lines(service.logs(), event="trace_collector_away", level="warning")
        assert because in away["because"]


def test_the_last_spans_reach_it_at_a_stop(
    tracing: Callable[..., AbstractContextManager[Service]], user: SignedIn, collector: Collector
) -> None:
    collector.work()
    with tracing(OTEL_BSP_SCHEDULE_DELAY="60000") as service:
        list_devices(service, user)
        assert not collector.received
        assert seconds_to_stop(service) < QUICK_STOP
        assert b"GET /devices" in collector.received
        assert b"Cognito Identity Provider.ListDevices" in collector.received
        assert log_lines(service.logs(), event="trace_collector_away") == []


def test_calls_do_not_wait_for_it(
    tracing: Callable[..., AbstractContextManager[Service]], user: SignedIn, collector: Collector
) -> None:
    """Not even with more spans than the queue holds."""
    collector.hang()
    with tracing(
        OTEL_BSP_SCHEDULE_DELAY="100",
        OTEL_BSP_MAX_QUEUE_SIZE="4",
        OTEL_BSP_MAX_EXPORT_BATCH_SIZE="1",
    ) as service:
        for _ in range(10):
            began = time.monotonic()
            list_devices(service, user)
            assert time.monotonic() - began < QUICK_CALL


def test_an_outage_is_told_once_when_it_begins_and_once_when_it_is_over(
    tracing: Callable[..., AbstractContextManager[Service]], user: SignedIn, collector: Collector
) -> None:
    with tracing(OTEL_EXPORTER_OTLP_TIMEOUT="0.7", OTEL_BSP_SCHEDULE_DELAY="50") as service:

        def lose_batches() -> bool:
            list_devices(service, user)
            return metric(service.url, FAILURES) >= 4

        assert metric(service.url, FAILURES) == 0
        until(lose_batches)
        assert len(log_lines(service.logs(), event="trace_collector_away")) == 1
        assert log_lines(service.logs(), event="trace_collector_back") == []

        collector.work()

        def deliver_batches() -> bool:
            list_devices(service, user)
            return collector.received.count(b"GET /devices") >= 4

        until(deliver_batches)
        service.terminate()
        lines = log_lines(service.logs())
        told = [line["event"] for line in lines if line["event"].startswith("trace_collector")]
        assert told == ["trace_collector_away", "trace_collector_back"]
        assert [line for line in lines if line["logger"].startswith("opentelemetry")] == []
