"""Models, as Android's `Build.MODEL` and Apple's `UIDevice.name` write them, and host names."""

import re

from app.domain.devices import Description, DeviceType

_MODELS = [
    (r"iPhone(\d+,\d+)?( (\d{1,2}e?|SE|Air|X[RS]?|Pro|Plus|Max|mini))*", DeviceType.PHONE, "iOS"),
    (r"iPad(\d+,\d+)?( (Pro|Air|mini))?", DeviceType.TABLET, "iPadOS"),
    (r"iPod( touch|\d+,\d+)?", DeviceType.OTHER, "iOS"),
    (r"Apple ?TV(\d+,\d+)?", DeviceType.TV, "tvOS"),
    (r"SM-[ACEFGJMNS]\d{3,4}\w*(/\w+)?", DeviceType.PHONE, "Android"),
    (r"SM-[PTX]\d{3,4}\w*", DeviceType.TABLET, "Android"),
    (r"SM-[LR]\d{3,4}\w*", DeviceType.OTHER, None),  # watches: Wear OS and Tizen
    (r"Pixel (\d{1,2}a?|XL|Fold)( (Pro|XL|Fold|\(5G\)))*", DeviceType.PHONE, "Android"),
    (r"Pixel (Tablet|C)", DeviceType.TABLET, "Android"),
    (r"KF[A-Z]{2,5}WI", DeviceType.TABLET, "Fire OS"),
    (r"AFT[A-Z]{1,5}\d*", DeviceType.TV, "Fire OS"),
    (r"(BRAVIA|SHIELD Android TV|Chromecast)( .*)?", DeviceType.TV, "Android TV"),
]
"""Only models whose kind is certain, by the makers' own naming schemes."""

_PATTERNS = [(re.compile(pattern, re.ASCII), kind, system) for pattern, kind, system in _MODELS]

_PEOPLE_SAY = {"AppleTV": "Apple TV", "iPod": "iPod touch"}

_LOCAL_HOST = re.compile(r"([A-Za-z0-9-]+)\.local\.?")
_MAC = re.compile(r"MacBook|iMac|Mac-(mini|Studio|Pro)")


def describe_model(model: str) -> Description | None:
    """What is certain of a model; None for one that is not known. Samsung's codes stay
    codes, under its name."""
    for pattern, device_type, system in _PATTERNS:
        if pattern.fullmatch(model):
            maker = "Samsung " if model.startswith("SM-") else ""
            return Description(maker + _PEOPLE_SAY.get(model, model), device_type, system)
    return None


def describe_local_host(name: str) -> Description | None:
    """A multicast DNS name as macOS gives one (RFC 6762), without `.local`; None for others."""
    if not (found := _LOCAL_HOST.fullmatch(name)):
        return None
    host = found[1]
    return (
        Description(host, DeviceType.COMPUTER, "macOS") if _MAC.search(host) else Description(host)
    )
