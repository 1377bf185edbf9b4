"""A page of three lines around <your-devices>, at an origin of its own, under a strict CSP."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app import VERSION
from local_cognito.web import serving_files
from tests.browser.visits import ServedPage

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
def serving_element_page(folder: Path, port: int, service_url: str) -> Iterator[ServedPage]:
    """The page, its files in `folder`, for the service."""
    (folder / "index.html").write_text(PAGE.format(service=service_url, version=VERSION))
    (folder / "page.js").write_text(SCRIPT)
    policy = (
        f"default-src 'none'; script-src 'self' {service_url}; connect-src {service_url}; "
        "style-src 'self'; img-src 'self'"
    )
    with serving_files(folder, port, policy) as url:
        yield ServedPage(url, [service_url])
