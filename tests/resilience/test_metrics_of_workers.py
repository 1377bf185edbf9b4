"""Metrics are of the whole service, for all the workers it has had; and may have their own port."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest

from app import VERSION
from local_cognito.process import RunningCognito
from tests.calls import SignedIn, assert_problem, call, log_lines, metric
from tests.polling import until
from tests.servers import ROOT, Service, free_port, serving, settings_for

CALLS = 40
NO_ROOM = "No room for the metrics of another worker: it does not count."
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
def contract() -> dict[str, Any]:
    document: dict[str, Any] = json.loads((ROOT / "openapi" / "openapi.json").read_bytes())
    return document


@pytest.fixture
def kept_at(cognito: RunningCognito, tmp_path: Path) -> Iterator[tuple[Service, Path]]:
    """A service, and the folder that holds the folders of metrics."""
    settings = {"METRICS_PORT": str(free_port()), "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    with serving(settings_for(cognito) | settings) as service:
        until("both workers", lambda: service.logs().count("Booting worker") == 2)
        yield service, tmp_path


def test_workers_that_come_and_go_leave_no_files(kept_at: tuple[Service, Path]) -> None:
    service, folder = kept_at
    before = sorted(path.name for path in folder.rglob("*.db"))
    for _ in range(3):
        kill_all_workers(service)
        ask_everybody(service.url)
    assert sorted(path.name for path in folder.rglob("*.db")) == before


def test_a_folder_that_is_gone_is_made_again(
    kept_at: tuple[Service, Path], tmp_path_factory: pytest.TempPathFactory
) -> None:
    service, folder = kept_at
    (metrics,) = folder.iterdir()
    metrics.rename(tmp_path_factory.mktemp("gone") / "folder")
    ask_everybody(service.url)
    assert call(f"{service.metrics_url}/metrics").status_code == 200
    kill_all_workers(service)
    before = metric(service.metrics_url, SERVED)
    ask_everybody(service.url)
    assert metric(service.metrics_url, SERVED) == before + CALLS


def test_where_there_is_no_room_nothing_is_counted_and_the_log_says_so(
    kept_at: tuple[Service, Path], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A write without room would kill the worker (SIGBUS)."""
    service, folder = kept_at
    (metrics,) = folder.iterdir()
    metrics.rename(tmp_path_factory.mktemp("gone") / "folder")
    metrics.touch()  # no folder can be made here
    kill_all_workers(service)
    ask_everybody(service.url)
    assert len(log_lines(service.logs(), event=NO_ROOM)) == 2


@pytest.mark.parametrize("variable", ["PROMETHEUS_MULTIPROC_DIR", "TMPDIR"])
def test_without_room_for_a_folder_each_process_counts_for_itself(
    variable: str, tmp_path: Path
) -> None:
    """The files would be larger than this process may write."""
    program = """
import os, resource
from app.observability import metric_files
resource.setrlimit(resource.RLIMIT_FSIZE, (1024, 1024))
assert metric_files.open_folder() is None
from app.observability import metrics
metrics.RATE_LIMITED.labels("user").inc()
assert b'rate_limited_total{by="user"} 1.0' in metrics.exposition()
"""
    subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, check=True, env={variable: str(tmp_path)}
    )
    assert not list(tmp_path.iterdir())


def test_the_folder_of_a_master_that_was_killed_is_removed_and_no_other(tmp_path: Path) -> None:
    program = """
import os, sys
from app.observability import metric_files
print(metric_files.open_folder(), flush=True)
sys.stdin.read()
os.kill(os.getpid(), 9)
"""

    def master() -> subprocess.Popen[str]:
        started = subprocess.Popen(
            [sys.executable, "-c", program],
            cwd=ROOT,
            env={"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert started.stdout
        assert started.stdout.readline().startswith(str(tmp_path))
        return started

    killed, alive = master(), master()
    killed.communicate()
    third = master()
    assert len(list(tmp_path.iterdir())) == 2
    for one in (alive, third):
        one.communicate()


def test_all_labels_fit_into_the_space_that_is_taken(contract: dict[str, Any]) -> None:
    """Or a file would grow, and a disk that is full kill the worker."""
    calls = [
        (method.upper(), path, status)
        for path, item in contract["paths"].items()
        for method in item.keys() - {"parameters"}
        for status in (*item[method]["responses"], "405", "499")
    ]
    methods = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "other")
    calls += [(method, "unmatched", status) for method in methods for status in ("200", "404")]
    calls += [("other", "unparsed", status) for status in ("400", "408", "414", "431", "500")]
    program = f"""
import struct
from app.observability import metric_files
folder = metric_files.open_folder()
from app.domain.errors import ErrorCode
from app.domain.operations import OPERATIONS
from app.observability import metrics
for labels in {calls!r}:
    metrics.REQUESTS.labels(*labels).observe(1)
for operation in OPERATIONS:
    for outcome in ("ok", *ErrorCode):
        metrics.COGNITO_CALLS.labels(operation.name, outcome).observe(1)
with open(f"{{folder}}/histogram_master.db", "rb") as file:
    used = struct.unpack("i", file.read(4))[0]
metric_files.close_folder(folder)
assert used < metric_files.SIZES["histogram"], used
"""
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, env={})


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
