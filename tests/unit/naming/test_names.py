"""What a person reads for what client libraries, browsers and people wrote; the tables are beside.

And whatever a string holds, it is answered, soon, and once.
"""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.devices import DEVICE_NAME_MAX_LENGTH, Description, DeviceType
from app.naming import (
    describe_device,
    describe_session,
    name_from_user_agent,
    shows_nothing,
    turns_text_round,
)

Describe = Callable[[str | None], Description]


def rows(table: str) -> list[list[str]]:
    lines = Path(__file__).with_name(table).read_text().splitlines()
    return [line.split("\t") for line in lines if line and not line.startswith("# ")]


DEVICES, SESSIONS = rows("devices.tsv"), rows("sessions.tsv")
EVERY_WAY = pytest.mark.parametrize("describe", [describe_device, describe_session])


@pytest.mark.parametrize(
    ("describe", "row"),
    [*((describe_device, row) for row in DEVICES), *((describe_session, row) for row in SESSIONS)],
    ids=lambda value: value[0] if isinstance(value, list) else None,
)
def test_what_was_written_becomes_readable(describe: Describe, row: list[str]) -> None:
    text, name, kind, system, browser = (None if cell == "-" else cell for cell in row)
    assert describe(text) == Description(name, kind and DeviceType(kind), system, browser)  # type: ignore[arg-type]


@EVERY_WAY
@pytest.mark.parametrize("text", [None, "", " ", "\u00ad", "\u200b\u2060", "\u3164\u2800 \u00ad"])
def test_nothing_says_nothing(describe: Describe, text: str | None) -> None:
    assert describe(text) == Description()


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (" spaced ", " spaced "),
        ("\ud800", "\ud800"),
        ("\u202eenohPi\u202c", "enohPi"),
        ("a\u2066b\u2069", "ab"),
        ("\ufeffKüche\u200b", "Küche"),
        ("x\ny", "x y"),
        ("a\x00\x9fb", "ab"),
        ("a\U000e0041b", "ab"),
        ("👩\u200d💻", "👩\u200d💻"),
        ("क्\u200dष", "क्\u200dष"),
        ("🏴\U000e0067\U000e0062\U000e007f", "🏴\U000e0067\U000e0062\U000e007f"),
    ],
)
def test_what_cannot_be_seen_is_not_shown_and_spelling_stays(name: str, shown: str | None) -> None:
    assert describe_device(name) == Description(shown)


@pytest.mark.parametrize(
    "user_agent", [None, "", "?", "x" * 600, "\x00", "react-native", "MyApp/2.1", "curl/8.5.0"]
)
def test_a_user_agent_that_tells_nothing_of_a_device_gives_no_name(user_agent: str | None) -> None:
    assert name_from_user_agent(user_agent) is None


def test_the_head_of_a_user_agent_of_any_length_is_enough() -> None:
    chrome = next(row for row in DEVICES if row[1] == "Chrome on Windows" and "Mozilla" in row[0])
    assert name_from_user_agent(chrome[0] + " x" * 10_000) == "Chrome on Windows"


PARTS = ["Mozilla/5.0 (", "Windows ", "Android", " on ", "/1", ";", ") ", "iPhone", "\ud800", "Not"]
REPEATED = [
    *("(", ";", "/", "-", " ", "1", "\x00", "\ud800", "📱", "a/1 ", "/1;", "on ", "unknown "),
    *("Windows ", "Windows 1", "Android;", "Linux,", "(Linux)", "iPhone ", "Mozilla/5.0 ("),
]
PREFIXES = ["", "a/1", "Windows ", "Windows Windows ", "Android 1 ", "Pixel 8", "BRAVIA ", "SM-G"]


def test_a_session_of_a_system_and_of_an_app_that_shows_nothing_is_the_system() -> None:
    assert describe_session("Windows 10, \u00ad").display_name == "Windows"


@given(st.text(max_size=1024) | st.lists(st.sampled_from(PARTS), max_size=90).map("".join))
def test_any_string_gives_a_description_that_can_be_sent(text: str) -> None:
    for describe in (describe_device, describe_session):
        description = describe(text)
        said = [description.display_name, description.operating_system, description.browser]
        for text_said in filter(None, said):
            assert text_said.strip()
            assert not shows_nothing(text_said)
            assert not turns_text_round(text_said)
    name = name_from_user_agent(text)
    assert name is None or 1 <= len(name) <= DEVICE_NAME_MAX_LENGTH


@EVERY_WAY
@pytest.mark.parametrize("prefix", PREFIXES)
def test_no_repetition_makes_it_slow(describe: Describe, prefix: str) -> None:
    started = time.process_time()
    for repeated in REPEATED:
        describe((prefix + repeated * 1024)[:1023] + "x")
    # Some 10 ms; one expression that backtracks without end takes longer than all of this.
    assert time.process_time() - started < 2


@EVERY_WAY
def test_a_name_seen_before_is_not_made_again(describe: Describe) -> None:
    assert describe("Chrome on Windows 11") is describe("Chrome on Windows 11")
