"""Names of sessions, from Cognito's `DeviceType`: what Cognito makes of the User-Agent.

AWS documents "operating system and browser or app", and `unknown`, but neither order nor
separator. So this reads both orders with any separator.
"""

import re
from functools import lru_cache

from app.domain.devices import Description
from app.naming.devices import FIXED_WORDS
from app.naming.hardware import describe_model
from app.naming.user_agents import describe_user_agent, is_library, is_user_agent
from app.naming.visible import shows_nothing, visible
from app.naming.vocabulary import (
    BROWSER_NAMES,
    BROWSERS,
    EMBEDDED,
    SYSTEM_NAMES,
    SYSTEM_TYPES,
    SYSTEMS,
    display_name,
)

_UNKNOWN = re.compile(r"(?:\bon )?\bunknown\b", re.IGNORECASE)
_NO_NAMES = FIXED_WORDS | {"", "on", "node", "Other"}
_NAMES = {
    name.casefold(): name
    for name in (*SYSTEM_NAMES, *SYSTEMS, "iPhone", "iPad", "iPod", "Apple TV", "AppleTV")
}
_BROWSERS = {name.casefold(): BROWSERS.get(name, name) for name in (*BROWSERS, *BROWSER_NAMES)}
_NAME = "|".join(re.escape(name) for name in sorted(_NAMES, key=len, reverse=True))
_SYSTEM = rf"(?P<name>{_NAME})(?:[ /](?:NT )?(?P<major>\d+)(?:[._]\d+)*)?"
_LAST = re.compile(rf"(?:\bon )?(?<![\w.-]){_SYSTEM}\)?\Z", re.IGNORECASE | re.ASCII)
_FIRST = re.compile(rf"{_SYSTEM}(?![\w.])", re.IGNORECASE | re.ASCII)
_SYSTEM_MAX_LENGTH = 60
_VERSION = re.compile(r"[ /]\d[\d.]*\Z")
_SEPARATORS = " ,;:/|·-\u2013\u2014"


@lru_cache(maxsize=2048)
def describe_session(device_type: str | None) -> Description:
    """An app's own words stand where a browser would, as "Acme Bank on iPhone".

    An HTTP library's name does not: "Boto3 1, Linux" is "Linux".
    """
    text = " ".join(_UNKNOWN.sub("", visible(device_type or "")).split()).strip(_SEPARATORS)
    if text in _NO_NAMES or shows_nothing(text):
        return Description()
    written_by_program = is_user_agent(text)
    if written_by_program and (described := describe_user_agent(text)).display_name:
        return described
    hardware, system, words = _systems_apart(text)
    name = _VERSION.sub("", words)
    browser = _BROWSERS.get(name.casefold())
    if written_by_program and not browser:
        return Description()
    is_app = not (browser or words in EMBEDDED or name in _NO_NAMES or is_library(name))
    is_app = is_app and not shows_nothing(words)
    app = words if is_app else None
    if app and (model := describe_model(app)):
        hardware, app = hardware or model, None
    operating_system = (hardware and hardware.operating_system) or system
    family = (operating_system or "").removesuffix(" 11")
    return Description(
        display_name(browser or app, hardware.display_name if hardware else family),
        hardware.device_type if hardware else SYSTEM_TYPES.get(family),
        operating_system,
        browser,
    )


def _systems_apart(text: str) -> tuple[Description | None, str | None, str]:
    """Apple's hardware and the system that stand first or last in `text`, and what is left."""
    hardware, system, rest = None, None, text
    for _ in ("system", "hardware"):
        tail = max(0, len(rest) - _SYSTEM_MAX_LENGTH)
        found = _LAST.search(rest, tail) or _FIRST.match(rest)
        if not found or rest in EMBEDDED:
            break
        name = _NAMES[found["name"].casefold()]
        rest = (rest[: found.start()] + rest[found.end() :]).lstrip(_SEPARATORS)
        rest = rest.rstrip(_SEPARATORS + "(")
        if model := describe_model(name):
            hardware = hardware or model
        else:
            system = system or SYSTEMS.get(name, name)
            # "Windows NT 10.0" in a User-Agent is Windows 10 or 11.
            if system == "Windows" and found["major"] == "11":
                system = "Windows 11"
    return hardware, system, rest
