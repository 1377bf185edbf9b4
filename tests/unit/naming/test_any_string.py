"""Whatever a name holds, it is answered, soon, and once."""

import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.devices import DEVICE_NAME_MAX_LENGTH, Description
from app.naming import (
    describe_device,
    describe_session,
    name_from_user_agent,
    shows_nothing,
    turns_text_round,
)

PARTS = ["Mozilla/5.0 (", "Windows ", "Android", " on ", "/1", ";", ") ", "iPhone", "\ud800", "Not"]
REPEATED = [
    *("(", ";", "/", "-", " ", "1", "\x00", "\ud800", "📱", "a/1 ", "/1;", "on ", "unknown "),
    *("Windows ", "Windows 1", "Android;", "Linux,", "(Linux)", "iPhone ", "Mozilla/5.0 ("),
]
PREFIXES = ["", "a/1", "Windows ", "Windows Windows ", "Android 1 ", "Pixel 8", "BRAVIA ", "SM-G"]


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


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("describe", [describe_device, describe_session])
def test_no_repetition_makes_it_slow(describe: Callable[[str], Description], prefix: str) -> None:
    started = time.process_time()
    for repeated in REPEATED:
        describe((prefix + repeated * 1024)[:1023] + "x")
    # Some 10 ms; one expression that backtracks without end takes longer than all of this.
    assert time.process_time() - started < 2


@pytest.mark.parametrize("describe", [describe_device, describe_session])
def test_a_name_seen_before_is_not_made_again(describe: Callable[[str], Description]) -> None:
    assert describe("Chrome on Windows 11") is describe("Chrome on Windows 11")
