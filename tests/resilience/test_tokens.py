"""Bad tokens and odd headers as bytes on a socket, through gunicorn, with nothing fake."""

from typing import Any

import pytest

from local_cognito import seed
from local_cognito.process import RunningCognito
from tests.calls import call, send, sign_in
from tests.servers import Service

INVALID_TOKEN = (401, "invalid-token")
MISSING_TOKEN = (401, "missing-token")
NOT_HTTP = (400, "malformed-request")


def get(service: Service, *authorizations: bytes) -> tuple[int, str]:
    """GET /devices with these Authorization headers: the status, and the problem's code or ""."""
    lines = [b"Authorization: " + value for value in authorizations]
    head = b"\r\n".join([b"GET /devices HTTP/1.1", b"Host: x", *lines, b"", b""])
    answer = send(service.url, head)
    return answer.status, answer.json().get("code", "")


@pytest.mark.parametrize(
    "members",
    [
        pytest.param({"header": {"alg": "none"}}, id="alg none"),
        pytest.param({"header": {"alg": "HS256"}}, id="HS256 with the public key"),
        pytest.param({"header": {"kid": "unknown"}}, id="unknown kid"),
        pytest.param({"claims": {"exp": 1}}, id="expired"),
        pytest.param({"claims": {"iss": "https://elsewhere.example"}}, id="wrong issuer"),
        pytest.param({"pool": seed.OPT_IN_POOL_ID}, id="wrong pool"),
        pytest.param({"client_id": seed.OTHER_CLIENT_ID}, id="wrong client"),
    ],
)
def test_a_bad_token_is_refused_and_not_forwarded(
    cognito: RunningCognito, service: Service, members: dict[str, Any]
) -> None:
    token: str = cognito.control("POST", "/_local/tokens", **members)["token"]
    assert get(service, b"Bearer " + token.encode()) == INVALID_TOKEN
    assert set(cognito.control("GET", "/_local/calls")) <= {"jwks"}


@pytest.mark.parametrize(
    ("write", "answer"),
    [
        pytest.param(lambda token: [b"Bearer " + token] * 2, MISSING_TOKEN, id="two headers"),
        pytest.param(lambda token: [b"Bearer\t" + token], MISSING_TOKEN, id="a tab"),
        pytest.param(
            lambda token: [b"Bearer " + token + b"\xc3\xa9"], MISSING_TOKEN, id="beyond ASCII"
        ),
        pytest.param(lambda token: [b"\xff\xfe " + token], MISSING_TOKEN, id="not UTF-8"),
        pytest.param(lambda token: [b""], MISSING_TOKEN, id="empty"),
        pytest.param(lambda token: [b"Bearer " + token + b"\0"], NOT_HTTP, id="NUL after"),
        pytest.param(lambda token: [b"bearer " + token], (200, ""), id="lower-case scheme"),
        pytest.param(lambda token: [b" Bearer " + token + b" \t"], (200, ""), id="blanks around"),
    ],
)
def test_what_becomes_of_a_header(
    cognito: RunningCognito, service: Service, write: Any, answer: tuple[int, str]
) -> None:
    token = sign_in(cognito).token.encode()
    assert get(service, *write(token)) == answer


def test_a_real_id_token_is_told_to_be_one(service: Service, cognito: RunningCognito) -> None:
    id_token = cognito.control("POST", "/_local/sign-in")["id_token"]
    answer = call(f"{service.url}/devices", headers={"Authorization": f"Bearer {id_token}"})
    assert answer.json()["code"] == "invalid-token"
    assert "not the ID token" in answer.json()["detail"]
