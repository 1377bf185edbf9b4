"""The page "Your devices" (examples/web) in a real browser, where page_visits.mjs does what people
do; against gunicorn and the local Cognito. And how it is built and served."""

import filecmp
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from local_cognito import seed
from local_cognito.process import RunningCognito
from local_cognito.web import BUILT_PAGE, ServedPool, serving_page
from tests.browser.visits import Visitor
from tests.servers import free_port, serving, settings_for

SOURCE = BUILT_PAGE.parent


@dataclass(frozen=True)
class ServedPage:
    """The page at `url`, over services at `api_urls`."""

    url: str
    api_urls: list[str]
    cognito_url: str


@pytest.fixture(scope="module")
def served_page(cognito_server: RunningCognito) -> Iterator[ServedPage]:
    """The page, with a service for each pool, and a third one that allows few calls."""
    port = free_port()
    always = (seed.ALWAYS_POOL_ID, seed.ALWAYS_CLIENT_ID)
    opt_in = (seed.OPT_IN_POOL_ID, seed.OPT_IN_CLIENT_ID)
    settings = {"CORS_ORIGINS": f"http://127.0.0.1:{port}", "WORKERS": "1"}
    with ExitStack() as started:
        pools = [
            ServedPool(
                label,
                started.enter_context(serving(settings_for(cognito_server, *pool) | own)).url,
                *pool,
            )
            for label, pool, own in (
                ("Always remembers devices", always, settings),
                ("Asks before it remembers", opt_in, settings),
                (
                    "Few calls a minute",
                    always,
                    settings | {"RATE_LIMIT_PER_SIGN_IN": "4 per minute"},
                ),
            )
        ]
        url = started.enter_context(serving_page(port, pools, cognito_server.url))
        yield ServedPage(url, [pool.api_url for pool in pools], cognito_server.url)


Visit = Callable[[str], None]


@pytest.fixture
def visit(cognito: RunningCognito, served_page: ServedPage, visitor: Visitor) -> Visit:
    """Makes a visit of page_visits.mjs, over a local Cognito as it was seeded."""

    def make(name: str) -> None:
        ask = [f"{url}/" for url in (cognito.url, *served_page.api_urls)]
        visitor.visit("page_visits.mjs", name, cognito, served_page.url, *ask, strict=False)

    return make


def test_two_browsers_see_both_by_readable_names_each_its_own_marked(visit: Visit) -> None:
    visit("twoDevices")


def test_a_device_forgotten_by_another_is_asked_for_a_code_again(visit: Visit) -> None:
    visit("forgetAnother")


def test_a_session_ended_by_another_leads_to_the_sign_in(visit: Visit) -> None:
    visit("endAnothersSession")


def test_a_yes_to_the_opt_in_prompt_spares_the_next_code(visit: Visit) -> None:
    visit("optIn")


def test_a_no_to_the_opt_in_prompt_is_kept(visit: Visit) -> None:
    visit("optInDeclined")


def test_no_longer_remembering_can_be_undone(visit: Visit) -> None:
    visit("undo")


def test_all_others_are_forgotten_or_ended_and_everything_signed_out(visit: Visit) -> None:
    visit("allOthers")


def test_one_other_is_told_of_as_one(visit: Visit) -> None:
    visit("theOnlyOther")


def test_sessions_of_one_name_are_told_apart_before_one_is_ended(visit: Visit) -> None:
    visit("sessionsOfOneName")


def test_the_keyboard_is_enough(visit: Visit) -> None:
    visit("keyboard")


def test_the_focus_stays_where_a_button_was(visit: Visit) -> None:
    visit("focusStays")


def test_a_session_ends_with_those_that_are_linked_to_it(visit: Visit) -> None:
    visit("endLinkedSessions")


def test_signing_in_and_out_is_seen_in_another_tab(visit: Visit) -> None:
    visit("twoTabs")


def test_long_names_and_unnamed_devices_fit_a_phone(visit: Visit) -> None:
    visit("oddDevices")


def test_wrong_passwords_and_codes_say_so(visit: Visit) -> None:
    visit("wrongCredentials")


def test_failures_are_told_in_their_place_and_can_be_tried_again(visit: Visit) -> None:
    visit("failures")


def test_too_many_calls_name_the_time_to_wait(visit: Visit) -> None:
    visit("rateLimited")


def test_offline_is_told_and_ends_by_itself(visit: Visit) -> None:
    visit("offline")


def test_axe_finds_no_violation_in_any_state_theme_or_width(visit: Visit) -> None:
    visit("accessibility")


def test_the_page_may_call_its_services_and_cognito_alone(served_page: ServedPage) -> None:
    policy = requests.get(served_page.url, timeout=5).headers["Content-Security-Policy"]
    callees = [served_page.cognito_url, *dict.fromkeys(served_page.api_urls)]
    assert f"connect-src 'self' {' '.join(callees)};" in policy
    assert "script-src 'self';" in policy


def test_the_built_page_is_of_this_source(tmp_path: Path) -> None:
    """`make web` builds it; Vite's output is the same for the same source and packages."""
    built = tmp_path / "dist"
    subprocess.run(["npm", "run", "--silent", "generate"], cwd=SOURCE, check=True)
    for command in ("tsc --noEmit", f"vite build --logLevel=error --outDir {built}"):
        name, *arguments = command.split()
        subprocess.run([SOURCE / "node_modules/.bin" / name, *arguments], cwd=SOURCE, check=True)
    assert sorted(os.listdir(built)) == sorted(os.listdir(BUILT_PAGE))
    _, different, missing = filecmp.cmpfiles(BUILT_PAGE, built, os.listdir(built), shallow=False)
    assert (different, missing) == ([], []), "run `make web` and commit examples/web/dist"
