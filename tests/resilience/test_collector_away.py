"""Traces are for watching, not for serving: calls and stops do not wait for their collector."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest

from local_cognito.process import RunningCognito
from tests.calls import SignedIn, call, log_lines, metric
from tests.collector import Collector, a_collector
from tests.resilience.polling import until
from tests.servers import Service, serving, settings_for

FAILURES = "device_bff_trace_export_failures_total"


@pytest.fixture
def collector() -> Iterator[Collector]:
    with a_collector() as one:
        yield one


@pytest.fixture
def tracing(
    cognito: RunningCognito, collector: Collector
) -> Callable[..., AbstractContextManager[Service]]:
    """Starts the service with traces on, and these variables."""
    traced = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "WORKERS": "1"}
    return lambda **variables: serving(settings_for(cognito) | traced | variables)


def list_devices(service: Service, user: SignedIn) -> None:
    assert call(f"{service.url}/devices", headers=user.bearer).ok


@pytest.mark.parametrize("hanging", [False, True], ids=["refused", "hanging"])
def test_neither_calls_nor_a_stop_wait_for_it(
    tracing: Callable[..., AbstractContextManager[Service]],
    user: SignedIn,
    collector: Collector,
    hanging: bool,
) -> None:
    """Not even with more spans than the queue holds; gunicorn would kill a worker that waits."""
    if hanging:
        collector.hang()
    few = {"OTEL_BSP_MAX_QUEUE_SIZE": "4", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "1"}
    with tracing(**few, OTEL_EXPORTER_OTLP_TIMEOUT="600", GRACEFUL_TIMEOUT="15") as service:
        for _ in range(10):
            list_devices(service, user)
        assert service.terminate() == 0
        assert len(log_lines(service.logs(), event="trace_collector_away", level="warning")) == 1
        assert "SIGKILL" not in service.logs()


def test_the_last_spans_reach_it_at_a_stop(
    tracing: Callable[..., AbstractContextManager[Service]], user: SignedIn, collector: Collector
) -> None:
    collector.work()
    with tracing(OTEL_BSP_SCHEDULE_DELAY="60000") as service:
        list_devices(service, user)
        assert not collector.received
        assert service.terminate() == 0
        assert b"GET /devices" in collector.received
        assert b"Cognito Identity Provider.ListDevices" in collector.received


def test_an_outage_is_told_once_when_it_begins_and_once_when_it_is_over(
    tracing: Callable[..., AbstractContextManager[Service]], user: SignedIn, collector: Collector
) -> None:
    with tracing(OTEL_EXPORTER_OTLP_TIMEOUT="1", OTEL_BSP_SCHEDULE_DELAY="50") as service:

        def lose_batches() -> bool:
            list_devices(service, user)
            return metric(service.url, FAILURES) >= 4

        until("batches are lost", lose_batches)
        collector.work()

        def deliver_batches() -> bool:
            list_devices(service, user)
            return collector.received.count(b"GET /devices") >= 4

        until("batches arrive", deliver_batches)
        service.terminate()
        events = [line["event"] for line in log_lines(service.logs())]
        told = [event for event in events if event.startswith("trace_collector")]
        assert told == ["trace_collector_away", "trace_collector_back"]
