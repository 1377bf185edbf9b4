"""The alert rules."""

from typing import Any

import pytest
import yaml

from tests.deploy import promql
from tests.deploy.programs import DEPLOY, ROOT, output_of

ALERTS = DEPLOY / "prometheus" / "alerts.yaml"
RULES = [rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]

(INSTANCE_GONE,) = (rule["expr"] for rule in RULES if rule["alert"] == "DeviceBffInstanceGone")


def test_rules_satisfy_promtool() -> None:
    output_of("promtool", "check", "rules", "--lint=all", "--lint-fatal", ALERTS)


def test_each_state_of_the_world_fires_its_alerts_and_no_others() -> None:
    output_of("promtool", "test", "rules", ROOT / "tests" / "deploy" / "alerts_test.yaml")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
class TestAlert:
    def test_asks_for_what_the_service_exports(self, rule: dict[str, Any]) -> None:
        assert not list(promql.mistakes(rule["expr"]))

    def test_tells_its_reader_what_is_wrong_and_what_to_do(self, rule: dict[str, Any]) -> None:
        assert rule["annotations"].keys() == {"summary", "description", "runbook"}
        assert rule["labels"]["severity"] in ("page", "ticket")
