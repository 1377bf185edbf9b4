"""The documents for people: what they link to exists."""

import re
from pathlib import Path

import pytest

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
