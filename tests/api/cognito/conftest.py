"""The service over a Cognito that answers, over HTTP, what a test has written down."""

import json
import random
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from prometheus_client import REGISTRY
from werkzeug.test import TestResponse

from tests.api.client import ApiClient
from tests.api.conftest import OTHER, Start, Token, application, client_of
from tests.api.tokens import SigningKey
from tests.raw_server import RawServer, Script, in_pieces, raw_server

ANSWERS: dict[str, object] = {
    "ListDevices": {"Devices": []},
    "GetDevice": {"Device": {"DeviceKey": OTHER}},
    "ConfirmDevice": {"UserConfirmationNecessary": False},
    "ListUserSessions": {"Sessions": []},
}
"""Where all is well; the other operations answer with nothing."""


def answer(body: object, status: str = "200 OK", **headers: str) -> Script:
    """`body`: bytes as they are, anything else as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    fields = {"Content-Length": str(len(content)), "Content-Type": "application/x-amz-json-1.1"}
    lines = [f"{name}: {value}" for name, value in (fields | named).items()]
    return in_pieces("\r\n".join([f"HTTP/1.1 {status}", *lines, "", ""]).encode() + content)


def refusal(kind: str, message: str = "") -> Script:
    return answer({"__type": kind, "message": message}, "400 Bad Request")


THROTTLE = refusal("TooManyRequestsException", "Rate exceeded")


class ScriptedCognito:
    """All is well, unless a test says what the next calls, or all others, are answered with."""

    def __init__(self, server: RawServer) -> None:
        self.server = server
        self.reset()

    def reset(self) -> None:
        self.server.heads.clear()
        self.server.bodies.clear()
        self.server.script = self._play
        self.coming: list[Script] = []
        self.always: Script | None = None

    def then(self, *coming: Script) -> None:
        self.coming += coming

    def _play(self, connection: Any) -> None:
        well = answer(ANSWERS.get(self.asked()[-1][0], {}))
        play = self.coming.pop(0) if self.coming else self.always or well
        play(connection)

    def asked(self) -> list[tuple[str, dict[str, Any]]]:
        """The operations that came, and their parameters."""
        operations = [head["X-Amz-Target"].rpartition(".")[2] for head in self.server.heads]
        return list(zip(operations, map(json.loads, self.server.bodies), strict=False))

    def count(self) -> int:
        return len(self.server.heads)


SESSION = "tkn" + "a" * 25
VERIFIER = {"passwordVerifier": "dmVy", "salt": "c2FsdA"}
TRACKING = {"deviceKey": OTHER, "secretVerifier": VERIFIER}
CALLS: dict[str, tuple[str, str, Any]] = {
    "ListDevices": ("GET", "/devices", None),
    "GetDevice": ("GET", f"/devices/{OTHER}", None),
    "ConfirmDevice": ("POST", "/devices", TRACKING),
    "UpdateDeviceStatus": ("PATCH", "/devices/current", {"status": "remembered"}),
    "ForgetDevice": ("DELETE", f"/devices/{OTHER}", None),
    "GlobalSignOut": ("POST", "/devices/sign-out", None),
    "ListUserSessions": ("GET", "/sessions", None),
    "RevokeUserSession": ("DELETE", f"/sessions/{SESSION}", None),
}
READS = {"ListDevices", "GetDevice", "ListUserSessions"}
EVERY_OPERATION = pytest.mark.parametrize("operation", CALLS)
PATIENT = {
    "BREAKER_FAILURES": "1000",
    "COGNITO_CONNECT_TIMEOUT": "30",
    "COGNITO_READ_TIMEOUT": "30",
    "COGNITO_DEADLINE": "240",
}
"""A breaker that stays out of the way, and time-outs that no busy machine meets."""


@pytest.fixture(scope="module")
def shared_cognito() -> Iterator[ScriptedCognito]:
    with raw_server() as server:
        yield ScriptedCognito(server)


@pytest.fixture
def cognito(shared_cognito: ScriptedCognito) -> ScriptedCognito:
    shared_cognito.reset()
    return shared_cognito


@pytest.fixture(scope="module")
def patient(pool_key: SigningKey, shared_cognito: ScriptedCognito) -> Iterator[Flask]:
    url = shared_cognito.server.url
    with application(pool_key, COGNITO_ENDPOINT_URL=url, **PATIENT) as app:
        yield app


@pytest.fixture
def api(patient: Flask, token: Token) -> ApiClient:
    return client_of(patient, token())


@pytest.fixture
def over(start: Start, cognito: ScriptedCognito) -> Start:
    """Start an application of the test's own over the scripted Cognito."""
    return lambda **variables: start(COGNITO_ENDPOINT_URL=cognito.server.url, **PATIENT | variables)


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(random, "uniform", lambda low, high: low)


def call(api: ApiClient, operation: str) -> TestResponse:
    method, address, body = CALLS[operation]
    return api.open(address, method=method, json=body)


def counted(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"device_bff_{name}", labels) or 0.0


def cut(connection: socket.socket) -> None:
    connection.shutdown(socket.SHUT_RDWR)


def closing(script: Script) -> Script:
    """The connection ends with it."""

    def play(connection: socket.socket) -> None:
        script(connection)
        cut(connection)

    return play
