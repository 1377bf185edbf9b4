"""The documents for people: what they name exists, and settings are as the code has them."""

import os
import re
from pathlib import Path
from unittest import mock

import pytest

from app.settings import NAMES, Settings
from tests.servers import ROOT

DOCUMENTS = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "deploy" / "README.md"]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_relative_link_leads_to_a_file(document: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text())
    assert not [link for link in links if not (document.parent / link).exists()]


def test_security_names_tests_that_exist() -> None:
    named = re.findall(r"`(tests/[\w./-]+)`", (ROOT / "SECURITY.md").read_text())
    assert named
    assert not [path for path in named if not (ROOT / path).exists()]


# deploy/README.md


QUOTED = re.findall(r"`([^`\n]+)`", (ROOT / "deploy" / "README.md").read_text())


def test_every_variable_is_one_of_the_settings() -> None:
    variables = {it for it in QUOTED if re.fullmatch(r"[A-Z][A-Z_]+", it)}
    assert variables
    assert variables <= NAMES | {"PROMETHEUS_MULTIPROC_DIR"}


def test_every_file_is_there() -> None:
    files = {it for it in QUOTED if re.fullmatch(r"[\w./-]+(/|\.(yaml|json|py|md|conf))", it)}
    assert files
    assert not {path for path in files if not (ROOT / "deploy" / path).exists()}


# docs/settings.md, and the README's choice of its settings


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
