"""The alerts and the dashboard, on a real Prometheus that reads a real service."""

import json
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from local_cognito.process import RunningCognito
from tests.deploy.programs import DEPLOY, ROOT, output_of
from tests.deploy.prometheus_server import Prometheus, scraping
from tests.resilience.polling import until
from tests.servers import Service, free_port, serving, settings_for

SECONDS_TO_SHOW = 60

ALERTS = DEPLOY / "prometheus" / "alerts.yaml"
RULES = [rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]
INSTANCE_GONE = 'up{job="device-bff"} == 0'

DASHBOARD: dict[str, Any] = json.loads((DEPLOY / "grafana" / "dashboard.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
VARIABLES = {
    "$__rate_interval": "5m",
    "$read_quota": "50",
    "$update_quota": "25",
    "$user_update_quota": "25",
    "$job": ".+",
    "$instance": ".+",
}
"""Grafana's and the dashboard's own, as Grafana would fill them in."""


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
    """A device listed, one retried, one changed, a token refused, a caller limited, the user
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
    for panel in PANELS:
        for target in panel["targets"]:
            expression = target["expr"]
            for name, value in VARIABLES.items():
                expression = expression.replace(name, value)
            until(
                f"{panel['title']}: {expression}",
                partial(prometheus.query, expression),
                within=SECONDS_TO_SHOW,
            )


def test_every_metric_and_label_of_an_alert_is_exported(prometheus: Prometheus) -> None:
    names, labels = prometheus.values_of("label/__name__/values"), prometheus.values_of("labels")
    for rule in RULES:
        asked = set(re.findall(r"\b(?:device_bff_\w+|up\b)", rule["expr"]))
        matched = set(re.findall(r"(\w+)=~?\"", rule["expr"]))
        assert asked, rule["alert"]
        assert asked <= names, rule["alert"]
        assert matched <= labels, rule["alert"]


def test_no_alert_that_pages_has_a_reason_to_fire(prometheus: Prometheus) -> None:
    page = [rule for rule in RULES if rule["labels"]["severity"] == "page"]
    assert not [rule["alert"] for rule in page if prometheus.query(rule["expr"])]


def test_an_instance_counts_as_gone_only_when_it_cannot_be_scraped(
    prometheus: Prometheus, tmp_path: Path
) -> None:
    assert INSTANCE_GONE in [rule["expr"] for rule in RULES]
    assert not prometheus.query(INSTANCE_GONE)
    with scraping(free_port(), tmp_path) as of_nobody:
        until("nobody answers", lambda: of_nobody.query(INSTANCE_GONE), within=SECONDS_TO_SHOW)


def test_each_state_of_the_world_fires_its_alerts_and_no_others() -> None:
    output_of("promtool", "check", "rules", "--lint=all", "--lint-fatal", ALERTS)
    output_of("promtool", "test", "rules", ROOT / "tests" / "deploy" / "alerts_test.yaml")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule["alert"]))
def test_an_alert_says_what_is_wrong_and_what_to_do(rule: dict[str, Any]) -> None:
    assert rule["annotations"].keys() == {"summary", "description", "runbook"}
    assert rule["labels"]["severity"] in ("page", "ticket")


def test_grafana_knows_every_member_of_the_dashboard() -> None:
    register_default_plugins()
    read_back = json.loads(json.dumps(Dashboard.from_json(DASHBOARD), cls=JSONEncoder))
    assert not list(lost(DASHBOARD, read_back))


def lost(written: Any, read_back: Any, path: str = "") -> Iterator[str]:
    """Paths of what Grafana's model left out or changed; it may add defaults."""
    if isinstance(written, dict) and isinstance(read_back, dict):
        for name, value in written.items():
            yield from lost(value, read_back.get(name), f"{path}/{name}")
    elif isinstance(written, list) and isinstance(read_back, list):
        if len(written) != len(read_back):
            yield path
        for index, pair in enumerate(zip(written, read_back, strict=False)):
            yield from lost(*pair, f"{path}/{index}")
    elif written != read_back:
        yield path


def test_every_panel_keeps_to_the_chosen_prometheus_and_instances() -> None:
    for panel in PANELS:
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        for target in panel["targets"]:
            selectors = target["expr"].count("device_bff_")
            assert target["expr"].count('job=~"$job", instance=~"$instance"') == selectors
