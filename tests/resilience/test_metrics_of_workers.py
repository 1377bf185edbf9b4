"""Metrics are of the whole service, for all the workers it has had; and may have their own port."""

import os
import signal
from collections.abc import Iterator
from urllib.parse import urlsplit

import psutil
import pytest

from local_cognito.process import RunningCognito
from tests.calls import SignedIn, assert_problem, call, metric
from tests.polling import until
from tests.servers import Service, free_port, serving, settings_for

CALLS = 40
SERVED = 'device_bff_http_request_duration_seconds_count{method="GET",route="/healthz",'


@pytest.fixture(scope="module")
def apart(cognito_server: RunningCognito) -> Iterator[Service]:
    """With metrics on a port of their own, a limit soon reached, and a breaker soon open."""
    settings = {
        "METRICS_PORT": str(free_port()),
        "RATE_LIMIT_PER_ADDRESS": "1 per minute",
        "BREAKER_FAILURES": "1",
        "BREAKER_OPEN_SECONDS": "600",
    }
    with serving(settings_for(cognito_server) | settings) as service:
        yield service


def ask_everybody(url: str) -> None:
    """On a new connection each, so that the kernel spreads them over the workers."""
    for _ in range(CALLS):
        assert call(f"{url}/healthz").status_code == 200


def kill_all_workers(service: Service) -> None:
    booted = service.logs().count("Booting worker")
    for worker in psutil.Process(service.process.pid).children():
        os.kill(worker.pid, signal.SIGKILL)
    until("new workers", lambda: service.logs().count("Booting worker") == booted + 2)


def test_counts_are_of_all_workers_and_outlive_them_and_states_do_not(
    cognito: RunningCognito, apart: Service, user: SignedIn
) -> None:
    cognito.control("POST", "/_local/faults", operation="*", fault="internal_error", times=None)
    call(f"{apart.url}/devices", headers=user.bearer)
    assert metric(apart.metrics_url, "device_bff_cognito_breaker_open") == 1
    before = metric(apart.metrics_url, SERVED)
    ask_everybody(apart.url)
    assert metric(apart.metrics_url, SERVED) == before + CALLS
    kill_all_workers(apart)
    ask_everybody(apart.url)
    assert metric(apart.metrics_url, SERVED) == before + 2 * CALLS
    assert metric(apart.metrics_url, "device_bff_cognito_breaker_open") == 0
    # The one request under way is the one that asks.
    assert metric(apart.metrics_url, "device_bff_http_requests_in_flight") == 1


@pytest.mark.parametrize("header", ["Host", "X-Forwarded-Host"])
def test_nothing_else_is_on_that_port_and_no_header_leads_there(
    apart: Service, header: str
) -> None:
    assert_problem(call(f"{apart.metrics_url}/devices"), 404, "not-found")
    forged = {header: urlsplit(apart.metrics_url).netloc}
    assert_problem(call(f"{apart.url}/metrics", headers=forged), 404, "not-found")


def test_scrapes_need_no_token_know_no_limit_and_are_not_logged(apart: Service) -> None:
    for _ in range(5):
        bearer = {"Authorization": "Bearer of nothing"}
        assert call(f"{apart.metrics_url}/metrics", headers=bearer).status_code == 200
    assert "/metrics" not in apart.logs()
