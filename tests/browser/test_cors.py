"""CORS as Chromium sees it: pages of an allowed origin, of another, and of none."""

import json
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from local_cognito.process import RunningCognito
from tests.calls import sign_in
from tests.servers import serving, settings_for

PROGRAM = Path(__file__).with_name("cors_pages.mjs")
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome")


class Page(BaseHTTPRequestHandler):
    """An empty page."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>App</title><body></body>")

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def web_origin() -> Iterator[str]:
    """An origin of its own, by its port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(scope="module")
def findings(cognito_server: RunningCognito) -> dict[str, dict[str, Any]]:
    """What each page found: `allowed`, `other`, and `sandboxed` within an allowed one."""
    cognito_server.control("POST", "/_local/reset")
    sign_in(cognito_server)
    user = sign_in(cognito_server)
    browser = next(filter(None, map(shutil.which, CHROMIUMS)))
    with (
        web_origin() as allowed,
        web_origin() as other,
        serving(settings_for(cognito_server) | {"CORS_ORIGINS": allowed}) as service,
    ):
        order = {
            "api": service.url,
            "token": user.token,
            "pages": [
                {"page": allowed, "sandboxed": False},
                {"page": other, "sandboxed": False},
                {"page": allowed, "sandboxed": True},
            ],
        }
        done = subprocess.run(
            ["node", PROGRAM, browser],
            input=json.dumps(order),
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert [each["origin"] for each in found] == [allowed, other, "null"]
    return dict(zip(("allowed", "other", "sandboxed"), found, strict=True))


def test_a_page_of_an_allowed_origin_lists_devices_and_reads_headers_and_problems(
    findings: dict[str, Any],
) -> None:
    found = findings["allowed"]
    assert (found["status"], found["items"]) == (200, 1)
    assert {"link", "ratelimit-remaining", "x-request-id"} <= set(found["headers"])
    assert not {"server", "content-security-policy"} & set(found["headers"])
    assert found["problem"] == "invalid-token"
    assert found["changed"] == 200


@pytest.mark.parametrize("page", ["other", "sandboxed"])
def test_a_page_of_another_origin_or_of_none_reads_nothing(
    findings: dict[str, Any], page: str
) -> None:
    found = findings[page]
    assert found["refused"] == "TypeError"
    assert found["unread"]
    assert not {"status", "items", "headers"} & set(found)
