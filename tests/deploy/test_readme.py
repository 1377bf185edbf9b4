"""deploy/README.md: what it names exists."""

import re

from app.settings import NAMES
from tests.deploy.programs import DEPLOY

QUOTED = re.findall(r"`([^`\n]+)`", (DEPLOY / "README.md").read_text())


def test_every_variable_is_one_of_the_settings() -> None:
    variables = {it for it in QUOTED if re.fullmatch(r"[A-Z][A-Z_]+", it)}
    assert variables
    assert variables <= NAMES | {"PROMETHEUS_MULTIPROC_DIR"}


def test_every_file_is_there() -> None:
    files = {it for it in QUOTED if re.fullmatch(r"[\w./-]+(/|\.(yaml|json|py|md|conf))", it)}
    assert files
    assert not {path for path in files if not (DEPLOY / path).exists()}
