"""The name of a device whose frontend gives none, from the User-Agent header."""

import pytest

from app.naming import name_from_user_agent

CHROME_ON_MACOS = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/131.0.0.0 Safari/537.36"
)


@pytest.mark.parametrize(
    "user_agent", [None, "", "?", "x" * 600, "\x00", "react-native", "MyApp/2.1", "curl/8.5.0"]
)
def test_a_header_that_tells_nothing_of_a_device_gives_no_name(user_agent: str | None) -> None:
    assert name_from_user_agent(user_agent) is None


def test_the_head_of_a_header_of_any_length_is_enough() -> None:
    assert name_from_user_agent(CHROME_ON_MACOS + " x" * 10_000) == "Chrome on macOS"
