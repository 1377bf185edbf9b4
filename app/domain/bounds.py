"""Bounds of the contract that devices and sessions share."""

import re
from urllib.parse import quote

TEXT_MAX_LENGTH = 1024
CURSOR_MAX_LENGTH = 8000
"""In an address: the request line takes 8,190 bytes."""
CURSOR_PATTERN = r"^[!-~]+$"
"""Cognito asks for no blanks, and its cursors are base64: no need for anything beyond ASCII."""

_CURSOR = re.compile(CURSOR_PATTERN)


def is_cursor(text: str) -> bool:
    """Whether `text` could be a cursor at all, and fits into an address."""
    return len(quote(text)) <= CURSOR_MAX_LENGTH and _CURSOR.fullmatch(text) is not None
