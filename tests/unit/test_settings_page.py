"""docs/settings.md, and the README's choice of its settings."""

import os
import re
from unittest import mock

from app.settings import NAMES, Settings
from tests.servers import ROOT

REQUIRED = {"COGNITO_USER_POOL_ID": "eu-west-1_Abc", "COGNITO_CLIENT_IDS": "abc"}


def rows(page: str) -> list[list[str]]:
    """The cells of the rows that begin with a variable."""
    lines = re.findall(r"^\| `[A-Z][^|]*(?:\|[^|]*){2}\|$", (ROOT / page).read_text(), re.MULTILINE)
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def variables(cell: str) -> list[str]:
    return re.findall(r"`(\w+)`", cell)


PAGE = rows("docs/settings.md")
NAMED = {name for names, *_ in PAGE for name in variables(names)}


def test_the_page_names_every_variable_that_is_read_and_no_other() -> None:
    assert NAMED == NAMES


def test_the_readme_names_ten_of_them() -> None:
    chosen = [name for names, *_ in rows("README.md") for name in variables(names)]
    assert len(chosen) == 10
    assert set(chosen) <= NAMED


IN_OTHER_WORDS = {
    "COGNITO_ISSUER": "both of the pool",
    "COGNITO_JWKS_URL": "from the issuers",
    "COGNITO_ENDPOINT_URL": "AWS",
    "COGNITO_USER_POOL_ID": "*required*",
    "COGNITO_CLIENT_IDS": "*required*",
}


def test_the_page_has_the_defaults_of_the_code() -> None:
    with mock.patch.dict(os.environ, REQUIRED, clear=True):
        settings = vars(Settings.from_environ())
    for names, defaults, _ in PAGE:
        shown = defaults.split(", ") * (len(variables(names)) if ", " not in defaults else 1)
        for name, default in zip(variables(names), shown, strict=True):
            expected = IN_OTHER_WORDS.get(name) or as_on_the_page(settings[name.lower()])
            assert default == expected, name


def as_on_the_page(value: object) -> str:
    if value in (None, (), "", {}):
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    return str(int(value)) if isinstance(value, float) else str(value)
