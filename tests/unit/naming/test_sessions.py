"""What a person reads for Cognito's `DeviceType` of a session, of which AWS shows no sample."""

import pytest

from app.domain.devices import Description, DeviceType
from app.naming import describe_session

PHONE, COMPUTER = DeviceType.PHONE, DeviceType.COMPUTER

TABLE = [
    # A browser and a system, in both orders and with any separator
    ("Chrome on macOS", "Chrome on macOS", COMPUTER, "macOS", "Chrome"),
    ("Windows Chrome", "Chrome on Windows", COMPUTER, "Windows", "Chrome"),
    ("Firefox/Linux", "Firefox on Linux", COMPUTER, "Linux", "Firefox"),
    ("Safari · Mac", "Safari on macOS", COMPUTER, "macOS", "Safari"),
    ("Chromium on Linux", "Chrome on Linux", COMPUTER, "Linux", "Chrome"),
    ("OpenHarmony HuaweiBrowser",
     "Huawei Browser on HarmonyOS", None, "HarmonyOS", "Huawei Browser"),
    ("firefox on ubuntu", "Firefox on Ubuntu", COMPUTER, "Ubuntu", "Firefox"),
    # Versions; a User-Agent does not tell Windows 10 from 11
    ("Mac OS X 10.15.7 / Chrome 131.0.0", "Chrome on macOS", COMPUTER, "macOS", "Chrome"),
    ("Edge on Windows NT 10.0", "Edge on Windows", COMPUTER, "Windows", "Edge"),
    ("Chrome on Windows 11", "Chrome on Windows", COMPUTER, "Windows 11", "Chrome"),
    # Apple's hardware
    ("iPhone, iOS 18, Mobile Safari", "Safari on iPhone", PHONE, "iOS", "Safari"),
    # One of the two
    ("Chrome", "Chrome", None, None, "Chrome"),
    ("Windows 10", "Windows", COMPUTER, "Windows", None),
    ("Chrome on unknown", "Chrome", None, None, "Chrome"),
    ("Other, Windows 10", "Windows", COMPUTER, "Windows", None),
    # An HTTP library's name is no app's
    ("Boto3 1, Linux", "Linux", COMPUTER, "Linux", None),
    ("Linux Python Requests 2.32", "Linux", COMPUTER, "Linux", None),
    # An app's own words
    ("Acme Bank", "Acme Bank", None, None, None),
    ("iOS Acme Bank", "Acme Bank on iOS", None, "iOS", None),
    ("Acme Bank 2.1 (iPhone; iOS 18.2)", "Acme Bank 2.1 on iPhone", PHONE, "iOS", None),
    ("Android SM-G991B", "Samsung SM-G991B", PHONE, "Android", None),
    ("Android WebView on Android", "Android", None, "Android", None),
    # The User-Agent itself
    ("Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0",
     "Firefox on Linux", COMPUTER, "Linux", "Firefox"),
    ("Dalvik/2.1.0 (Linux; U; Android 14; SM-G991B Build/UP1A)",
     "Samsung SM-G991B", PHONE, "Android", None),
]  # fmt: skip

Row = tuple[str, str, DeviceType | None, str | None, str | None]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row[0])
def test_what_cognito_makes_of_a_user_agent_becomes_readable(row: Row) -> None:
    assert describe_session(row[0]) == Description(*row[1:])


@pytest.mark.parametrize(
    "device_type",
    [
        *(None, "", "unknown", "Unknown on Unknown", "unknown/unknown", "Other", "nodejs"),
        *("okhttp/4.12.0", "okhttp 4", "aws-amplify/6.15.0 auth/3 framework/1"),
    ],
)
def test_what_says_nothing_of_a_device_is_no_name(device_type: str | None) -> None:
    assert describe_session(device_type) == Description(None, None, None, None)
