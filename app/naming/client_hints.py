"""Device names of aws-amplify v6 in Chromium browsers, made of User-Agent client hints.

Amplify's `getDeviceName` joins platform, platformVersion, architecture, model, the platform once
more, and the `brand/version` pairs by `;`. What is empty is left out, and a browser's policy can
leave the platform alone. Chromium shuffles the brands and adds a made-up one ("GREASE"), as
`Not;A=Brand`, which may hold every character that separates the parts.
"""

import re

from app.domain.devices import Description
from app.naming.hardware import describe_model
from app.naming.user_agents import android_model
from app.naming.vocabulary import SYSTEM_TYPES, SYSTEMS, browser_called, display_name

_PLATFORMS = (
    *("Windows", "macOS", "Linux", "Android", "Chrome OS", "Chromium OS", "ChromeOS"),
    *("iOS", "Fuchsia", "Unknown"),
)
_HINTS = re.compile(
    r"(?:(?P<major>\d+)(?:\.\d+)*(?: |\Z))?(?:(?:x86|arm)(?: |\Z))?(?P<model>.*)", re.DOTALL
)
_BRAND_VERSION = re.compile(r"/\d[\d.]*(?:;|\Z)")
_LETTERS = re.compile(r"[^A-Za-z]+")


def describe_client_hints(text: str) -> Description | None:
    """None when `text` is not of Amplify's form."""
    for platform in _PLATFORMS:
        if text.startswith(platform + " "):
            # A brand can hold the platform's name ("Android WebView"), so its first return counts.
            hints, again, rest = text[len(platform) :].partition(" " + platform)
            brands = _brands(rest[1:])
            if again and (brands or not rest) and rest[:1] in ("", " "):
                return _describe(platform, hints.strip(), brands)
    return None


def _describe(platform: str, hints: str, brands: list[str]) -> Description | None:
    found = _HINTS.fullmatch(hints)
    if found is None or (found["model"] and not brands):
        return None  # "Linux laptop Linux" is a name that a person chose
    model = found["model"]
    system = None if platform == "Unknown" else SYSTEMS.get(platform, platform)
    place = android_model(model) if model and system == "Android" else model or None
    known = describe_model(model) or Description(place, SYSTEM_TYPES.get(system or ""), system)
    browser = browser_called(_most_specific(brands), system)
    operating_system = known.operating_system
    if system == "Windows":
        operating_system = _windows(int(found["major"] or 0))
    name = display_name(browser, known.display_name or system)
    return Description(name, known.device_type, operating_system, browser)


def _windows(major: int) -> str:
    """By platformVersion, which counts Windows' API contracts: 11 begins at 13."""
    if major >= 13:
        return "Windows 11"
    return "Windows 10" if 1 <= major <= 10 else "Windows"


def _brands(text: str) -> list[str]:
    """The brands without the made-up one; empty when `text` is not a list of brands."""
    brands, start = [], 0
    for version in _BRAND_VERSION.finditer(text):
        brands.append(text[start : version.start()])
        start = version.end()
    if start != len(text):
        return []
    return [brand for brand in brands if _LETTERS.sub("", brand) != "NotABrand"]


def _most_specific(brands: list[str]) -> str | None:
    """Edge, Opera and the like stand beside Chromium, some beside Google Chrome as well."""
    general = ("Google Chrome", "Chromium")
    own = [brand for brand in brands if brand not in general]
    return next((brand for brand in (*own, *general) if brand in brands), None)
