"""Bad tokens and odd headers as bytes on a socket, through gunicorn, with nothing fake."""

import http.client
import json
import time
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from local_cognito import seed
from local_cognito.process import RunningCognito
from tests.servers import Service

INVALID_TOKEN = (401, "invalid-token")
MISSING_TOKEN = (401, "missing-token")
NOT_HTTP = (400, "malformed-request")


def get(service: Service, *authorizations: bytes) -> tuple[int, str]:
    """GET /devices with these Authorization headers: the status, and the problem's code or ""."""
    address = urlsplit(service.url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=10)
    try:
        connection.putrequest("GET", "/devices")
        for authorization in authorizations:
            connection.putheader("Authorization", authorization)
        connection.endheaders()
        response = connection.getresponse()
        return response.status, json.loads(response.read()).get("code", "")
    finally:
        connection.close()


def make(cognito: RunningCognito, **members: Any) -> bytes:
    """A token of the local Cognito, which forges what it is asked to."""
    token: str = cognito.control("POST", "/_local/tokens", **members)["token"]
    return token.encode()


@pytest.mark.parametrize(
    "members",
    [
        pytest.param({"header": {"alg": "none"}}, id="alg none"),
        pytest.param({"header": {"alg": "HS256"}}, id="HS256 with the public key"),
        pytest.param({"header": {"kid": "unknown"}}, id="unknown kid"),
        pytest.param({"claims": {"exp": 1}}, id="expired"),
        pytest.param({"claims": {"exp": None}}, id="no exp"),
        pytest.param({"claims": {"exp": 10**18}}, id="exp 10 to the 18"),
        pytest.param({"claims": {"token_use": "id"}}, id="ID token"),
        pytest.param({"claims": {"iss": "https://elsewhere.example"}}, id="wrong issuer"),
        pytest.param({"pool": seed.OPT_IN_POOL_ID}, id="wrong pool"),
        pytest.param({"client_id": seed.OTHER_CLIENT_ID}, id="wrong client"),
        pytest.param({"claims": {"padding": "x" * 8192}}, id="longer than 8 KiB"),
    ],
)
def test_a_bad_token_is_refused_and_not_forwarded(
    cognito: RunningCognito, service: Service, members: dict[str, Any]
) -> None:
    assert get(service, b"Bearer " + make(cognito, **members)) == INVALID_TOKEN
    calls = cognito.control("GET", "/_local/calls")
    assert set(calls) <= {"jwks"}


@pytest.mark.parametrize(
    ("write", "answer"),
    [
        pytest.param(lambda token: [b"Bearer " + token] * 2, MISSING_TOKEN, id="two headers"),
        pytest.param(
            lambda token: [b"Bearer " + token, b"Basic eDp5"], MISSING_TOKEN, id="and another"
        ),
        pytest.param(lambda token: [b"Bearer\t" + token], MISSING_TOKEN, id="a tab"),
        pytest.param(lambda token: [b"Bearer " + token + b" x"], MISSING_TOKEN, id="a word after"),
        pytest.param(
            lambda token: [b"Bearer " + token + b"\xc3\xa9"], MISSING_TOKEN, id="beyond ASCII"
        ),
        pytest.param(lambda token: [b"\xff\xfe " + token], MISSING_TOKEN, id="not UTF-8"),
        pytest.param(lambda token: [b""], MISSING_TOKEN, id="empty"),
        pytest.param(lambda token: [], MISSING_TOKEN, id="none"),
        pytest.param(lambda token: [b"Bearer " + token + b"\0"], NOT_HTTP, id="NUL after"),
        pytest.param(lambda token: [b"Bearer " + b"a" * 12_000], INVALID_TOKEN, id="12 kB"),
        pytest.param(lambda token: [b"bearer " + token], (200, ""), id="lower-case scheme"),
        pytest.param(lambda token: [b" Bearer " + token + b" \t"], (200, ""), id="blanks around"),
    ],
)
def test_what_becomes_of_a_header(
    cognito: RunningCognito, service: Service, write: Any, answer: tuple[int, str]
) -> None:
    token: str = cognito.control("POST", "/_local/sign-in")["access_token"]
    assert get(service, *write(token.encode())) == answer


def test_a_rotation_of_cognitos_keys_fails_no_request(
    cognito: RunningCognito, service: Service
) -> None:
    before = make(cognito)
    cognito.control("POST", "/_local/rotate-keys")
    time.sleep(0.01)  # the shared service looks for unknown keys once in a millisecond
    for token in (make(cognito), before):
        assert get(service, b"Bearer " + token) == (200, "")


def test_a_real_id_token_is_told_to_be_one(service: Service, cognito: RunningCognito) -> None:
    id_token = cognito.control("POST", "/_local/sign-in")["id_token"]
    answer = requests.get(
        f"{service.url}/devices", headers={"Authorization": f"Bearer {id_token}"}, timeout=10
    )
    assert answer.json()["code"] == "invalid-token"
    assert "not the ID token" in answer.json()["detail"]
