"""Traces are for watching, not for serving: calls and stops do not wait for their collector."""

import socket
from collections.abc import Iterator

import pytest

from local_cognito.process import RunningCognito
from tests.calls import SignedIn, call, log_lines, metric
from tests.polling import until
from tests.raw_server import RawServer, raw_server, silent
from tests.servers import free_port, serving, settings_for

FAILURES = "device_bff_trace_export_failures_total"


@pytest.fixture
def collector() -> Iterator[RawServer]:
    with raw_server() as server:
        yield server


@pytest.fixture
def settings(cognito: RunningCognito, collector: RawServer) -> dict[str, str]:
    traced = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "WORKERS": "1"}
    return settings_for(cognito) | traced


def test_neither_calls_nor_a_stop_wait_for_it(
    settings: dict[str, str], user: SignedIn, collector: RawServer
) -> None:
    """Not even with more spans than the queue holds; gunicorn would kill a worker that waits."""
    collector.script = silent
    few = {"OTEL_BSP_MAX_QUEUE_SIZE": "4", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "1"}
    with serving(settings | few) as service:
        for _ in range(10):
            assert call(f"{service.url}/devices", headers=user.bearer).ok
        assert service.terminate() == 0
        assert len(log_lines(service.logs(), event="trace_collector_away", level="warning")) == 1
        assert "SIGKILL" not in service.logs()


def test_an_outage_is_told_once_when_it_begins_and_ends_and_the_last_spans_arrive_at_a_stop(
    settings: dict[str, str], user: SignedIn, collector: RawServer
) -> None:
    well = collector.script
    collector.script = lambda connection: connection.shutdown(socket.SHUT_RDWR)
    often = {"OTEL_BSP_SCHEDULE_DELAY": "200", "METRICS_PORT": str(free_port())}
    with serving(settings | often) as service:

        def list_devices() -> None:
            assert call(f"{service.url}/devices", headers=user.bearer).ok

        def lose_batches() -> bool:
            list_devices()
            return metric(service.metrics_url, FAILURES) >= 2

        def deliver_batches() -> bool:
            list_devices()
            return b"GET /devices" in b"".join(collector.bodies[lost:])

        until("batches are lost", lose_batches)
        collector.script, lost = well, len(collector.bodies)
        until("batches arrive", deliver_batches)
        call(f"{service.url}/devices/current", headers=user.bearer)
        assert service.terminate() == 0
        assert b"Cognito Identity Provider.GetDevice" in b"".join(collector.bodies)
        events = [line["event"] for line in log_lines(service.logs())]
        told = [event for event in events if event.startswith("trace_collector")]
        assert told == ["trace_collector_away", "trace_collector_back"]
