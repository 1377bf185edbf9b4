"""/metrics adds up over gunicorn's workers, dead ones included where they should be."""

import os
import shutil
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from app.observability import metrics
from local_cognito.process import RunningCognito
from tests.resilience.polling import until
from tests.servers import Service, free_port, serving, settings_for

CALLS = 60
DURATION = "device_bff_http_request_duration_seconds"


def sample(url: str, name: str, **labels: str) -> float:
    """The sum of a metric's samples that bear these labels."""
    answer = requests.get(f"{url}/metrics", timeout=5)
    assert answer.status_code == 200
    return sum(
        sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )


def served(url: str) -> float:
    return sample(url, DURATION + "_count", route="/healthz")


def workers(service: Service) -> list[int]:
    return [child.pid for child in psutil.Process(service.process.pid).children()]


def ask_everybody(url: str, path: str, calls: int = CALLS) -> None:
    """On a new connection each, so that the kernel spreads them over the workers."""
    for _ in range(calls):
        assert requests.get(url + path, timeout=5).status_code == 200


@pytest.fixture(scope="module")
def service(cognito_server: RunningCognito) -> Iterator[Service]:
    with serving(settings_for(cognito_server)) as service:
        yield service


def test_counts_are_the_sum_over_all_workers(service: Service) -> None:
    before = served(service.url)
    ask_everybody(service.url, "/healthz")
    assert served(service.url) == before + CALLS


def test_what_a_dead_worker_counted_still_counts(service: Service) -> None:
    ask_everybody(service.url, "/healthz")
    before = served(service.url)
    victim = workers(service)[0]
    os.kill(victim, signal.SIGKILL)
    until("a worker in its place", lambda: len(set(workers(service)) - {victim}) == 2)
    until("serving", lambda: answers(service.url))
    assert served(service.url) >= before


def test_dead_workers_leave_their_counts_and_no_files(
    cognito: RunningCognito, tmp_path: Path
) -> None:
    settings = settings_for(cognito) | {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    with serving(settings) as service:
        ask_everybody(service.url, "/healthz")
        seconds = sample(service.url, DURATION + "_sum", route="/healthz")
        for generation in range(1, 4):
            service.process.send_signal(signal.SIGHUP)
            until(
                "reloaded",
                lambda: service.logs().count("Worker exiting") == 2 * generation,  # noqa: B023
            )
            until("serving", lambda: answers(service.url))
        # Of two kinds each: two workers and the dead.
        until("tidied", lambda: len(list(tmp_path.glob("[ch]*.db"))) <= 6)
        assert served(service.url) == CALLS
        assert sample(service.url, DURATION + "_bucket", route="/healthz", le="+Inf") == CALLS
        assert sample(service.url, DURATION + "_sum", route="/healthz") == pytest.approx(seconds)


def test_a_dead_workers_counts_that_cannot_be_read_are_given_up(
    cognito: RunningCognito, tmp_path: Path
) -> None:
    settings = settings_for(cognito) | {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    with serving(settings | {"WORKERS": "1"}) as service:
        ask_everybody(service.url, "/healthz", 3)
        (worker,) = workers(service)
        os.kill(worker, signal.SIGSTOP)
        entry_longer_than_the_file = b"\xe8\x03\0\0" + bytes(4) + b"\xff\xff\xff\x7f"
        (tmp_path / f"histogram_{worker}.db").write_bytes(entry_longer_than_the_file)
        os.kill(worker, signal.SIGKILL)
        until("given up", lambda: '"counts_lost"' in service.logs())
        until("serving", lambda: answers(service.url))
        ask_everybody(service.url, "/healthz", 2)
        assert served(service.url) == 2


def test_a_scrape_waits_for_a_worker_that_has_just_made_its_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(metrics.FOLDER, str(tmp_path))
    begun = tmp_path / "counter_1234567.db"
    begun.touch()
    threading.Timer(0.03, begun.unlink).start()
    assert metrics.exposition() == b""


def test_counts_whose_folder_is_gone_end_no_service(
    cognito: RunningCognito, tmp_path: Path
) -> None:
    folder = tmp_path / "counts"
    with serving(settings_for(cognito) | {"PROMETHEUS_MULTIPROC_DIR": str(folder)}) as service:
        shutil.rmtree(folder)
        os.kill(workers(service)[0], signal.SIGKILL)
        until("told", lambda: '"counts_lost"' in service.logs())
        assert service.process.poll() is None


def answers(url: str, path: str = "/readyz") -> bool:
    try:
        return requests.get(url + path, timeout=5).ok
    except requests.ConnectionError:
        return False


def test_a_dead_worker_has_no_call_in_flight_and_no_open_breaker(
    cognito: RunningCognito,
) -> None:
    settings = settings_for(cognito) | {"BREAKER_FAILURES": "1", "BREAKER_OPEN_SECONDS": "600"}
    token = cognito.control("POST", "/_local/sign-in")["access_token"]
    with serving(settings) as service:
        cognito.control("POST", "/_local/faults", operation="*", fault="internal_error", times=None)
        headers = {"Authorization": f"Bearer {token}"}
        requests.get(f"{service.url}/devices", headers=headers, timeout=5)
        assert sample(service.url, "device_bff_cognito_breaker_open") == 1
        before = set(workers(service))
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        until("new workers", lambda: len(set(workers(service)) - before) == 2)
        until("serving", lambda: answers(service.url))
        assert sample(service.url, "device_bff_cognito_breaker_open") == 0
        # The one request under way is the one that asks.
        assert sample(service.url, "device_bff_http_requests_in_flight") == 1
        assert sample(service.url, "device_bff_cognito_calls_in_flight") == 0


def serving_apart(cognito: RunningCognito, **variables: str) -> AbstractContextManager[Service]:
    """The service with metrics on a port of their own; both ports can be had again."""
    ports = {"PORT": str(free_port()), "METRICS_PORT": str(free_port())}
    return serving(settings_for(cognito) | ports | variables)


@pytest.fixture(scope="module")
def apart(cognito_server: RunningCognito) -> Iterator[Service]:
    """With metrics on a port of their own, a proxy that is believed, and a limit soon reached."""
    with serving_apart(
        cognito_server, TRUSTED_PROXY_HOPS="1", RATE_LIMIT_PER_ADDRESS="1 per minute"
    ) as service:
        yield service


def assert_nothing_at(address: str, **headers: str) -> None:
    answer = requests.get(address, headers=headers, timeout=5)
    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_metrics_on_a_port_of_their_own_are_not_on_the_public_one(apart: Service) -> None:
    before = served(apart.metrics_url)
    ask_everybody(apart.url, "/healthz")
    assert served(apart.metrics_url) == before + CALLS
    assert_nothing_at(f"{apart.url}/metrics")


@pytest.mark.parametrize(
    "path", ["/", "/healthz", "/readyz", "/devices", "/docs", "/openapi.json", "/nowhere"]
)
def test_nothing_else_is_on_that_port(apart: Service, path: str) -> None:
    assert_nothing_at(apart.metrics_url + path)


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("Host", "127.0.0.1:{port}"),
        ("X-Forwarded-Host", "127.0.0.1:{port}"),
        ("X-Forwarded-Port", "{port}"),
        ("Forwarded", "host=127.0.0.1:{port}"),
        ("Server-Port", "{port}"),
    ],
)
def test_no_header_leads_to_the_other_port(apart: Service, header: str, value: str) -> None:
    metrics_port, public_port = (urlsplit(url).port for url in (apart.metrics_url, apart.url))
    assert_nothing_at(f"{apart.url}/metrics", **{header: value.format(port=metrics_port)})
    assert_nothing_at(f"{apart.metrics_url}/healthz", **{header: value.format(port=public_port)})


def test_scrapes_need_no_token_know_no_limit_and_are_not_logged(apart: Service) -> None:
    for _ in range(5):
        answer = requests.get(
            f"{apart.metrics_url}/metrics",
            headers={"Authorization": "Bearer of nothing"},
            timeout=5,
        )
        assert answer.status_code == 200
        assert "RateLimit-Limit" not in answer.headers
    assert "/metrics" not in apart.logs()


def test_metrics_on_a_port_of_their_own_outlive_the_workers(cognito: RunningCognito) -> None:
    with serving_apart(cognito) as service:
        ask_everybody(service.url, "/healthz", 5)
        before = set(workers(service))
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        until("new workers", lambda: len(set(workers(service)) - before) == 2)
        until("the metrics' port answers", lambda: answers(service.metrics_url, "/metrics"))
        assert served(service.metrics_url) == 5


def test_metrics_on_a_port_of_their_own_outlive_a_reload_and_end_with_the_service(
    cognito: RunningCognito,
) -> None:
    with serving_apart(cognito) as service:
        service.process.send_signal(signal.SIGHUP)
        until("reloaded", lambda: service.logs().count("Booting worker") == 4)
        until("serving", lambda: answers(service.url))
        ask_everybody(service.url, "/healthz", 5)
        assert served(service.metrics_url) == 5
        assert service.terminate() == 0
        assert not answers(service.metrics_url, "/metrics")


def test_both_ports_can_be_had_again_at_once(cognito: RunningCognito) -> None:
    with serving_apart(cognito) as service, requests.Session() as scraper:
        ports = {
            "PORT": str(urlsplit(service.url).port),
            "METRICS_PORT": str(urlsplit(service.metrics_url).port),
        }
        assert scraper.get(f"{service.metrics_url}/metrics", timeout=5).ok  # and is kept alive
        assert service.terminate() == 0
        with serving_apart(cognito, **ports) as again:
            assert answers(again.metrics_url, "/metrics")
            assert "in use" not in again.logs()


def test_a_metrics_port_that_is_taken_stops_the_start_and_is_named(
    cognito: RunningCognito,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as somebody_else:
        port = somebody_else.getsockname()[1]
        with (
            pytest.raises(RuntimeError, match=rf"(?s)\(1\).*in use: \('127.0.0.1', {port}\)"),
            serving_apart(cognito, METRICS_PORT=str(port)),
        ):
            pass
