"""The README's table of settings."""

import re
from pathlib import Path

from environs import Env

from app.settings import _read

README = Path(__file__).parents[2] / "README.md"


def test_the_table_names_every_variable_that_is_read_and_no_other() -> None:
    settings = README.read_text().partition("## Settings")[2].partition("\n## ")[0]
    rows = [line.split("|")[1] for line in settings.splitlines() if line.startswith("| `")]
    env = Env(eager=False)
    _read(env)
    assert set(re.findall(r"`(\w+)`", " ".join(rows))) == set(env._fields)
