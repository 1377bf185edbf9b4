"""A write whose answer was lost: what the client is told, and what Cognito then holds.

An answer lost once is settled here where the repetition proves the write: the client sees success.
Else it sees a problem that says that the write may have been done, and whether it may be repeated.
"""

import base64
import math
import secrets
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests

from local_cognito.process import RunningCognito
from local_cognito.seed import CLIENT_ID, POOL_ID, REGION
from tests.calls import SignedIn, assert_problem, call, sign_in
from tests.raw_server import new_tls, raw_server
from tests.servers import Service, serving, settings_for

FOR_GOOD = None
NEVER_OPENS = {
    "BREAKER_FAILURES": "1000",
    "COGNITO_CONNECT_TIMEOUT": "1",
    "COGNITO_READ_TIMEOUT": "2",
    "COGNITO_DEADLINE": "7",
}


@pytest.fixture(scope="module")
def settling(cognito_server: RunningCognito) -> Iterator[Service]:
    """A service that tries on whatever happens, so that one write is looked at at a time."""
    with serving(settings_for(cognito_server) | NEVER_OPENS) as service:
        yield service


def new_device(cognito: RunningCognito) -> SignedIn:
    """A sign-in from a device that is not tracked yet."""
    made = cognito.control("POST", "/_local/tokens", username="demo", pool=POOL_ID)
    return SignedIn(made["token"], made["claims"]["device_key"], None, made["claims"]["sub"])


def lose(cognito: RunningCognito, operation: str, times: int | None) -> None:
    """Cognito does the operation, and hangs up without an answer."""
    cognito.control("POST", "/_local/faults", operation=operation, fault="lose_answer", times=times)


def heal(cognito: RunningCognito) -> None:
    cognito.control("DELETE", "/_local/faults")


def administrator(cognito: RunningCognito) -> Any:
    """A client of Cognito itself, past the service."""
    return boto3.client(
        "cognito-idp",
        region_name=REGION,
        endpoint_url=cognito.url,
        aws_access_key_id="none",
        aws_secret_access_key="none",
    )


def held(cognito: RunningCognito) -> set[str]:
    """The devices that Cognito's administrator sees."""
    answer = administrator(cognito).admin_list_devices(UserPoolId=POOL_ID, Username="demo")
    return {device["DeviceKey"] for device in answer["Devices"]}


def write(
    service: Service, user: SignedIn, method: str, path: str, **json: Any
) -> requests.Response:
    return call(service.url + path, method, headers=user.bearer, json=json or None)


def body_of(device_key: str) -> dict[str, Any]:
    verifier = {
        "passwordVerifier": base64.b64encode(secrets.token_bytes(380)).decode(),
        "salt": base64.b64encode(secrets.token_bytes(16)).decode(),
    }
    return {"deviceKey": device_key, "name": "Phone", "secretVerifier": verifier}


PERHAPS = {
    "ConfirmDevice": "may be tracked already: repeat the call",
    "UpdateDeviceStatus": "may have changed already",
    "ForgetDevice": "may have been forgotten already",
    "GlobalSignOut": "may have been signed out already",
}


def ask_for(operation: str, service: Service, user: SignedIn) -> requests.Response:
    """The call that has Cognito do this to the user's current device."""
    if operation == "ConfirmDevice":
        return write(service, user, "POST", "/devices", **body_of(user.device_key))
    if operation == "UpdateDeviceStatus":
        return write(service, user, "PATCH", "/devices/current", status="not_remembered")
    if operation == "ForgetDevice":
        return write(service, user, "DELETE", "/devices/current")
    return write(service, user, "POST", "/devices/sign-out")


def user_for(operation: str, cognito: RunningCognito) -> SignedIn:
    return new_device(cognito) if operation == "ConfirmDevice" else sign_in(cognito)


@pytest.mark.parametrize(
    ("operation", "status"),
    [
        ("UpdateDeviceStatus", 200),
        ("ForgetDevice", 204),
        # With another secret perhaps, or by a token that somebody else ended: nobody can tell.
        ("ConfirmDevice", 409),
        ("GlobalSignOut", 401),
    ],
)
def test_an_answer_lost_once_is_settled_by_the_repetition(
    cognito: RunningCognito, settling: Service, operation: str, status: int
) -> None:
    user = user_for(operation, cognito)
    lose(cognito, operation, 1)
    answer = ask_for(operation, settling, user)
    assert answer.status_code == status
    if status >= 400:
        assert PERHAPS[operation] in answer.json()["detail"]
    assert cognito.control("GET", "/_local/calls")[operation] == 2


@pytest.mark.parametrize("operation", PERHAPS)
def test_an_answer_lost_for_good_is_told_to_be_perhaps_of_a_write_that_was_done(
    cognito: RunningCognito, settling: Service, operation: str
) -> None:
    user = user_for(operation, cognito)
    lose(cognito, operation, FOR_GOOD)
    told = assert_problem(ask_for(operation, settling, user), 502, "upstream-error")
    assert PERHAPS[operation] in told["detail"]
    assert "repeat" in told["detail"]


def test_a_device_whose_tracking_was_told_to_be_uncertain_is_there(
    cognito: RunningCognito, settling: Service
) -> None:
    user = new_device(cognito)
    lose(cognito, "ConfirmDevice", FOR_GOOD)
    ask_for("ConfirmDevice", settling, user)
    heal(cognito)
    assert held(cognito) == {user.device_key}


def test_nobody_is_told_to_be_signed_out_by_a_token_that_had_ended_before(
    cognito: RunningCognito, settling: Service, user: SignedIn
) -> None:
    other = cognito.control("POST", "/_local/sign-in", username="demo")
    administrator(cognito).revoke_token(Token=other["refresh_token"], ClientId=CLIENT_ID)
    cognito.control("POST", "/_local/faults", operation="GlobalSignOut", fault="internal_error")
    ended = SignedIn(other["access_token"], other["device_key"], None, user.sub)
    assert_problem(write(settling, ended, "POST", "/devices/sign-out"), 401, "invalid-token")
    assert write(settling, user, "GET", "/devices").status_code == 200


def test_forgetting_many_settles_each_lost_answer(
    cognito: RunningCognito, settling: Service, user: SignedIn
) -> None:
    others = {sign_in(cognito).device_key for _ in range(3)}
    lose(cognito, "ForgetDevice", 1)
    answer = write(settling, user, "DELETE", "/devices?scope=others").json()
    assert (set(answer["forgotten"]), answer["failed"]) == (others, [])


def test_forgetting_many_tells_of_each_device_whose_answer_never_came(
    cognito: RunningCognito, settling: Service, user: SignedIn
) -> None:
    others = {sign_in(cognito).device_key for _ in range(3)}
    lose(cognito, "ForgetDevice", FOR_GOOD)
    answer = write(settling, user, "DELETE", "/devices?scope=others").json()
    assert answer["forgotten"] == []
    assert {failure["id"] for failure in answer["failed"]} == others
    for failure in answer["failed"]:
        assert "repeating the call is safe" in failure["problem"]["detail"]


def test_a_write_that_meets_an_open_breaker_after_a_lost_answer_says_so(
    cognito: RunningCognito, user: SignedIn
) -> None:
    """It must not say that nothing was changed, as it does to calls that were never sent."""
    settings = settings_for(cognito) | {"BREAKER_FAILURES": "1", "WORKERS": "1"}
    with serving(settings) as service:
        lose(cognito, "ForgetDevice", 1)
        lost = write(service, user, "DELETE", "/devices/current")
        told = assert_problem(lost, 503, "upstream-unavailable")
        assert "may have been forgotten already" in told["detail"]
        never_sent = write(service, user, "DELETE", "/devices/current")
        told = assert_problem(never_sent, 503, "upstream-unavailable")
        assert "Nothing was changed" in told["detail"]


@pytest.mark.parametrize("times", [1, math.inf], ids=["once", "for good"])
def test_an_answer_lost_as_tls_broke_is_told_like_any_other(
    cognito: RunningCognito, user: SignedIn, tmp_path: Path, times: float
) -> None:
    tls, left = new_tls(tmp_path), times

    def play(connection: socket.socket) -> None:
        nonlocal left
        head = upstream.heads[-1]
        sent = {name: head[name] for name in ("X-Amz-Target", "Content-Type")}
        answer = requests.post(cognito.url, upstream.bodies[-1], headers=sent, timeout=5)
        if left > 0:
            left -= 1
            socket.socket.sendall(connection, b"past the encryption")
            raise ConnectionAbortedError
        status = f"HTTP/1.1 {answer.status_code} OK\r\nContent-Length: {len(answer.content)}"
        connection.sendall(f"{status}\r\n\r\n".encode() + answer.content)

    with raw_server(tls.server) as upstream:
        upstream.script = play
        settings = settings_for(cognito) | NEVER_OPENS | tls.trust
        with serving(settings | {"COGNITO_ENDPOINT_URL": upstream.url}) as service:
            answer = write(service, user, "DELETE", "/devices/current")
    assert answer.status_code == (204 if times == 1 else 502)
    if times != 1:
        assert "may have been forgotten already" in answer.json()["detail"]
    assert held(cognito) == set()
