"""The alerts and the dashboard, beside what a real service exports."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard
from prometheus_client.parser import text_string_to_metric_families

from app.domain import operations
from local_cognito.process import RunningCognito
from tests.calls import call, sign_in
from tests.deploy.programs import CONTRACT, DEPLOY, ROOT, output_of
from tests.servers import free_port, serving, settings_for

ALERTS = DEPLOY / "prometheus" / "alerts.yaml"
RULES = [rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]

ANNOTATIONS = ("summary", "description", "runbook")
HTTP_METHODS = ("get", "post", "patch", "delete")
DASHBOARD: dict[str, Any] = json.loads((DEPLOY / "grafana" / "dashboard.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
PANEL_EXPRESSIONS = [
    re.sub(r"\$\w*quota", "1", target["expr"]).replace("$__rate_interval", "5m")
    for panel in PANELS
    for target in panel["targets"]
]
EXPRESSIONS = [rule["expr"] for rule in RULES] + PANEL_EXPRESSIONS


@pytest.fixture(scope="module")
def samples(cognito_server: RunningCognito) -> list[tuple[str, dict[str, str]]]:
    """Names and labels of what a service exports to which something of everything has happened."""
    cognito_server.control("POST", "/_local/reset")
    settings = {"METRICS_PORT": str(free_port()), "RATE_LIMIT_PER_ADDRESS": "1 per minute"}
    with serving(settings_for(cognito_server) | settings) as service:
        bearer = sign_in(cognito_server).bearer
        failure = {"operation": "ListDevices", "fault": "internal_error"}
        cognito_server.control("POST", "/_local/faults", **failure)  # and the call is repeated
        for _ in range(3):
            assert call(f"{service.url}/devices", headers=bearer).ok
            call(f"{service.url}/devices", headers={"Authorization": "Bearer of nothing"})
        assert call(f"{service.url}/sessions", headers=bearer).ok
        change = {"status": "remembered"}
        assert call(f"{service.url}/devices/current", "PATCH", json=change, headers=bearer).ok
        assert call(f"{service.url}/devices/sign-out", "POST", headers=bearer).ok
        exposition = call(f"{service.metrics_url}/metrics").text
    families = text_string_to_metric_families(exposition)
    return [(sample.name, sample.labels) for family in families for sample in family.samples]


def test_whatever_alerts_and_panels_select_is_exported(
    samples: list[tuple[str, dict[str, str]]],
) -> None:
    selectors = re.findall(r"(device_bff_\w+)(?:{([^}]*)})?", " ".join(EXPRESSIONS))
    assert len(selectors) > len(RULES)
    for name, matchers in selectors:
        selected = dict(re.findall(r'(\w+)!?=?~?"([^"]*)"', matchers))
        asked = selected.keys() - {"job", "instance"}  # Prometheus' own
        assert any(
            name == exported
            and asked <= labels.keys()
            and all(re.fullmatch(selected[it], labels[it]) for it in asked & {"route", "operation"})
            for exported, labels in samples
        ), (name, matchers)


def test_prometheus_can_read_every_panel_and_each_is_of_the_chosen_instances(
    tmp_path: Path,
) -> None:
    records = [{"record": f"panel:{n}", "expr": it} for n, it in enumerate(PANEL_EXPRESSIONS)]
    rules = {"groups": [{"name": "panels", "rules": records}]}
    (tmp_path / "panels.yaml").write_text(yaml.safe_dump(rules))
    output_of("promtool", "check", "rules", tmp_path / "panels.yaml")
    for expression in PANEL_EXPRESSIONS:
        selectors = expression.count("device_bff_")
        assert expression.count('job=~"$job", instance=~"$instance"') == selectors
    assert all(it["datasource"]["uid"] == "${datasource}" for it in PANELS)


def test_each_state_of_the_world_fires_its_alerts_and_no_others() -> None:
    assert {rule["labels"]["severity"] for rule in RULES} == {"page", "ticket"}
    assert all(rule["annotations"].keys() == {*ANNOTATIONS} for rule in RULES)
    output_of("promtool", "check", "rules", "--lint=all", "--lint-fatal", ALERTS)
    output_of("promtool", "test", "rules", ROOT / "tests" / "deploy" / "alerts_test.yaml")


def test_every_operation_of_the_contract_alerts_when_it_alone_fails(tmp_path: Path) -> None:
    """In an hour of 504, a call a minute beside ten a second of each of the others."""
    operations_of_callers = [
        (method.upper(), path)
        for path, methods in CONTRACT["paths"].items()
        for method, operation in methods.items()
        if method in HTTP_METHODS and "504" in operation["responses"]
    ]
    assert len(operations_of_callers) >= 13
    fired = 'alertname="DeviceBffOperationFailing", method="{}", route="{}"'
    query = 'count by (alertname, method, route) (ALERTS{alertstate="firing"})'
    tests = []
    for failing in operations_of_callers:
        series = [{"series": "device_bff_http_requests_in_flight", "values": "1x60"}]
        for method, route in operations_of_callers:
            status, a_minute = (504, 1) if (method, route) == failing else (200, 600)
            labels = f'method="{method}", route="{route}", status="{status}"'
            name = f"device_bff_http_request_duration_seconds_count{{{labels}}}"
            series.append({"series": name, "values": f"0+{a_minute}x60"})
        expected = [{"labels": f"{{{fired.format(*failing)}}}", "value": 1}]
        asked = {"expr": query, "eval_time": "60m", "exp_samples": expected}
        tests.append({"interval": "1m", "input_series": series, "promql_expr_test": [asked]})
    (tmp_path / "rules.yaml").write_text(
        yaml.safe_dump({"rule_files": [str(ALERTS)], "tests": tests})
    )
    output_of("promtool", "test", "rules", tmp_path / "rules.yaml")


def test_quota_panels_count_every_operation_of_cognito_that_is_used() -> None:
    (panel,) = (panel for panel in PANELS if panel["title"] == "Quota used")
    counted = [set(re.findall(r'operation=~"([^"]+)"', it["expr"])) for it in panel["targets"]]
    quotas = (operations.READS, operations.UPDATES, operations.SIGN_OUTS)
    assert counted == [
        {"|".join(it.name for it in operations.OPERATIONS if it.quota == quota)} for quota in quotas
    ]


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
