"""deploy/nginx/nginx.conf, in a real nginx in front of a server that counts what reaches it."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from tests.calls import connect, receive
from tests.deploy.programs import DEPLOY, program_path
from tests.polling import until
from tests.raw_server import RawServer, raw_server
from tests.servers import free_port, listens

TIMEOUT = 30


@contextmanager
def nginx(folder: Path, upstream_port: int) -> Iterator[str]:
    """The address of nginx, with its configuration as it is, except for ports and folders."""
    port = free_port()
    text = (DEPLOY / "nginx" / "nginx.conf").read_text()
    for old, new in (
        ("server service:8000", f"server 127.0.0.1:{upstream_port}"),
        ("listen 8080", f"listen 127.0.0.1:{port}"),
        (" /tmp/", f" {folder}/"),
    ):
        assert old in text
        text = text.replace(old, new)
    configuration = folder / "nginx.conf"
    configuration.write_text(f"daemon off;\n{text}")
    process = subprocess.Popen([program_path("nginx"), "-p", folder, "-c", configuration])
    try:
        url = f"http://127.0.0.1:{port}"
        until("nginx listens", lambda: listens(url))
        yield url
    finally:
        process.terminate()
        process.wait(TIMEOUT)


@pytest.fixture(scope="module")
def upstream() -> Iterator[RawServer]:
    with raw_server() as server:
        yield server


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory, upstream: RawServer) -> Iterator[str]:
    """nginx in front of a server that keeps what arrives."""
    with nginx(tmp_path_factory.mktemp("nginx"), upstream.port) as url:
        yield url


def test_a_call_reaches_the_service_with_its_token_and_the_callers_address(
    proxy: str, upstream: RawServer
) -> None:
    sent = {"Authorization": f"Bearer {'t' * 15_000}", "X-Forwarded-For": "192.0.2.1"}
    answer = requests.post(f"{proxy}/devices", data="{}", headers=sent, timeout=TIMEOUT)
    assert answer.status_code == 204
    assert upstream.bodies[-1] == b"{}"
    arrived = upstream.heads[-1]
    assert arrived["Authorization"] == sent["Authorization"]
    assert arrived["X-Forwarded-For"] == "127.0.0.1"
    assert arrived["Host"] == urlsplit(proxy).netloc


def test_a_request_reaches_the_service_once_it_is_complete(proxy: str, upstream: RawServer) -> None:
    before = len(upstream.heads)
    with connect(proxy) as slow:
        slow.sendall(b"POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{")
        requests.get(f"{proxy}/meanwhile", timeout=TIMEOUT).raise_for_status()
        assert len(upstream.heads) == before + 1
        slow.sendall(b"}")
        assert receive(slow).status == 204
    assert upstream.bodies[before:] == [b"", b"{}"]


@pytest.mark.parametrize(
    ("path", "request_", "status", "code"),
    [
        ("//metrics", {}, 404, "not-found"),
        ("/devices", {"data": "x" * 20_000}, 413, "body-too-large"),
        ("/devices", {"headers": {"X-Long": "x" * 40_000}}, 431, "headers-too-large"),
        ("/devices", {"params": {"cursor": "x" * 40_000}}, 414, "uri-too-long"),
    ],
)
def test_what_nginx_refuses_is_a_problem(
    proxy: str, path: str, request_: dict[str, Any], status: int, code: str
) -> None:
    answer = requests.post(f"{proxy}{path}", timeout=TIMEOUT, **request_)
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["status"], problem["code"]) == (status, code)
    assert problem["requestId"] == answer.headers["X-Request-ID"]


def test_while_the_service_is_away_callers_get_503_and_when_to_retry(tmp_path: Path) -> None:
    with nginx(tmp_path, upstream_port=free_port()) as url:
        answer = requests.get(f"{url}/devices", timeout=TIMEOUT)
    assert (answer.status_code, answer.json()["code"]) == (503, "upstream-unavailable")
    assert answer.headers["Retry-After"] == "1"
