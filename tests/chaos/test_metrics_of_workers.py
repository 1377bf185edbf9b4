"""/metrics adds up over gunicorn's workers, dead ones included where they should be."""

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from local_cognito.process import RunningCognito
from tests.chaos.polling import until
from tests.servers import Service, serving, settings_for

CALLS = 60


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
    return sample(url, "device_bff_http_request_duration_seconds_count", route="/healthz")


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


def answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/readyz", timeout=5).ok
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


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def serving_metrics_apart(cognito: RunningCognito) -> Iterator[tuple[Service, str]]:
    port = free_port()
    with serving(settings_for(cognito) | {"METRICS_PORT": str(port)}) as service:
        yield service, f"http://127.0.0.1:{port}"


def test_metrics_on_a_port_of_their_own_are_not_on_the_public_one(
    cognito: RunningCognito,
) -> None:
    with serving_metrics_apart(cognito) as (service, metrics_url):
        ask_everybody(service.url, "/healthz")
        assert requests.get(f"{service.url}/metrics", timeout=5).status_code == 404
        until("the metrics' port is open", lambda: answers_metrics(metrics_url))
        assert served(metrics_url) == CALLS


def test_metrics_on_a_port_of_their_own_outlive_a_reload_and_end_with_the_service(
    cognito: RunningCognito,
) -> None:
    with serving_metrics_apart(cognito) as (service, metrics_url):
        until("the metrics' port is open", lambda: answers_metrics(metrics_url))
        service.process.send_signal(signal.SIGHUP)
        until("reloaded", lambda: service.logs().count("Booting worker") == 4)
        until("serving", lambda: answers(service.url))
        ask_everybody(service.url, "/healthz", 5)
        assert served(metrics_url) == 5
        assert service.terminate() == 0
        until("the metrics' port is closed", lambda: not answers_metrics(metrics_url))


def answers_metrics(url: str) -> bool:
    try:
        return requests.get(f"{url}/metrics", timeout=5).ok
    except requests.ConnectionError:
        return False
