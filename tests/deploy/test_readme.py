"""deploy/README.md: what it names exists."""

import re

from app.contract import api as openapi
from tests.deploy.programs import DEPLOY, ROOT

QUOTED = re.findall(r"`([^`\n]+)`", (DEPLOY / "README.md").read_text())


def test_every_variable_is_one_of_the_settings() -> None:
    source = (ROOT / "app/settings.py").read_text() + (ROOT / "gunicorn.conf.py").read_text()
    variables = {it for it in QUOTED if re.fullmatch(r"[A-Z][A-Z_]+", it)}
    assert variables
    assert not {name for name in variables if f'"{name}"' not in source}


def test_every_file_is_there() -> None:
    files = {it for it in QUOTED if re.fullmatch(r"[\w./-]+(/|\.(yaml|json|py|md|conf))", it)}
    assert files
    assert not {path for path in files if not (DEPLOY / path).exists()}


def test_every_probe_is_served() -> None:
    probes = {it for it in QUOTED if re.fullmatch(r"/[a-z]+z", it)}
    assert probes
    assert probes <= openapi.document()["paths"].keys()
