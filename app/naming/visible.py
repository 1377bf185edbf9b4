"""What of a text a person sees: Unicode Technical Report 36, "Bidirectional Text Spoofing", and
UTS 51, "Emoji Tag Sequences"."""

import re
from unicodedata import category

_TURNS_ROUND = "\u202a-\u202e\u2066-\u2069"
_BREAKS = re.compile("[\t\n\v\f\r\x85\u2028\u2029]+")
_UNSEEN = re.compile(
    # A flag's tags are its spelling; stray ones are not seen.
    "(\U0001f3f4[\U000e0020-\U000e007e]+\U000e007f)|[\U000e0000-\U000e007f]"
    f"|[\x00-\x1f\x7f-\x9f\u200b\u2060\ufeff{_TURNS_ROUND}]"
)
_BIDI = re.compile(f"[{_TURNS_ROUND}]")
_NOTHING = frozenset({"Cc", "Cf", "Zs", "Zl", "Zp"})
"""General categories of what shows nothing by itself, though it can be part of an emoji or word."""
_FILLERS = frozenset("\u034f\u115f\u1160\u2800\u3164\uffa0\ufe0e\ufe0f")
"""Letters and marks by their category, and as empty."""


def visible(text: str) -> str:
    """`text` without what shows nothing or turns text round. Line breaks become blanks."""
    if text.isascii() and text.isprintable():
        return text
    return _UNSEEN.sub(lambda found: found[1] or "", _BREAKS.sub(" ", text))


def shows_nothing(text: str) -> bool:
    """Whether a person sees nothing of `text`."""
    return all(category(it) in _NOTHING or it in _FILLERS for it in text)


def turns_text_round(text: str) -> bool:
    """Whether `text` holds a bidirectional control, which makes it read as something else."""
    return _BIDI.search(text) is not None
