"""The name of a device whose frontend gives none, from the User-Agent header."""

import pytest
import ua_parser.regex

from app.naming import name_from_user_agent
from app.naming.user_agents import parser

CHROME_ON_MACOS = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/131.0.0.0 Safari/537.36"
)


def test_a_browser_is_named_as_its_user_would() -> None:
    assert name_from_user_agent(CHROME_ON_MACOS) == "Chrome on macOS"


def test_an_app_is_named_by_its_hardware() -> None:
    user_agent = "Dalvik/2.1.0 (Linux; U; Android 14; Pixel 8 Build/UQ1A)"
    assert name_from_user_agent(user_agent) == "Pixel 8"


@pytest.mark.parametrize(
    "user_agent",
    [
        *(None, "", " ", "?", "x" * 600, "\x00", "react-native", "MyApp/2.1"),
        *("okhttp/4.12.0", "python-requests/2.32.3", "curl/8.5.0", "node"),
    ],
)
def test_a_header_that_tells_nothing_of_a_device_gives_no_name(user_agent: str | None) -> None:
    assert name_from_user_agent(user_agent) is None


def test_the_head_of_a_header_of_any_length_is_enough() -> None:
    assert name_from_user_agent(CHROME_ON_MACOS + " x" * 10_000) == "Chrome on macOS"


def test_the_parser_runs_on_its_compiled_engine() -> None:
    assert isinstance(parser.resolver, ua_parser.regex.Resolver)
