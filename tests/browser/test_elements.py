"""<your-devices> on a page of three lines, under a strict CSP, in a real browser, where
element_visits.mjs does what people do; against gunicorn and the local Cognito."""

import gzip
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests

from app import VERSION
from app.contract.elements import FOLDER
from local_cognito.process import RunningCognito
from tests.browser.built import differences
from tests.browser.element_page import serving_element_page
from tests.browser.visits import ServedPage, Visitor
from tests.servers import ROOT, Service, free_port, serving, settings_for

PACKAGE = ROOT / "packages" / "elements"
MAX_BYTES = 25 * 1024
LANGUAGE_MAX_BYTES = 2 * 1024


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("threeLines", id="three lines are a page under a strict CSP"),
        pytest.param("twiceOnAPage", id="several of them and the halves on one page"),
        pytest.param("languages", id="the words of the page's language from the right in Arabic"),
        pytest.param("lostPhone", id="the sessions of a lost phone are offered beside it"),
        pytest.param("newSinceLastVisit", id="what is new is marked and can be disowned"),
        pytest.param("manyAlike", id="many of one name are one row and a link opens its own"),
        pytest.param("progress", id="forgetting many goes on until all are and says how far it is"),
        pytest.param("stoppedHalfway", id="what was forgotten before a stop is said"),
        pytest.param("frozen", id="a frozen api leaves one free to go and says what is open"),
        pytest.param("stepUp", id="a new sign-in is asked for and the call repeated"),
        pytest.param("stepUpDeclined", id="without a new sign-in nothing is done and that is said"),
        pytest.param("sessionEnded", id="the end of the session is told to the page"),
        pytest.param("keyboard", id="the keyboard is enough"),
        pytest.param("sessionEndedForOwnClient", id="and by a client of its own"),
        pytest.param("accessibility", id="axe finds nothing at 320 px at 200 percent from right"),
    ],
)
def test_on_a_page(
    name: str, cognito: RunningCognito, element_page: ServedPage, visitor: Visitor
) -> None:
    visitor.visit("element_visits.mjs", name, cognito, element_page)


def test_when_the_api_goes_away_it_is_said_and_works_again_after_it_is_back(
    cognito: RunningCognito, visitor: Visitor, tmp_path: Path
) -> None:
    port, service_port = free_port(), free_port()
    settings = {
        "CORS_ORIGINS": f"http://127.0.0.1:{port}",
        "PORT": str(service_port),
        "WORKERS": "1",
    }
    with ExitStack() as services:

        def start() -> Service:
            return services.enter_context(serving(settings_for(cognito) | settings))

        with serving_element_page(tmp_path, port, start().url) as page:
            steps = {"stop": services.close, "start": start}
            visitor.visit("element_visits.mjs", "stopped", cognito, page, steps=steps)


def test_the_service_serves_it_to_any_page_for_good(service: Service) -> None:
    url = f"{service.url}/elements/{VERSION}/your-devices.js"
    answer = requests.get(url, headers={"Origin": "https://any.example"}, timeout=30)
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in answer.headers
    assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert answer.headers["Content-Type"].startswith("text/javascript")
    assert set(answer.headers["Cache-Control"].split(", ")) == {
        "public",
        "max-age=31536000",
        "immutable",
    }
    german = requests.get(f"{service.url}/elements/{VERSION}/de.js", timeout=30)
    assert german.content == (FOLDER / "de.js").read_bytes()


def test_without_a_version_it_leads_to_the_newest(service: Service) -> None:
    url = f"{service.url}/elements/your-devices.js"
    answer = requests.get(url, allow_redirects=False, timeout=30)
    assert answer.status_code == 302
    assert answer.headers["Location"] == f"/elements/{VERSION}/your-devices.js"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "no-cache" in answer.headers["Cache-Control"]


@pytest.mark.parametrize("path", ["0.9.0/your-devices.js", f"{VERSION}/..%2Felements.py", "x.js"])
def test_nothing_else_is_there(service: Service, path: str) -> None:
    answer = requests.get(f"{service.url}/elements/{path}", timeout=30)
    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")


def test_it_can_be_switched_off(cognito_server: RunningCognito) -> None:
    with serving(settings_for(cognito_server) | {"ELEMENTS_ENABLED": "false"}) as without:
        url = f"{without.url}/elements/{VERSION}/your-devices.js"
        assert requests.get(url, timeout=30).status_code == 404


def test_it_is_small() -> None:
    sizes = {it.name: len(gzip.compress(it.read_bytes())) for it in FOLDER.glob("*.js")}
    assert sizes.pop("your-devices.js") <= MAX_BYTES
    assert sizes.keys() == {"ar.js", "de.js", "es.js", "fr.js", "ja.js"}
    assert max(sizes.values()) <= LANGUAGE_MAX_BYTES


def test_what_is_served_is_of_this_source(tmp_path: Path) -> None:
    """`make elements` builds it; Vite's output is the same for the same source and packages."""
    assert differences(PACKAGE, FOLDER, tmp_path) == [], "run `make web` and commit what it writes"
