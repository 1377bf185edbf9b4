"""Metrics are of the whole service, for all the workers it has had; and may have their own port."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from app import VERSION
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
    cognito.control("POST", "/_local/faults", operation="*", fault="drop", times=None)
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


def test_the_version_is_told(apart: Service) -> None:
    assert metric(apart.metrics_url, f'device_bff_build_info{{version="{VERSION}"}}') == 1


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


# A metric never fails a call


@pytest.fixture
def kept_at(cognito: RunningCognito, tmp_path: Path) -> Iterator[tuple[Service, Path]]:
    """A service, and the folder that holds the folders of metrics."""
    settings = {"METRICS_PORT": str(free_port()), "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    with serving(settings_for(cognito) | settings) as service:
        until("both workers", lambda: service.logs().count("Booting worker") == 2)
        yield service, tmp_path


def test_workers_that_come_and_go_leave_no_files(kept_at: tuple[Service, Path]) -> None:
    service, folder = kept_at
    for _ in range(3):
        kill_all_workers(service)
        ask_everybody(service.url)
    slots = {path.stem.rpartition("_")[2] for path in folder.rglob("*.db")}
    assert slots == {"0", "1", "master"}


def test_a_folder_that_is_gone_is_made_again(
    kept_at: tuple[Service, Path], tmp_path_factory: pytest.TempPathFactory
) -> None:
    service, folder = kept_at
    ask_everybody(service.url)
    (metrics,) = folder.iterdir()
    metrics.rename(tmp_path_factory.mktemp("gone") / "folder")
    ask_everybody(service.url)
    assert call(f"{service.metrics_url}/metrics").status_code == 200
    kill_all_workers(service)
    before = metric(service.metrics_url, SERVED)
    ask_everybody(service.url)
    assert metric(service.metrics_url, SERVED) == before + CALLS


def test_each_master_has_a_folder_and_removes_no_other(
    kept_at: tuple[Service, Path], user: SignedIn
) -> None:
    """gunicorn's own upgrade: SIGHUP, USR2, then TERM to the old master."""
    service, folder = kept_at
    service.process.send_signal(signal.SIGHUP)
    until("it has reloaded", lambda: service.logs().count("Booting worker") == 4)
    service.process.send_signal(signal.SIGUSR2)
    until("the new master works", lambda: service.logs().count("Booting worker") == 6)
    (new,) = (one for one in psutil.Process(service.process.pid).children() if one.children())
    try:
        assert len(list(folder.iterdir())) == 2
        service.terminate()
        assert len(list(folder.iterdir())) == 1
        ask_everybody(service.url)
        assert call(f"{service.url}/devices", headers=user.bearer).status_code == 200
        assert metric(service.metrics_url, SERVED) == CALLS
    finally:
        new.terminate()
        new.wait(60)
    assert list(folder.iterdir()) == []
