"""Names for devices whose frontend gives none, from User-Agents as they are seen in the wild."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.devices import DEVICE_NAME_MAX_LENGTH
from app.naming import name_from_user_agent

USER_AGENTS = {
    "Chrome on macOS": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 "
    "(KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
    "Safari on macOS": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/17.6 Safari/605.1.15",
    "Firefox on macOS": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:132.0) Gecko/20100101 "
    "Firefox/132.0",
    "Chrome on Windows": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, "
    "like Gecko) Chrome/131.0.0.0 Safari/537.36",
    "Edge on Windows": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like "
    "Gecko) Chrome/131.0.0.0 Safari/537.36 Edg/131.0.2903.51",
    "Firefox on Windows": "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:132.0) Gecko/20100101 "
    "Firefox/132.0",
    "Opera on Windows": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like "
    "Gecko) Chrome/130.0.0.0 Safari/537.36 OPR/115.0.0.0",
    "Firefox on Ubuntu": "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:132.0) Gecko/20100101 "
    "Firefox/132.0",
    "Chrome on Linux": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/131.0.0.0 Safari/537.36",
    "Chrome on Chrome OS": "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, "
    "like Gecko) Chrome/131.0.0.0 Safari/537.36",
    "Chrome on Android": "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like "
    "Gecko) Chrome/131.0.0.0 Mobile Safari/537.36",
    "Samsung Internet on Android": "Mozilla/5.0 (Linux; Android 14; SM-S911B) AppleWebKit/537.36 "
    "(KHTML, like Gecko) SamsungBrowser/26.0 Chrome/122.0.0.0 Mobile Safari/537.36",
    "Firefox on Android": "Mozilla/5.0 (Android 14; Mobile; rv:132.0) Gecko/132.0 Firefox/132.0",
    "Safari on iPhone": "Mozilla/5.0 (iPhone; CPU iPhone OS 17_6 like Mac OS X) "
    "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6 Mobile/15E148 Safari/604.1",
    "Chrome on iPhone": "Mozilla/5.0 (iPhone; CPU iPhone OS 17_6 like Mac OS X) "
    "AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/131.0.6778.73 Mobile/15E148 Safari/604.1",
    "Firefox on iPhone": "Mozilla/5.0 (iPhone; CPU iPhone OS 14_7 like Mac OS X) "
    "AppleWebKit/605.1.15 (KHTML, like Gecko) FxiOS/132.0 Mobile/15E148 Safari/605.1.15",
    "Safari on iPad": "Mozilla/5.0 (iPad; CPU OS 16_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, "
    "like Gecko) Version/16.6 Mobile/15E148 Safari/604.1",
}


@pytest.mark.parametrize(("name", "user_agent"), USER_AGENTS.items(), ids=USER_AGENTS)
def test_a_browser_is_named_as_its_user_would(name: str, user_agent: str) -> None:
    assert name_from_user_agent(user_agent) == name


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        ("okhttp/4.12.0", "okhttp"),
        ("Dalvik/2.1.0 (Linux; U; Android 14; Pixel 8 Build/UQ1A)", "Android"),
        ("python-requests/2.32.3", "Python Requests"),
        ("curl/8.5.0", "curl"),
    ],
)
def test_an_app_goes_by_what_its_library_says(user_agent: str, name: str) -> None:
    assert name_from_user_agent(user_agent) == name


@pytest.mark.parametrize("user_agent", [None, "", " ", "?", "x" * 600, "\x00"])
def test_a_header_that_tells_nothing_gives_no_name(user_agent: str | None) -> None:
    assert name_from_user_agent(user_agent) is None


def test_the_head_of_a_header_of_any_length_is_enough() -> None:
    user_agent = USER_AGENTS["Chrome on macOS"] + " x" * 10_000
    assert name_from_user_agent(user_agent) == "Chrome on macOS"


@given(st.text(max_size=600))
def test_any_header_gives_a_name_that_cognito_takes_or_none(user_agent: str) -> None:
    name = name_from_user_agent(user_agent)
    assert name is None or 1 <= len(name) <= DEVICE_NAME_MAX_LENGTH
