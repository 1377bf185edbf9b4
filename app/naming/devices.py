"""Names of devices, from whatever a client library put into `DeviceName`."""

import re
from functools import lru_cache

from app.domain.devices import Description, DeviceType
from app.naming.client_hints import describe_client_hints
from app.naming.hardware import describe_local_host, describe_model
from app.naming.user_agents import describe_user_agent, is_user_agent
from app.naming.visible import shows_nothing, visible
from app.naming.vocabulary import BROWSER_NAMES, SYSTEM_NAMES, SYSTEM_TYPES

FIXED_WORDS = frozenset({"react-native", "nodejs", "Dart-device", "unknown"})
"""What libraries send when they know nothing; `unknown` is Android's `Build.UNKNOWN`."""


@lru_cache(maxsize=2048)
def describe_device(name: str | None) -> Description:
    """A name that a person chose comes back as it is, but for what cannot be seen."""
    if name is None or shows_nothing(name) or name in FIXED_WORDS:
        return Description()
    name = visible(name)
    if hints := describe_client_hints(name):
        return hints
    if is_user_agent(name):
        return describe_user_agent(name)
    return (
        describe_model(name)
        or describe_local_host(name)
        or _describe_phrase(name)
        or Description(name, _type_named_in(name))
    )


_PLAIN_WORDS = [
    (re.compile(rf"\b(?:{words})\b", re.IGNORECASE), device_type)
    for words, device_type in (
        ("iPhone|(?:smart|mobile )?phone|handy", DeviceType.PHONE),
        ("iPad|tablet", DeviceType.TABLET),
        ("Apple TV|smart TV|television", DeviceType.TV),
        ("MacBook|iMac|Mac mini|laptop|notebook|desktop|PC|computer", DeviceType.COMPUTER),
    )
]


def _type_named_in(name: str) -> DeviceType | None:
    """As of "Ada's iPhone"; None where the name says nothing, or several things."""
    types = {device_type for pattern, device_type in _PLAIN_WORDS if pattern.search(name)}
    return types.pop() if len(types) == 1 else None


def _describe_phrase(name: str) -> Description | None:
    """What this service named from a User-Agent, as "Chrome on macOS"; None for other names."""
    browser, _, place = name.partition(" on ")
    if browser not in BROWSER_NAMES:
        return None
    if model := describe_model(place.removeprefix("Samsung ")):
        return Description(name, model.device_type, model.operating_system, browser)
    if place in SYSTEM_NAMES:
        return Description(name, SYSTEM_TYPES.get(place), place, browser)
    return None
