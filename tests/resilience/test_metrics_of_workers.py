"""Metrics are of the whole service, for all the workers it has had; and may have their own port."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
import requests

from local_cognito.process import RunningCognito
from tests.calls import SignedIn, assert_problem, call, metric
from tests.resilience.polling import until
from tests.servers import Service, free_port, serving, settings_for

CALLS = 40
SERVED = 'device_bff_http_request_duration_seconds_count{method="GET",route="/healthz",'


def workers(service: Service) -> set[int]:
    return {child.pid for child in psutil.Process(service.process.pid).children()}


def answers(url: str, path: str = "/readyz") -> bool:
    try:
        return requests.get(url + path, timeout=5).ok
    except requests.ConnectionError:
        return False


def ask_everybody(url: str) -> None:
    """On a new connection each, so that the kernel spreads them over the workers."""
    for _ in range(CALLS):
        assert call(f"{url}/healthz").status_code == 200


def kill_all_workers(service: Service) -> None:
    before = workers(service)
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    until("new workers", lambda: len(workers(service) - before) == 2)
    until("serving", lambda: answers(service.url))


def test_counts_are_the_sum_over_all_workers_and_outlive_them(own_service: Service) -> None:
    ask_everybody(own_service.url)
    assert metric(own_service.url, SERVED) == CALLS
    kill_all_workers(own_service)
    ask_everybody(own_service.url)
    assert metric(own_service.url, SERVED) == 2 * CALLS


def test_a_dead_worker_has_no_call_in_flight_and_no_open_breaker(
    cognito: RunningCognito, user: SignedIn
) -> None:
    settings = settings_for(cognito) | {"BREAKER_FAILURES": "1", "BREAKER_OPEN_SECONDS": "600"}
    with serving(settings) as service:
        cognito.control("POST", "/_local/faults", operation="*", fault="internal_error", times=None)
        call(f"{service.url}/devices", headers=user.bearer)
        assert metric(service.url, "device_bff_cognito_breaker_open") == 1
        kill_all_workers(service)
        assert metric(service.url, "device_bff_cognito_breaker_open") == 0
        # The one request under way is the one that asks.
        assert metric(service.url, "device_bff_http_requests_in_flight") == 1


@pytest.fixture(scope="module")
def apart(cognito_server: RunningCognito) -> Iterator[Service]:
    """With metrics on a port of their own, and a limit soon reached."""
    apart = {"METRICS_PORT": str(free_port()), "RATE_LIMIT_PER_ADDRESS": "1 per minute"}
    with serving(settings_for(cognito_server) | apart) as service:
        yield service


def test_metrics_on_a_port_of_their_own_are_not_on_the_public_one(apart: Service) -> None:
    ask_everybody(apart.url)
    assert metric(apart.metrics_url, SERVED) == CALLS
    assert_problem(call(f"{apart.url}/metrics"), 404, "not-found")


@pytest.mark.parametrize("path", ["/", "/healthz", "/devices", "/openapi.json"])
def test_nothing_else_is_on_that_port(apart: Service, path: str) -> None:
    assert_problem(call(apart.metrics_url + path), 404, "not-found")


@pytest.mark.parametrize("header", ["Host", "X-Forwarded-Host", "X-Forwarded-Port", "Server-Port"])
def test_no_header_leads_to_the_other_port(apart: Service, header: str) -> None:
    port = urlsplit(apart.metrics_url).port
    value = str(port) if header.endswith("Port") else f"127.0.0.1:{port}"
    assert_problem(call(f"{apart.url}/metrics", headers={header: value}), 404, "not-found")


def test_scrapes_need_no_token_know_no_limit_and_are_not_logged(apart: Service) -> None:
    for _ in range(5):
        bearer = {"Authorization": "Bearer of nothing"}
        assert call(f"{apart.metrics_url}/metrics", headers=bearer).status_code == 200
    assert "/metrics" not in apart.logs()


def test_metrics_on_a_port_of_their_own_outlive_a_reload_and_end_with_the_service(
    cognito: RunningCognito,
) -> None:
    with serving(settings_for(cognito) | {"METRICS_PORT": str(free_port())}) as service:
        ask_everybody(service.url)
        service.process.send_signal(signal.SIGHUP)
        until("reloaded", lambda: service.logs().count("Booting worker") == 4)
        until("serving", lambda: answers(service.metrics_url, "/metrics"))
        assert metric(service.metrics_url, SERVED) == CALLS
        assert service.terminate() == 0
        assert not answers(service.metrics_url, "/metrics")


def test_a_folder_for_counts_that_cannot_be_is_named(
    cognito: RunningCognito, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    settings = {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path / "file" / "counts")}
    told = pytest.raises(RuntimeError, match="device-bff: PROMETHEUS_MULTIPROC_DIR: ")
    with told as failure, serving(settings_for(cognito) | settings):
        pass
    assert "Traceback" not in str(failure.value)
