"""What a person reads for each string that a client library is known to put into `DeviceName`."""

import pytest

from app.domain.devices import Description, DeviceType
from app.naming import describe_device

PHONE, TABLET, COMPUTER = DeviceType.PHONE, DeviceType.TABLET, DeviceType.COMPUTER
TV, OTHER = DeviceType.TV, DeviceType.OTHER

WIN = "Mozilla/5.0 (Windows NT 10.0; Win64; x64)"
MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)"
ANDROID = "Mozilla/5.0 (Linux; Android 10; K)"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_2 like Mac OS X)"
IPAD = "Mozilla/5.0 (iPad; CPU OS 16_7 like Mac OS X)"
HUAWEI = "Mozilla/5.0 (Linux; Android 10; JNY-LX1; HMSCore 6.4.0.312)"
GALAXY = "Mozilla/5.0 (Linux; Android 14; SM-S911B)"
BRAVIA = "Mozilla/5.0 (Linux; Android 12; BRAVIA 4K VH2 Build/STT2)"
FIRE_TV = "Mozilla/5.0 (Linux; Android 9; AFTMM Build/PS7)"
TIZEN = "Mozilla/5.0 (SMART-TV; LINUX; Tizen 6.0)"
GECKO = "Gecko/20100101 Firefox/132.0"
WEBKIT = "AppleWebKit/605.1.15 (KHTML, like Gecko)"
BLINK = "AppleWebKit/537.36 (KHTML, like Gecko)"
CHROME = f"{BLINK} Chrome/131.0.0.0"

CLIENT_HINTS = [
    # Made-up brands in every place, with each character that separates the parts
    ("Linux x86 Linux Not:A-Brand/8.0.0.0;Chromium/156.0.8078.108",
     "Chrome on Linux", COMPUTER, "Linux", "Chrome"),
    ("macOS 14.2.1 arm macOS Not A(Brand/99.0.0.0;Google Chrome/121.0.6167.160;Chromium/121.0",
     "Chrome on macOS", COMPUTER, "macOS", "Chrome"),
    ("Windows 15.0.0 x86 Windows Chromium/139.0.0.0;Not;A=Brand/99.0.0.0;Google Chrome/139.0.0.0",
     "Chrome on Windows", COMPUTER, "Windows 11", "Chrome"),
    ("Windows 13.0.0 x86 Windows Not/A)Brand/8.0.0.0;Chromium/139.0;Microsoft Edge/139.0",
     "Edge on Windows", COMPUTER, "Windows 11", "Edge"),
    ("Windows 10.0.0 x86 Windows Opera/115.0.0.0;Chromium/130.0;Not?A_Brand/99.0.0.0",
     "Opera on Windows", COMPUTER, "Windows 10", "Opera"),
    ("Windows 19.0.0 x86 Windows Chromium/140.0;YaBrowser/25.12.0.0;Not=A?Brand/24.0.0.0",
     "Yandex Browser on Windows", COMPUTER, "Windows 11", "Yandex Browser"),
    ("Chrome OS 16093.68.0 x86 Chrome OS Google Chrome/131.0.0.0;Chromium/131.0.0.0",
     "Chrome on ChromeOS", COMPUTER, "ChromeOS", "Chrome"),
    ("Android 15.0.0 SM-G991B Android Google Chrome/139.0.0.0;Chromium/139.0.0.0",
     "Chrome on Samsung SM-G991B", PHONE, "Android", "Chrome"),
    ("Android 14.0.0 SM-X710 Android Samsung Internet/27.0;Chromium/125.0.0.0",
     "Samsung Internet on Samsung SM-X710", TABLET, "Android", "Samsung Internet"),
    ("Android 14.0.0 2201117TY Android Chromium/139.0.0.0;Google Chrome/139.0.0.0",
     "Chrome on 2201117TY", None, "Android", "Chrome"),
    ("Android 10.0.0 JNY-LX1 Android Chromium/114.0;HuaweiBrowser/15.0.4.312",
     "Huawei Browser on Huawei JNY-LX1", None, "Android", "Huawei Browser"),
    ("Android 15.0.0 Pixel 8 Android Android WebView/139.0.0.0;Chromium/139.0.0.0",
     "Pixel 8", PHONE, "Android", None),
    ("Unknown Unknown Google Chrome/139.0.0.0;Chromium/139.0.0.0",
     "Chrome", None, None, "Chrome"),
    # A policy leaves only the platform
    ("Windows Windows", "Windows", COMPUTER, "Windows", None),
]  # fmt: skip

USER_AGENTS = [
    (f"{WIN} {CHROME} Safari/537.36", "Chrome on Windows", COMPUTER, "Windows", "Chrome"),
    (f"{ANDROID} {CHROME} Mobile Safari/537.36", "Chrome on Android", PHONE, "Android", "Chrome"),
    (f"{ANDROID} {CHROME} Safari/537.36", "Chrome on Android", TABLET, "Android", "Chrome"),
    (f"{WIN} {CHROME} Safari/537.36 Edg/131.0.2903.51",
     "Edge on Windows", COMPUTER, "Windows", "Edge"),
    (f"Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:132.0) {GECKO}",
     "Firefox on Ubuntu", COMPUTER, "Ubuntu", "Firefox"),
    ("Mozilla/5.0 (Android 14; Mobile; rv:132.0) Gecko/132.0 Firefox/132.0",
     "Firefox on Android", PHONE, "Android", "Firefox"),
    (f"{MAC} {WEBKIT} Version/17.6 Safari/605.1.15",
     "Safari on macOS", COMPUTER, "macOS", "Safari"),
    (f"{IPHONE} {WEBKIT} Version/18.2 Mobile/15E148 Safari/604.1",
     "Safari on iPhone", PHONE, "iOS", "Safari"),
    (f"{IPAD} {WEBKIT} Version/16.6 Mobile/15E148 Safari/604.1",
     "Safari on iPad", TABLET, "iPadOS", "Safari"),
    (f"{GALAXY} {BLINK} SamsungBrowser/26.0 Chrome/122.0.0.0 Mobile Safari/537.36",
     "Samsung Internet on Samsung SM-S911B", PHONE, "Android", "Samsung Internet"),
    (f"{HUAWEI} {BLINK} Chrome/92.0.4515.105 HuaweiBrowser/12.0.3.314 Mobile Safari/537.36",
     "Huawei Browser on Huawei JNY-LX1", PHONE, "Android", "Huawei Browser"),
    (f"Mozilla/5.0 (Phone; OpenHarmony 5.0) {CHROME} ArkWeb/4.1.6 Mobile HuaweiBrowser/5.0.4.300",
     "Huawei Browser on HarmonyOS", PHONE, "HarmonyOS", "Huawei Browser"),
    (f"Mozilla/5.0 (Linux; HarmonyOS; YAL-AL10) {CHROME} HuaweiBrowser/12.1.0.303 Mobile",
     "Huawei Browser on Huawei YAL-AL10", PHONE, "HarmonyOS", "Huawei Browser"),
    (f"{IPHONE} {WEBKIT} Mobile/15E148 Instagram 312.0.0.32.118 (iPhone11,8; iOS 18_2)",
     "Instagram on iPhone", PHONE, "iOS", "Instagram"),
    # Engines inside an app: nobody opened a browser
    (f"{IPHONE} {WEBKIT} Mobile/15E148", "iPhone", PHONE, "iOS", None),
    (f"{MAC} {WEBKIT}", "macOS", COMPUTER, "macOS", None),
    (f"{GALAXY[:-1]} Build/UP1A; wv) {BLINK} Version/4.0 Chrome/131.0.6778.39 Mobile Safari/537.36",
     "Samsung SM-S911B", PHONE, "Android", None),
    # Televisions and consoles
    (f"Mozilla/5.0 (AppleTV; CPU OS 18_0 like Mac OS X) {WEBKIT}", "Apple TV", TV, "tvOS", None),
    (f"{BRAVIA} {CHROME} Safari/537.36", "Chrome on BRAVIA 4K VH2", TV, "Android TV", "Chrome"),
    (f"{FIRE_TV} {BLINK} Silk/120.4.1 like Chrome/120.0.6099.210 Safari/537.36",
     "Amazon Silk on AFTMM", TV, "Fire OS", "Amazon Silk"),
    (f"{TIZEN} {BLINK} 76.0.3809.146/6.0 TV Safari/537.36", "Samsung TV", TV, "Tizen", None),
    (f"Mozilla/5.0 (PlayStation; PlayStation 5/6.00) {WEBKIT} Version/15 Safari/605.1.15",
     "PlayStation 5", OTHER, None, None),
    # Apps that name the hardware
    ("Dalvik/2.1.0 (Linux; U; Android 14; SM-G991B Build/UP1A.231005.007)",
     "Samsung SM-G991B", PHONE, "Android", None),
    ("Dalvik/2.1.0 (Linux; U; Android 10; YAL-AL10 Build/HUAWEIYAL-AL10)",
     "Huawei YAL-AL10", None, "Android", None),
    ("MyApp/2.1 (iPhone; iOS 18.2; Scale/3.00)", "iPhone", PHONE, "iOS", None),
]  # fmt: skip

HARDWARE = [
    ("SM-G991B", "Samsung SM-G991B", PHONE, "Android", None),
    ("SM-R870", "Samsung SM-R870", OTHER, None, None),
    ("Pixel 8", "Pixel 8", PHONE, "Android", None),
    ("Pixel Tablet", "Pixel Tablet", TABLET, "Android", None),
    ("iPhone", "iPhone", PHONE, "iOS", None),
    ("AppleTV11,1", "AppleTV11,1", TV, "tvOS", None),
    ("AFTMM", "AFTMM", TV, "Fire OS", None),
    ("Annas-MacBook.local", "Annas-MacBook", COMPUTER, "macOS", None),
    ("raspberrypi.local", "raspberrypi", None, None, None),
]

NAMED_BY_THIS_SERVICE = [
    ("Chrome on macOS", "Chrome on macOS", COMPUTER, "macOS", "Chrome"),
    ("Safari on iPhone", "Safari on iPhone", PHONE, "iOS", "Safari"),
    ("Chrome on Samsung SM-G991B", "Chrome on Samsung SM-G991B", PHONE, "Android", "Chrome"),
    ("Firefox on Android", "Firefox on Android", None, "Android", "Firefox"),
]

SAYS_NOTHING = [
    *(None, "", " ", "react-native", "nodejs", "Dart-device", "unknown", "Node.js/22", "Deno/2"),
    *("okhttp/4.12.0", "Dart/3.9 (dart:io)", "axios/1.7", "python-requests/2.32", "curl/8.5"),
    *("Java/17", "aiohttp/3.9.5", "Go-http-client/2.0", "Apache-HttpClient/4.5.13 (Java/17.0.1)"),
    "aws-amplify/6.15.0 auth/3 framework/1",
    "aws-sdk-android/2.75.0 Linux/5.10 Dalvik/2.1.0/0 en_US",
    "MyApp/1.0 (com.example.MyApp; build:1; iOS 18.2.0) Alamofire/5.9.1",
    "My App/1.0 (com.example.MyApp; build:1; macOS 15.1.0) Alamofire/5.9.1",
    "MyApp/1 CFNetwork/1568.300.101 Darwin/24.2.0",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
]

CHOSEN_BY_A_PERSON = [
    *(
        "Küche 📱",
        "build-7.example.com",
        "Office/2",
        "Windows",
    ),
    *("Chrome on the desk", "my.local.host", " spaced ", "Pixel Palace", "Kitchen (left)"),
    *("on", "unknown soldier", "\ud800", "PC of my phone"),
]

Row = tuple[str, str, DeviceType | None, str | None, str | None]


@pytest.mark.parametrize(
    "row", [*CLIENT_HINTS, *USER_AGENTS, *HARDWARE, *NAMED_BY_THIS_SERVICE], ids=lambda row: row[0]
)
def test_what_a_client_library_wrote_becomes_readable(row: Row) -> None:
    assert describe_device(row[0]) == Description(*row[1:])


@pytest.mark.parametrize("name", SAYS_NOTHING)
def test_what_says_nothing_of_a_device_is_no_name(name: str | None) -> None:
    assert describe_device(name) == Description(None, None, None, None)


@pytest.mark.parametrize("name", CHOSEN_BY_A_PERSON)
def test_a_name_that_a_person_chose_stays_as_it_is(name: str) -> None:
    assert describe_device(name) == Description(name, None, None, None)


@pytest.mark.parametrize(
    ("name", "device_type"),
    [
        ("Ada's iPhone", PHONE),
        ("Work phone", PHONE),
        ("Linux laptop Linux", COMPUTER),
        ("Ana's PC", COMPUTER),
        ("Tablet of the kids", TABLET),
        ("Smart TV", TV),
        ("Telephone book", None),
    ],
)
def test_a_name_that_a_person_chose_may_plainly_tell_a_type(
    name: str, device_type: DeviceType | None
) -> None:
    assert describe_device(name) == Description(name, device_type, None, None)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("\u202eenohPi\u202c", "enohPi"),
        ("a\u2066b\u2069", "ab"),
        ("\ufeffKüche\u200b", "Küche"),
        ("x\ny", "x y"),
        ("a\x00\x9fb", "ab"),
        ("a\U000e0041b", "ab"),
        ("\u200b\u2060\u200d", None),
        ("\u3164\u2800 \u00ad", None),
        ("👩\u200d💻", "👩\u200d💻"),
        ("क्\u200dष", "क्\u200dष"),
        ("🏴\U000e0067\U000e0062\U000e007f", "🏴\U000e0067\U000e0062\U000e007f"),
    ],
)
def test_what_cannot_be_seen_is_not_shown_and_spelling_stays(name: str, shown: str | None) -> None:
    assert describe_device(name).display_name == shown
