"""Bounds of the contract that devices and sessions share."""

import re

TEXT_MAX_LENGTH = 1024
CURSOR_MAX_LENGTH = 4096
CURSOR_PATTERN = r"^[!-~]+$"
"""Cognito asks for no blanks, and its cursors are base64: no need for anything beyond ASCII."""

_CURSOR = re.compile(CURSOR_PATTERN)


def is_cursor(text: str) -> bool:
    """Whether `text` could be a cursor at all."""
    return len(text) <= CURSOR_MAX_LENGTH and _CURSOR.fullmatch(text) is not None
