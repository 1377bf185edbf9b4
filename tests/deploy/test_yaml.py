"""The manner of every YAML file that people deploy."""

from tests.deploy.programs import DEPLOY, ROOT, output_of

RULES = "{extends: default, rules: {document-start: disable, line-length: {max: 100}}}"


def test_yaml_satisfies_yamllint() -> None:
    output_of("yamllint", "--strict", "--config-data", RULES, ROOT / "compose.yaml", DEPLOY)
