"""A name for a device whose frontend gives none, read from its User-Agent header."""

from ua_parser import parse

USER_AGENT_MAX_LENGTH = 512
"""In characters; what comes after is not worth the time to match it."""

_PRODUCTS = {
    "Chrome Mobile": "Chrome",
    "Chrome Mobile WebView": "Chrome",
    "Chrome Mobile iOS": "Chrome",
    "Edge Mobile": "Edge",
    "Firefox Mobile": "Firefox",
    "Firefox iOS": "Firefox",
    "Mobile Safari": "Safari",
    "Mobile Safari UI/WKWebView": "Safari",
    "Opera Mobile": "Opera",
}
_SYSTEMS = {"Mac OS X": "macOS"}
_APPLE_HARDWARE = ("iPhone", "iPad")


def name_from_user_agent(user_agent: str | None) -> str | None:
    """As "Chrome on macOS" or "Safari on iPhone"; None when the header tells nothing."""
    found = parse((user_agent or "")[:USER_AGENT_MAX_LENGTH])
    product = found.user_agent.family if found.user_agent else None
    system = found.os.family if found.os else None
    if found.device and found.device.family in _APPLE_HARDWARE:
        system = found.device.family
    words = [_PRODUCTS.get(product or "", product), _SYSTEMS.get(system or "", system)]
    return " on ".join(dict.fromkeys(word for word in words if word)) or None
