"""How the models say what the contract tells of their members: words, bounds, how they are shown.

A member is `Annotated` with a text, which is its description; one without words is not answered.
`app.http.schemas.answer_schema` makes the schemas of it.
"""

import re
from dataclasses import dataclass
from enum import Enum, auto
from typing import Annotated
from urllib.parse import quote


@dataclass(frozen=True, slots=True)
class Bounds:
    """How long a text is, or how many items a list or a map holds; and what a text looks like."""

    max: int
    min: int | None = None
    pattern: str | None = None


class Shown(Enum):
    """How a member is answered, where it is not as a value of its own."""

    INLINE = auto()
    """Its members are members of what holds it."""
    IF_KNOWN = auto()
    """Left out rather than null."""


TEXT_MAX_LENGTH = 1024
"""Of a text without bounds of its own."""
CURSOR_MAX_LENGTH = 8000
"""In an address: the request line takes 8,190 bytes."""
CURSOR_PATTERN = r"^[!-~]+$"
"""Cognito asks for no blanks, and its cursors are base64: no need for anything beyond ASCII."""

_CURSOR = re.compile(CURSOR_PATTERN)

NextCursor = Annotated[
    Annotated[str, Bounds(CURSOR_MAX_LENGTH, 1, CURSOR_PATTERN)] | None,
    "Ask for the next page with it, as `cursor`. Null on the last page.",
]
IpAddress = Annotated[str, Bounds(45, pattern=r"^[0-9A-Fa-f.:]+$")]
"""Of either version, at the longest an IPv4-mapped IPv6 address. A choice of two formats would be a
class of its own in generated clients."""


def is_cursor(text: str) -> bool:
    """Whether `text` could be a cursor at all, and fits into an address."""
    return len(quote(text)) <= CURSOR_MAX_LENGTH and _CURSOR.fullmatch(text) is not None
