"""The dashboard."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from tests.deploy import promql
from tests.deploy.programs import DEPLOY

DASHBOARD: dict[str, Any] = json.loads((DEPLOY / "grafana" / "dashboard.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
VARIABLES = {
    "$__rate_interval": "5m",
    "$read_quota": "50",
    "$update_quota": "25",
    "$user_update_quota": "25",
}
"""Grafana's and the dashboard's own, as Grafana would fill them in; those in quotes may stay."""


def titles(panel: dict[str, Any]) -> str:
    return str(panel["title"])


def test_grafana_knows_every_member() -> None:
    register_default_plugins()
    read_back = json.loads(json.dumps(Dashboard.from_json(DASHBOARD), cls=JSONEncoder))
    assert not list(lost(DASHBOARD, read_back))


def lost(written: Any, read_back: Any, path: str = "") -> Iterator[str]:
    """Paths of what Grafana's model left out, or changed; it may add what it has defaults for."""
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


def test_panels_have_ids_of_their_own_and_do_not_overlap() -> None:
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in DASHBOARD["panels"])
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) < 24


def test_every_metric_is_on_a_panel() -> None:
    shown = " ".join(target["expr"] for panel in PANELS for target in panel["targets"])
    hidden = {"_bucket", "_sum", "_count"}
    for name in promql.exported():
        bare = next((name.removesuffix(end) for end in hidden if name.endswith(end)), name)
        assert bare in shown


@pytest.mark.parametrize("panel", PANELS, ids=titles)
class TestPanel:
    def test_asks_for_what_the_service_exports(self, panel: dict[str, Any]) -> None:
        for target in panel["targets"]:
            assert not list(promql.mistakes(filled_in(target["expr"])))

    def test_keeps_to_the_chosen_prometheus_and_instances(self, panel: dict[str, Any]) -> None:
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        for target in panel["targets"]:
            selectors = target["expr"].count("device_bff_")
            assert target["expr"].count('job=~"$job", instance=~"$instance"') == selectors

    def test_says_what_it_shows_and_in_which_unit(self, panel: dict[str, Any]) -> None:
        assert panel["description"]
        assert panel["fieldConfig"]["defaults"]["unit"]


def filled_in(expression: str) -> str:
    for name, value in VARIABLES.items():
        expression = expression.replace(name, value)
    return expression
