"""Names of devices, from whatever a client library put into `DeviceName`."""

from functools import lru_cache

from app.domain.descriptions import Description
from app.naming.client_hints import describe_client_hints
from app.naming.hardware import describe_local_host, describe_model
from app.naming.user_agents import describe_user_agent, is_user_agent
from app.naming.vocabulary import BROWSER_NAMES, SYSTEM_NAMES, SYSTEM_TYPES

FIXED_WORDS = frozenset({"react-native", "nodejs", "Dart-device", "unknown"})
"""What libraries send when they know nothing; `unknown` is Android's `Build.UNKNOWN`."""


@lru_cache(maxsize=2048)
def describe_device(name: str | None) -> Description:
    """A name that a person chose comes back as it is, with nothing beside it."""
    if name is None or not name.strip() or name in FIXED_WORDS:
        return Description()
    if hints := describe_client_hints(name):
        return hints
    if is_user_agent(name):
        return describe_user_agent(name)
    return (
        describe_model(name)
        or describe_local_host(name)
        or _describe_phrase(name)
        or Description(name)
    )


def _describe_phrase(name: str) -> Description | None:
    """What this service named from a User-Agent, as "Chrome on macOS"; None for other names."""
    browser, _, place = name.partition(" on ")
    if browser not in BROWSER_NAMES:
        return None
    if model := describe_model(place):
        return Description(name, model.device_type, model.operating_system, browser)
    if place in SYSTEM_NAMES:
        return Description(name, SYSTEM_TYPES.get(place), place, browser)
    return None
