"""The README's table of settings."""

import os
import re
from pathlib import Path

import pytest
from environs import Env

from app.settings import Settings, _read

README = Path(__file__).parents[2] / "README.md"


def rows() -> list[list[str]]:
    """The cells of the table's rows: variables, defaults, meaning."""
    settings = README.read_text().partition("## Settings")[2].partition("\n## ")[0]
    lines = [line for line in settings.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_the_table_names_every_variable_that_is_read_and_no_other() -> None:
    named = {name for names, _, _ in rows() for name in re.findall(r"`(\w+)`", names)}
    env = Env(eager=False)
    _read(env)
    assert named == set(env._fields)


IN_OTHER_WORDS = {
    "COGNITO_ISSUER": "from the pool id",
    "COGNITO_JWKS_URL": "from the issuer",
    "COGNITO_ENDPOINT_URL": "AWS",
    "COGNITO_USER_POOL_ID": "*required*",
    "COGNITO_CLIENT_IDS": "*required*",
}


def test_the_table_has_the_defaults_of_the_code(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        monkeypatch.delenv(name)
    monkeypatch.setenv("COGNITO_USER_POOL_ID", "eu-west-1_Abc")
    monkeypatch.setenv("COGNITO_CLIENT_IDS", "abc")
    settings = vars(Settings.from_environ()) | {"otel_exporter_otlp_endpoint": None}
    for names, defaults, _ in rows():
        variables = re.findall(r"`(\w+)`", names)
        shown = defaults.split(", ") * (len(variables) if ", " not in defaults else 1)
        for name, default in zip(variables, shown, strict=True):
            expected = IN_OTHER_WORDS.get(name) or as_in_the_table(settings[name.lower()])
            assert default == expected, name


def as_in_the_table(value: object) -> str:
    if value is None or value == ():
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    return str(int(value)) if isinstance(value, float) else str(value)
