"""Links between the pages of a list: RFC 8288."""

from typing import Any

from flask import url_for


def next_page(endpoint: str, cursor: str | None, **query: Any) -> dict[str, str]:
    """The Link header to the page at `cursor`; none after the last page."""
    if cursor is None:
        return {}
    return {"Link": f'<{url_for(endpoint, **query, cursor=cursor)}>; rel="next"'}
