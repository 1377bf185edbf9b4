"""User-Agents of browsers, apps and HTTP libraries. ua-parser does the recognising."""

import re

from ua_parser import Parser, Result, load_lazy_builtins
from ua_parser.regex import Resolver

from app.domain.devices import Description, DeviceType
from app.naming.hardware import describe_model
from app.naming.vocabulary import SYSTEM_TYPES, SYSTEMS, browser_called, display_name

MAX_LENGTH = 512
"""In characters; what comes after is not worth the time to match it."""

parser = Parser(Resolver(load_lazy_builtins()))
"""On `ua-parser-rs`, asked for by name: ua-parser alone would fall back on its pure Python
matcher, which takes 300 times as long."""

for _example in (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_2 like Mac OS X) Version/18.2 Mobile/1 Safari/605.1",
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) Chrome/131.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:132.0) Gecko/20100101 Firefox/132.0",
    "Dalvik/2.1.0 (Linux; U; Android 14; SM-G991B Build/UP1A)",
):
    # The parser compiles an expression when it first matches: here, not while a user waits.
    parser.parse(_example)

_BROWSER_PREFIXES = ("Mozilla/", "Opera/")
_PRODUCT = re.compile(r"[^\s/()]+/\d\S*")
_PRODUCTS = re.compile(r"[^\s/()]+/\d\S*(?: +(?:\([^()]*\)|[^\s/()]+/\S+))+")
_LIBRARY = re.compile(
    r"\A(?:Node\.js|node|node-fetch|undici|Deno|Bun|Dart|Java|ReactNative|Alamofire|CFNetwork|"
    r"aiohttp|okhttp|axios|curl|Boto3|Python Requests|python-(?:requests|httpx|urllib3)|"
    r"Go-http-client|Apache-HttpClient|amazon-cognito-identity-js|"
    r"aws-(?:sdk|amplify|cli)[\w-]*|amplify-[a-z]+)/"
    r"| (?:Alamofire|CFNetwork|okhttp)/\d"
)
_HARMONY = re.compile(r"\b(?:Open)?Harmony(?:OS)?\b")
_HUAWEI_MODEL = re.compile(r"\b[A-Z]{3}-[A-Z]{1,2}\d{1,2}[A-Z]?\b")
_TV = re.compile(r"TV\b|BRAVIA|Chromecast")
_AMAZON_MODEL = re.compile(r"\b(?:AFT|KF)[A-Z]+")
_APPLE_CODE = re.compile(r"\d+,\d+\Z")
"""The second half of "iPhone11,8", which no person says."""
_OTHER = re.compile(r"PlayStation|Xbox|Nintendo|Quest\b")


def name_from_user_agent(user_agent: str | None) -> str | None:
    """As "Chrome on macOS" or "Safari on iPhone".

    None when the header tells nothing of a device, as an HTTP library's does.
    """
    return describe_user_agent(user_agent or "").display_name


def is_user_agent(text: str) -> bool:
    """Whether a program wrote `text` as its User-Agent (RFC 9110 10.1.5).

    A product alone is one only when it is known: "Office/2" may be a name that a person chose.
    """
    if text.startswith(_BROWSER_PREFIXES) or _LIBRARY.search(text):
        return True
    if _PRODUCT.fullmatch(text):
        return _parse(text).user_agent is not None
    return _PRODUCTS.fullmatch(text) is not None


def is_library(name: str) -> bool:
    """Whether `name`, without a version, is that of an HTTP library: it says nothing to people."""
    return _LIBRARY.match(f"{name}/") is not None


def describe_user_agent(text: str) -> Description:
    """Empty for a bot, and for an app or a library that names no device.

    An app's system alone is not believed: CFNetwork's "Darwin/24" is iOS, or macOS.
    """
    found = _parse(text)
    system = _system(found, text)
    by_browser = text.startswith(_BROWSER_PREFIXES)
    comment = text.partition("(")[2].partition(")")[0]
    model = _model(found, system, comment)
    if _brand(found) == "Spider" or not (by_browser or model):  # a bot
        return Description()
    if known := describe_model(model or ""):
        place, device_type, system = known.display_name, known.device_type, known.operating_system
    elif _TV.search(comment):
        device_type = DeviceType.TV
        system = "Android TV" if system == "Android" else system
        maker = _brand(found)
        place = f"{maker} TV" if maker else system
    else:
        place, device_type = _with_maker(found, model, system), _device_type(comment, text, system)
    family = found.user_agent.family if found.user_agent else None
    browser = browser_called(family, system) if by_browser else None
    return Description(display_name(browser, place), device_type, system, browser)


def android_model(model: str) -> str:
    """With its maker, as where a User-Agent names it: one phone has one name."""
    found = _parse(f"Mozilla/5.0 (Linux; Android 10; {model}) AppleWebKit/537.36 Chrome/100.0")
    known = _model(found, "Android", model)
    return (known and _with_maker(found, known, "Android")) or model


def _system(found: Result, text: str) -> str | None:
    """The parser takes HarmonyOS for Linux, or does not know it."""
    if _HARMONY.search(text):
        return "HarmonyOS"
    return SYSTEMS.get(found.os.family, found.os.family) if found.os else None


def _parse(text: str) -> Result:
    # The parser takes UTF-8, which has no lone surrogates.
    return parser.parse(text[:MAX_LENGTH].encode(errors="replace").decode())


def _brand(found: Result) -> str | None:
    """The maker; None for those that the parser makes up, as "Generic_Inettv"."""
    brand = found.device.brand if found.device else None
    return None if not brand or brand.startswith("Generic") else brand


def _model(found: Result, system: str | None, comment: str) -> str | None:
    """The model, unless the parser made it up or it says no more than the system does.

    Chrome on Android calls every model "K". The parser calls all of Amazon's "Kindle".
    """
    device = found.device
    if device is None or not device.model or device.brand in (None, "Generic"):
        return None
    if device.brand == "Apple":
        known = describe_model(device.model)
        return _APPLE_CODE.sub("", known.display_name or "") if known else None
    if device.brand == "Huawei" and device.model == "Browser":
        code = _HUAWEI_MODEL.search(comment)
        return code[0] if code else None
    if device.brand == "Amazon" and (code := _AMAZON_MODEL.search(comment)):
        return code[0]
    if device.model == "K" or system not in (None, "Android", "HarmonyOS", "Windows Phone"):
        return None
    return device.model


def _with_maker(found: Result, model: str | None, system: str | None) -> str | None:
    """As "Huawei YAL-AL10"; the system where there is no model."""
    maker = _brand(found)
    if not model or not maker or system not in ("Android", "HarmonyOS"):
        return model or system
    return model if model.casefold().startswith(maker.casefold()) else f"{maker} {model}"


def _device_type(comment: str, text: str, system: str | None) -> DeviceType | None:
    if _OTHER.search(comment):
        return DeviceType.OTHER
    if system in ("Android", "HarmonyOS"):
        # Browsers on Android say "Mobile" on phones only. Apps do not say.
        if " Mobile" in text or "; Mobile" in comment:
            return DeviceType.PHONE
        return DeviceType.TABLET if text.startswith(_BROWSER_PREFIXES) else None
    return SYSTEM_TYPES.get(system or "")
