"""The alerts and the dashboard, on a real Prometheus that reads a real service."""

import json
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from app.domain import operations
from local_cognito.process import RunningCognito
from tests.calls import call, sign_in
from tests.deploy.programs import CONTRACT, DEPLOY, ROOT, output_of
from tests.deploy.prometheus_server import Query, scraping
from tests.polling import until
from tests.servers import Service, free_port, serving, settings_for

ALERTS = DEPLOY / "prometheus" / "alerts.yaml"
RULES = [rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]

HTTP_METHODS = ("get", "post", "patch", "delete")
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
def query(
    cognito_server: RunningCognito, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Query]:
    """Of a Prometheus that scrapes a service to which something of everything has happened."""
    cognito_server.control("POST", "/_local/reset")
    settings = {"METRICS_PORT": str(free_port()), "RATE_LIMIT_PER_ADDRESS": "1 per minute"}
    with serving(settings_for(cognito_server) | settings) as service:
        have_everything_happen(service, cognito_server)
        folder = tmp_path_factory.mktemp("prometheus")
        with scraping(int(settings["METRICS_PORT"]), folder) as query:
            yield query


def have_everything_happen(service: Service, cognito: RunningCognito) -> None:
    """Devices listed, one call retried, one device changed, a token refused, a caller limited, the
    user signed out."""
    bearer = sign_in(cognito).bearer
    cognito.control("POST", "/_local/faults", operation="ListDevices", fault="internal_error")
    for _ in range(3):
        assert call(f"{service.url}/devices", headers=bearer).ok
        call(f"{service.url}/devices", headers={"Authorization": "Bearer of nothing"})
    change = {"status": "remembered"}
    assert call(f"{service.url}/devices/current", "PATCH", json=change, headers=bearer).ok
    assert call(f"{service.url}/devices/sign-out", "POST", headers=bearer).ok


def test_every_panel_of_the_dashboard_shows_something(query: Query) -> None:
    for panel in PANELS:
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        for target in panel["targets"]:
            expression = target["expr"]
            selectors = expression.count("device_bff_")
            assert expression.count('job=~"$job", instance=~"$instance"') == selectors
            for name, value in VARIABLES.items():
                expression = expression.replace(name, value)
            until(f"{panel['title']}: {expression}", partial(query, expression), within=60)


def test_every_metric_and_label_of_an_alert_is_exported(query: Query) -> None:
    for rule in RULES:
        for name, matchers in re.findall(r"\b(device_bff_\w+|up)\b(?:\{([^}]*)\})?", rule["expr"]):
            there = re.sub(r'=~?"[^"]*"', '!=""', matchers)
            exported = f"{name}{{{there}}}"
            until(f"{rule['alert']}: {exported}", partial(query, exported))


def test_each_state_of_the_world_fires_its_alerts_and_no_others() -> None:
    output_of("promtool", "check", "rules", "--lint=all", "--lint-fatal", ALERTS)
    output_of("promtool", "test", "rules", ROOT / "tests" / "deploy" / "alerts_test.yaml")


def test_every_operation_of_the_contract_alerts_when_it_alone_fails(tmp_path: Path) -> None:
    """In an hour of 504, a call a minute beside ten a second of the others."""
    everything = [
        (method.upper(), path)
        for path, methods in CONTRACT["paths"].items()
        for method, operation in methods.items()
        if method in HTTP_METHODS and "503" in operation["responses"] and path != "/readyz"
    ]
    assert len(everything) >= 13

    def calls(method: str, path: str, status: int, a_minute: int) -> dict[str, str]:
        labels = f'method="{method}", route="{path}", status="{status}"'
        name = "device_bff_http_request_duration_seconds_count"
        return {"series": f"{name}{{{labels}}}", "values": f"0+{a_minute}x60"}

    def world(failing: tuple[str, str]) -> dict[str, Any]:
        served = [calls(*it, 200, 600) for it in everything if it != failing]
        scraped = {"series": "device_bff_http_requests_in_flight", "values": "1x60"}
        method, route = failing
        labels = f'alertname="DeviceBffOperationFailing", method="{method}", route="{route}"'
        firing = {
            "expr": 'count by (alertname, method, route) (ALERTS{alertstate="firing"})',
            "eval_time": "60m",
            "exp_samples": [{"labels": f"{{{labels}}}", "value": 1}],
        }
        series = [scraped, calls(*failing, 504, 1), *served]
        return {"interval": "1m", "input_series": series, "promql_expr_test": [firing]}

    rules = {"rule_files": [str(ALERTS)], "tests": [world(it) for it in everything]}
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(rules))
    output_of("promtool", "test", "rules", tmp_path / "rules.yaml")


def test_quota_panels_count_every_operation_of_cognito_that_is_used() -> None:
    (panel,) = (panel for panel in PANELS if panel["title"] == "Quota used")
    counted = [set(re.findall(r'operation=~"([^"]+)"', it["expr"])) for it in panel["targets"]]
    quotas = (operations.READS, operations.UPDATES, operations.SIGN_OUTS)
    assert counted == [
        {"|".join(it.name for it in operations.OPERATIONS if it.quota == quota)} for quota in quotas
    ]


def test_an_alert_says_what_is_wrong_and_what_to_do() -> None:
    for rule in RULES:
        assert rule["annotations"].keys() == {"summary", "description", "runbook"}
        assert rule["labels"]["severity"] in ("page", "ticket")


def test_grafana_knows_every_member_of_the_dashboard() -> None:
    """Its model leaves out what it does not know; it may add defaults."""
    register_default_plugins()
    read_back = json.loads(json.dumps(Dashboard.from_json(DASHBOARD), cls=JSONEncoder))
    assert set(leaves(DASHBOARD)) <= set(leaves(read_back))


def leaves(node: Any, path: str = "") -> Iterator[tuple[str, str]]:
    members = enumerate(node) if isinstance(node, list) else ()
    for name, value in node.items() if isinstance(node, dict) else members:
        yield from leaves(value, f"{path}/{name}")
    if not isinstance(node, dict | list):
        yield path, repr(node)
