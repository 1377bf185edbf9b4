"""The service under a real Prometheus: what operators would see."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from local_cognito.process import RunningCognito
from tests.deploy.prometheus_server import Prometheus, scraping
from tests.deploy.test_grafana import PANELS, filled_in
from tests.deploy.test_prometheus import INSTANCE_GONE, RULES
from tests.resilience.polling import until
from tests.servers import Service, free_port, serving, settings_for

SECONDS_TO_SHOW = 20


@pytest.fixture(scope="module")
def prometheus(
    cognito_server: RunningCognito, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prometheus]:
    """Scrapes, on METRICS_PORT, a service to which something of everything has happened."""
    cognito_server.control("POST", "/_local/reset")
    metrics_port = free_port()
    settings = settings_for(cognito_server) | {
        "METRICS_PORT": str(metrics_port),
        "RATE_LIMIT_PER_ADDRESS": "1 per minute",
    }
    with serving(settings) as service:
        have_everything_happen(service, cognito_server)
        with scraping(metrics_port, tmp_path_factory.mktemp("prometheus")) as prometheus:
            yield prometheus


def have_everything_happen(service: Service, cognito: RunningCognito) -> None:
    """A device listed, one retried, one changed, a token refused, a caller slowed down, the user
    signed out."""
    sign_in = cognito.control("POST", "/_local/sign-in")
    user = {"Authorization": f"Bearer {sign_in['access_token']}"}
    stranger = {"Authorization": "Bearer of nothing"}
    cognito.control("POST", "/_local/faults", operation="ListDevices", fault="internal_error")
    for _ in range(3):
        requests.get(f"{service.url}/devices", headers=user, timeout=10).raise_for_status()
        requests.get(f"{service.url}/devices", headers=stranger, timeout=10)
    requests.patch(
        f"{service.url}/devices/current", json={"status": "remembered"}, headers=user, timeout=10
    ).raise_for_status()
    requests.post(f"{service.url}/devices/sign-out", headers=user, timeout=10).raise_for_status()


def test_every_panel_of_the_dashboard_shows_something(prometheus: Prometheus) -> None:
    expressions = {
        filled_in(target["expr"]).replace("$job", ".+").replace("$instance", ".+")
        for panel in PANELS
        for target in panel["targets"]
    }
    deadline = time.monotonic() + SECONDS_TO_SHOW
    while expressions and time.monotonic() < deadline:
        expressions = {it for it in expressions if not prometheus.query(it)}
        time.sleep(0.2)
    assert not expressions


def test_no_alert_has_a_reason_to_fire(prometheus: Prometheus) -> None:
    page = [rule for rule in RULES if rule["labels"]["severity"] == "page"]
    assert not [rule["alert"] for rule in page if prometheus.query(rule["expr"])]


def test_an_instance_counts_as_gone_only_when_it_cannot_be_scraped(
    prometheus: Prometheus, tmp_path: Path
) -> None:
    assert not prometheus.query(INSTANCE_GONE)
    with scraping(free_port(), tmp_path) as of_nobody:
        until("nobody answers", lambda: of_nobody.query(INSTANCE_GONE))
