"""What people call browsers and operating systems, by the names that browsers and parsers use."""

from app.domain.devices import DeviceType

BROWSERS = {
    "Chrome Mobile": "Chrome",
    "Chrome Mobile iOS": "Chrome",
    "Google Chrome": "Chrome",
    "Chromium": "Chrome",  # in its own User-Agent, and so in Cognito's sessions
    "HuaweiBrowser": "Huawei Browser",
    "HeadlessChrome": "Chrome",
    "Microsoft Edge": "Edge",
    "Edge Mobile": "Edge",
    "Firefox Mobile": "Firefox",
    "Firefox iOS": "Firefox",
    "Mobile Safari": "Safari",
    "Opera Mobile": "Opera",
    "Opera Touch": "Opera",
    "DuckDuckGo Mobile": "DuckDuckGo",
    "IE": "Internet Explorer",
    "YaBrowser": "Yandex Browser",
}
"""Browsers that go by another name. All others are shown as they are."""

EMBEDDED = frozenset(
    {
        "Android",
        "Android WebView",
        "Apple Mail",
        "Chrome Mobile WebView",
        "Electron",
        "Microsoft Edge WebView2",
        "Mobile Safari UI/WKWebView",
    }
)
"""Engines inside an app: its user opened no browser. ua-parser takes a Mac's for Apple Mail."""

BROWSER_NAMES = frozenset(
    {
        *BROWSERS.values(),
        *("Amazon Silk", "Brave", "Opera GX", "Opera Mini", "Samsung Internet"),
        "Vivaldi",
    }
)
"""What is certainly a browser where an app's name or a person's own may stand instead."""

SYSTEMS = {
    "Mac OS X": "macOS",
    "Mac OS": "macOS",
    "OS X": "macOS",
    "Mac": "macOS",
    "Chrome OS": "ChromeOS",
    "Chromium OS": "ChromeOS",
    "ATV OS X": "tvOS",
    "Web0S": "webOS",
    "OpenHarmony": "HarmonyOS",
}
"""Operating systems that go by another name. All others are shown as they are."""

SYSTEM_TYPES = {
    **dict.fromkeys(("Windows", "macOS", "Linux", "ChromeOS"), DeviceType.COMPUTER),
    **dict.fromkeys(("Ubuntu", "Debian", "Fedora", "Red Hat", "SUSE"), DeviceType.COMPUTER),
    **dict.fromkeys(("Arch Linux", "Linux Mint", "FreeBSD", "OpenBSD"), DeviceType.COMPUTER),
    **dict.fromkeys(("Windows Phone", "KaiOS"), DeviceType.PHONE),
    **dict.fromkeys(("tvOS", "webOS", "Android TV"), DeviceType.TV),
    "iPadOS": DeviceType.TABLET,
    "watchOS": DeviceType.OTHER,
}
"""What an operating system runs on. Android and iOS run on several kinds of device."""

SYSTEM_NAMES = frozenset({*SYSTEM_TYPES, "Android", "Fire OS", "HarmonyOS", "iOS", "Tizen"})

APPLE_SYSTEMS = frozenset({"macOS", "iOS", "iPadOS", "tvOS"})


def browser_called(name: str | None, system: str | None) -> str | None:
    """The browser `name` in people's words, or None if it is none.

    Safari runs on Apple's systems only; elsewhere a parser fell back on the engine's name.
    """
    if not name or name in EMBEDDED:
        return None
    browser = BROWSERS.get(name, name)
    return None if browser == "Safari" and system not in APPLE_SYSTEMS else browser


def display_name(browser: str | None, place: str | None) -> str | None:
    """As "Chrome on macOS"; what is unknown is left out."""
    return " on ".join(part for part in (browser, place) if part) or None
