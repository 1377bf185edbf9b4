"""Calls of a running service: by its users, and byte by byte."""

from __future__ import annotations

import base64
import json
import socket
import ssl
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPResponse
from typing import Any
from urllib.parse import unquote, urlsplit

import requests
from werkzeug.test import TestResponse

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
    token = answer["access_token"]
    sub = claims_of(token)["sub"]
    return SignedIn(token, answer["device_key"], answer["device_group_key"], sub)


def claims_of(token: str) -> dict[str, Any]:
    payload = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "==="))
    return claims


def sign_in_untracked(cognito: RunningCognito) -> SignedIn:
    """Sign in from a new device, which is offered and not yet tracked."""
    made = cognito.control("POST", "/_local/tokens")
    claims = made["claims"]
    return SignedIn(made["token"], claims["device_key"], "-AbCd1234", claims["sub"])


def call(url: str, method: str = "GET", **how: Any) -> requests.Response:
    return requests.request(method, url, timeout=SECONDS, **how)


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
    headers: Message
    body: bytes

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
    response = HTTPResponse(connection)
    response.begin()
    return RawResponse(response.status, response.headers, response.read())


PROBLEM_MEMBERS = {"type", "title", "status", "detail", "instance", "code", "requestId"}
CHALLENGES = {
    "missing-token": "Bearer",
    "invalid-token": 'Bearer error="invalid_token"',
    "insufficient-scope": 'Bearer error="insufficient_scope", '
    'scope="aws.cognito.signin.user.admin"',
    "reauthentication-required": 'Bearer error="insufficient_user_authentication"',
}
"""What WWW-Authenticate begins with."""


def assert_problem(
    response: requests.Response | RawResponse | TestResponse, status: int, code: str
) -> Any:
    """The response is the whole problem `code` of docs/problems.md, its headers included."""
    got = response.status if isinstance(response, RawResponse) else response.status_code
    headers = response.headers
    if isinstance(response, TestResponse):
        problem: dict[str, Any] = response.get_json(force=True)
        assert unquote(problem["instance"]) == response.request.path
    else:
        problem = response.json()
    assert (got, problem["code"]) == (status, code)
    assert headers["Content-Type"] == "application/problem+json"
    more = {"validation-failed": {"errors"}, "reauthentication-required": {"maxAge", "acrValues"}}
    assert PROBLEM_MEMBERS <= problem.keys() <= PROBLEM_MEMBERS | more.get(code, set())
    assert problem["type"] == f"urn:device-bff:problem:{code}"
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"]
    assert problem["requestId"] == headers["X-Request-ID"]
    assert (int(headers.get("Retry-After") or 0) >= 1) == (status in (429, 503))
    challenge, expected = headers.get("WWW-Authenticate") or "", CHALLENGES.get(code, "")
    assert challenge.startswith(expected)
    assert challenge == expected or expected not in ("", "Bearer")
    return problem
