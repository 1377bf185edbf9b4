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
from tests.raw_server import new_tls, raw_server
from tests.safety.calls import SignedIn, assert_problem, call, sign_in
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


def body_of(device_key: str, who_made_the_secret: str) -> dict[str, Any]:
    verifier = {
        "passwordVerifier": base64.b64encode(secrets.token_bytes(380)).decode(),
        "salt": base64.b64encode(secrets.token_bytes(16)).decode(),
    }
    secret = {
        "client": {"secretVerifier": verifier},
        "service": {"deviceGroupKey": "-abcdefgh"},
    }
    return {"deviceKey": device_key, "name": "Phone"} | secret[who_made_the_secret]


@pytest.mark.parametrize("who_made_the_secret", ["client", "service"])
def test_a_device_tracked_after_a_lost_answer_may_be_so_by_another_call(
    cognito: RunningCognito, settling: Service, who_made_the_secret: str
) -> None:
    """With another secret, by which the next sign-in would fail: nobody can tell."""
    user = new_device(cognito)
    lose(cognito, "ConfirmDevice", 1)
    body = body_of(user.device_key, who_made_the_secret)
    told = assert_problem(
        write(settling, user, "POST", "/devices", **body), 409, "device-already-tracked"
    )
    assert "may be tracked already: repeat the call" in told["detail"]
    assert held(cognito) == {user.device_key}


def test_a_device_tracked_without_any_answer_is_told_to_be_perhaps_tracked(
    cognito: RunningCognito, settling: Service
) -> None:
    user = new_device(cognito)
    lose(cognito, "ConfirmDevice", FOR_GOOD)
    body = body_of(user.device_key, "client")
    told = assert_problem(write(settling, user, "POST", "/devices", **body), 502, "upstream-error")
    assert "may be tracked already: repeat the call" in told["detail"]
    heal(cognito)
    again = write(settling, user, "POST", "/devices", **body)
    assert_problem(again, 409, "device-already-tracked")


def test_a_status_changed_without_an_answer_is_answered_as_changed(
    cognito: RunningCognito, settling: Service, user: SignedIn
) -> None:
    lose(cognito, "UpdateDeviceStatus", 1)
    answer = write(settling, user, "PATCH", "/devices/current", status="not_remembered")
    assert (answer.status_code, answer.json()["status"]) == (200, "not_remembered")


def test_a_status_changed_without_any_answer_is_told_to_be_perhaps_changed(
    cognito: RunningCognito, settling: Service, user: SignedIn
) -> None:
    lose(cognito, "UpdateDeviceStatus", FOR_GOOD)
    answer = write(settling, user, "PATCH", "/devices/current", status="not_remembered")
    told = assert_problem(answer, 502, "upstream-error")
    assert "may have changed already; repeating the call is safe" in told["detail"]


def test_a_device_forgotten_without_an_answer_is_answered_as_forgotten(
    cognito: RunningCognito, settling: Service, user: SignedIn
) -> None:
    gone = sign_in(cognito)
    lose(cognito, "ForgetDevice", 1)
    assert write(settling, user, "DELETE", f"/devices/{gone.device_key}").status_code == 204
    assert held(cognito) == {user.device_key}


def test_a_device_forgotten_without_any_answer_is_told_to_be_perhaps_forgotten(
    cognito: RunningCognito, settling: Service, user: SignedIn
) -> None:
    gone = sign_in(cognito)
    lose(cognito, "ForgetDevice", FOR_GOOD)
    answer = write(settling, user, "DELETE", f"/devices/{gone.device_key}")
    told = assert_problem(answer, 502, "upstream-error")
    assert "may have been forgotten already; repeating the call is safe" in told["detail"]
    heal(cognito)
    assert held(cognito) == {user.device_key}
    again = write(settling, user, "DELETE", f"/devices/{gone.device_key}")
    assert_problem(again, 404, "device-not-found")  # which says that it is done


def test_a_sign_out_without_an_answer_is_told_to_be_perhaps_done(
    cognito: RunningCognito, settling: Service, user: SignedIn
) -> None:
    lose(cognito, "GlobalSignOut", 1)
    answer = write(settling, user, "POST", "/devices/sign-out")
    told = assert_problem(answer, 401, "invalid-token")
    assert "may have been signed out already" in told["detail"]
    assert write(settling, user, "GET", "/devices").status_code == 401


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
