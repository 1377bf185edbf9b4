"""Calls of a running service: by its users, and byte by byte."""

from __future__ import annotations

import base64
import json
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests

from local_cognito.process import RunningCognito

SECONDS = 60.0
FORGED_TOKEN = "eyJhbGciOiJSUzI1NiIsImtpZCI6IngifQ.eyJzdWIiOiJ4In0.c2lnbmF0dXJl"


@dataclass(frozen=True)
class SignedIn:
    """A user's sign-in from a device that is remembered."""

    token: str
    device_key: str
    device_group_key: str | None
    sub: str

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


def sign_in(cognito: RunningCognito, username: str = "demo", **how: Any) -> SignedIn:
    """Sign in from a new device."""
    answer = cognito.control("POST", "/_local/sign-in", username=username, **how)
    payload = answer["access_token"].split(".")[1]
    claims = json.loads(from_base64url(payload))
    return SignedIn(
        answer["access_token"], answer["device_key"], answer["device_group_key"], claims["sub"]
    )


def sign_in_untracked(cognito: RunningCognito) -> SignedIn:
    """Sign in from a new device, which is offered and not yet tracked."""
    made = cognito.control("POST", "/_local/tokens")
    claims = made["claims"]
    return SignedIn(made["token"], claims["device_key"], "-AbCd1234", claims["sub"])


def from_base64url(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def call(url: str, method: str = "GET", **how: Any) -> requests.Response:
    return requests.request(method, url, timeout=SECONDS, **how)


def until(found: Callable[[], Any], seconds: float = SECONDS) -> Any:
    """What `found` gives once it is true; an error when it takes longer than `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        result = found()
        if result:
            return result
        time.sleep(0.02)
    raise AssertionError("It did not happen in time")


def log_lines(text: str, **having: Any) -> list[dict[str, Any]]:
    """The JSON lines of `text` that have these members; one that is still being written is none."""
    whole, _, _ = text.rpartition("\n")
    lines = [json.loads(line) for line in whole.splitlines() if line.startswith("{")]
    return [line for line in lines if having.items() <= line.items()]


def metric(url: str, name: str) -> float:
    """The sum of a metric's samples."""
    lines = call(f"{url}/metrics").text.splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name))


@dataclass(frozen=True)
class RawResponse:
    """A response as it came over the wire."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float
    closed: bool

    def json(self) -> Any:
        return json.loads(self.body)


def connect(url: str, tls: ssl.SSLContext | None = None) -> socket.socket:
    address = urlsplit(url)
    plain = socket.create_connection((address.hostname, address.port), SECONDS)
    return tls.wrap_socket(plain, server_hostname=address.hostname) if tls else plain


def send(url: str, request: bytes) -> RawResponse:
    """Send exactly these bytes, and read one response."""
    with connect(url) as connection:
        connection.sendall(request)
        return receive(connection)


def receive(connection: socket.socket) -> RawResponse:
    """Read one response off a connection."""
    started = time.monotonic()
    received = b""
    closed = False
    while not _whole(received) and not closed:
        piece = connection.recv(65536)
        closed = not piece
        received += piece
    head, _, body = received.partition(b"\r\n\r\n")
    status_line, *fields = head.decode("latin-1").split("\r\n")
    assert status_line.startswith("HTTP/1."), f"no answer: {received!r}"
    headers = dict(field.split(": ", 1) for field in fields)
    return RawResponse(
        int(status_line.split()[1]), headers, body, time.monotonic() - started, closed
    )


def _whole(received: bytes) -> bool:
    head, ended, body = received.partition(b"\r\n\r\n")
    if not ended:
        return False
    if head.startswith(b"HTTP/1.1 204"):
        return True
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return bool(lengths) and len(body) >= int(lengths[0].split(b":")[1])


PROBLEM_MEMBERS = {"type", "title", "status", "detail", "instance", "code", "requestId"}


def assert_problem(response: requests.Response | RawResponse, status: int, code: str) -> Any:
    """The response is the whole problem `code` (RFC 9457 and our members), and can be traced."""
    got = response.status if isinstance(response, RawResponse) else response.status_code
    assert response.headers["Content-Type"] == "application/problem+json"
    problem = response.json()
    assert (got, problem["code"]) == (status, code)
    assert set(problem) - {"errors"} == PROBLEM_MEMBERS
    assert problem["type"] == f"urn:device-bff:problem:{code}"
    assert problem["status"] == status
    assert problem["requestId"] == response.headers["X-Request-ID"]
    assert ("Retry-After" in response.headers) == (status in (429, 503))
    challenged = status == 401 or code == "insufficient-scope"
    assert ("WWW-Authenticate" in response.headers) == challenged
    return problem
