"""What the pages of docs/ quote is what is there."""

from pathlib import Path

import pytest

from docs.quotes import whole
from tests.servers import ROOT

PAGES = sorted((ROOT / "docs").glob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_has_its_quotes_whole(page: Path) -> None:
    markdown = page.read_text()
    assert markdown == whole(markdown), "run make openapi"
    assert "--8<--" not in markdown
