"""<your-devices> on a page of three lines, under a strict CSP, in a real browser, where
element_visits.mjs does what people do; against gunicorn and the local Cognito."""

import gzip
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import requests

from app import VERSION
from app.contract.elements import FOLDER
from local_cognito.process import RunningCognito
from local_cognito.web import serving_files
from tests.browser.built import differences
from tests.browser.visits import ServedPage, Visitor
from tests.servers import ROOT, Service, free_port, serving, settings_for

PACKAGE = ROOT / "packages" / "elements"
MAX_BYTES = 25 * 1024
LANGUAGE_MAX_BYTES = 2 * 1024
PAGE = """<!doctype html>
<html lang="en">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Account</title>
<main><h1>Account</h1></main>
<script type="module" src="{service}/elements/{version}/your-devices.js"></script>
<script type="module" src="/page.js"></script>
</html>
"""
SCRIPT = """
const given = new URLSearchParams(location.search);
let token = given.get("token");
window.told = [];
document.documentElement.lang = given.get("lang") ?? "en";
for (const type of ["session-ended", "reauthenticate", "changed"]) {
  document.addEventListener(type, ({ detail }) => {
    window.told.push({ type, detail: { ...detail } });
    if (type === "reauthenticate" && given.has("fresh")) {
      token = given.get("fresh");
      detail.waitUntil(Promise.resolve());
    }
  });
}
for (const name of (given.get("elements") ?? "your-devices").split(",")) {
  const element = document.createElement(name);
  element.setAttribute("change-password-url", "/password");
  element.getAccessToken = () => token;
  document.querySelector("main").append(element);
}
"""


@contextmanager
def serving_page(folder: Path, port: int, service_url: str) -> Iterator[ServedPage]:
    """The page at an origin of its own, for the service."""
    (folder / "index.html").write_text(PAGE.format(service=service_url, version=VERSION))
    (folder / "page.js").write_text(SCRIPT)
    policy = (
        f"default-src 'none'; script-src 'self' {service_url}; connect-src {service_url}; "
        "style-src 'self'; img-src 'self'"
    )
    with serving_files(folder, port, policy) as url:
        yield ServedPage(url, [service_url])


@pytest.fixture(scope="module")
def page(
    cognito_server: RunningCognito, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServedPage]:
    port = free_port()
    settings = {"CORS_ORIGINS": f"http://127.0.0.1:{port}", "STEP_UP_MAX_AGE": "300"}
    with (
        serving(settings_for(cognito_server) | settings) as service,
        serving_page(tmp_path_factory.mktemp("page"), port, service.url) as served,
    ):
        yield served


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("threeLines", id="three lines are a page under a strict CSP"),
        pytest.param("twiceOnAPage", id="several of them and the halves on one page"),
        pytest.param("languages", id="the words of the page's language from the right in Arabic"),
        pytest.param("lostPhone", id="the sessions of a lost phone are offered beside it"),
        pytest.param("newSinceLastVisit", id="what is new is marked and can be disowned"),
        pytest.param("manyAlike", id="many of one name are one row and a link opens its own"),
        pytest.param("frozen", id="a frozen api leaves one free to go and says what is open"),
        pytest.param("stepUp", id="a new sign-in is asked for and the call repeated"),
        pytest.param("stepUpDeclined", id="without a new sign-in nothing is done and that is said"),
        pytest.param("sessionEnded", id="the end of the session is told to the page"),
        pytest.param("keyboard", id="the keyboard is enough"),
        pytest.param("accessibility", id="axe finds nothing at 320 px at 200 percent from right"),
    ],
)
def test_on_a_page(name: str, cognito: RunningCognito, page: ServedPage, visitor: Visitor) -> None:
    visitor.visit("element_visits.mjs", name, cognito, page)


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

        with serving_page(tmp_path, port, start().url) as page:
            steps = {"stop": services.close, "start": start}
            visitor.visit("element_visits.mjs", "stopped", cognito, page, steps=steps)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("lists", id="somebody who signs in sees both lists"),
        pytest.param("forget", id="a device is forgotten"),
        pytest.param("end", id="a session is ended"),
        pytest.param("stepUp", id="a new sign-in is asked for and the call repeated"),
    ],
)
def test_the_main_way_in_other_browsers(
    name: str, cognito: RunningCognito, page: ServedPage, other_visitor: Visitor
) -> None:
    other_visitor.visit("main_way_visits.mjs", name, cognito, page)


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
