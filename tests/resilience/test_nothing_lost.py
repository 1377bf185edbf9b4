"""A write whose answer was lost: what the client is told, and what Cognito then holds.

An answer lost once is settled here where the repetition proves the write: the client sees success.
Else it sees a problem that says that the write may have been done, and whether it may be repeated.
"""

import base64
import math
import secrets
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests

from local_cognito.process import RunningCognito
from local_cognito.seed import CLIENT_ID, OPT_IN_CLIENT_ID, OPT_IN_POOL_ID, POOL_ID, REGION
from tests.raw_server import new_tls, raw_server
from tests.resilience.load import wrong_problem
from tests.servers import Service, serving, settings_for

USERNAME = "demo"
FOR_GOOD = None
DEADLINE = 3.2
NEVER_OPENS = {
    "BREAKER_FAILURES": "1000",
    "COGNITO_CONNECT_TIMEOUT": "0.3",
    "COGNITO_READ_TIMEOUT": "1",
    "COGNITO_DEADLINE": str(DEADLINE),
}


@pytest.fixture(scope="module")
def settling_service(cognito_server: RunningCognito) -> Iterator[Service]:
    """A service that tries on whatever happens, so that one write is looked at at a time."""
    with serving(settings_for(cognito_server) | NEVER_OPENS) as service:
        yield service


@pytest.fixture(scope="module")
def settling_opt_in_service(cognito_server: RunningCognito) -> Iterator[Service]:
    """The same, for a pool whose users choose which devices are remembered."""
    settings = settings_for(cognito_server, OPT_IN_POOL_ID, OPT_IN_CLIENT_ID)
    with serving(settings | NEVER_OPENS) as service:
        yield service


def sign_in(cognito: RunningCognito) -> dict[str, Any]:
    """From a device that is tracked and remembered."""
    answer: dict[str, Any] = cognito.control("POST", "/_local/sign-in", username=USERNAME)
    return answer


def new_device(cognito: RunningCognito, pool_id: str = POOL_ID) -> tuple[str, str]:
    """The token of a sign-in from a device not tracked yet, and the device's key."""
    made = cognito.control("POST", "/_local/tokens", username=USERNAME, pool=pool_id)
    return made["token"], made["claims"]["device_key"]


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


def held(cognito: RunningCognito, pool_id: str = POOL_ID) -> set[str]:
    """The remembered devices that Cognito's administrator sees."""
    answer = administrator(cognito).admin_list_devices(UserPoolId=pool_id, Username=USERNAME)
    remembered = {"Name": "dev:device_remembered_status", "Value": "remembered"}
    return {
        device["DeviceKey"]
        for device in answer["Devices"]
        if remembered in device["DeviceAttributes"]
    }


def call(
    service: Service, token: str, method: str, path: str, body: dict[str, Any] | None = None
) -> requests.Response:
    response = requests.request(
        method,
        service.url + path,
        json=body,
        headers={"Authorization": f"Bearer {token}", "X-Request-ID": "a-write"},
        timeout=15,
    )
    if not response.ok:
        assert wrong_problem(response, "a-write", path.partition("?")[0]) is None
    return response


def verifier() -> dict[str, str]:
    return {
        "passwordVerifier": base64.b64encode(secrets.token_bytes(380)).decode(),
        "salt": base64.b64encode(secrets.token_bytes(16)).decode(),
    }


def body_of(device_key: str, who_made_the_secret: str) -> dict[str, Any]:
    secret = (
        {"secretVerifier": verifier()}
        if who_made_the_secret == "client"
        else {"deviceGroupKey": "-abcdefgh"}
    )
    return {"deviceKey": device_key, "name": "Phone"} | secret


@pytest.mark.parametrize("who_made_the_secret", ["client", "service"])
@pytest.mark.parametrize("tracked_before", [False, True])
def test_a_device_that_is_tracked_after_a_lost_answer_may_be_so_by_another_call(
    cognito: RunningCognito,
    settling_service: Service,
    who_made_the_secret: str,
    tracked_before: bool,
) -> None:
    """With another secret, by which the next sign-in would fail. Nobody can tell the cases apart,
    but a client that repeats its own verifier."""
    token, device_key = new_device(cognito)
    if tracked_before:
        first = body_of(device_key, who_made_the_secret)
        assert call(settling_service, token, "POST", "/devices", first).status_code == 201
    lose(cognito, "ConfirmDevice", 1)
    body = body_of(device_key, who_made_the_secret)
    answer = call(settling_service, token, "POST", "/devices", body)
    assert answer.status_code == 409
    assert answer.json()["code"] == "device-already-tracked"
    assert "may be tracked already: repeat the call" in answer.json()["detail"]
    assert "devicePassword" not in answer.json()
    assert held(cognito) == {device_key}
    path = f"/devices/{device_key}"
    assert call(settling_service, token, "DELETE", path).status_code == 204
    assert held(cognito) == set()


def test_whether_the_user_must_still_opt_in_is_seen_after_a_lost_answer(
    cognito: RunningCognito, settling_opt_in_service: Service
) -> None:
    token, device_key = new_device(cognito, OPT_IN_POOL_ID)
    lose(cognito, "ConfirmDevice", 1)
    body = body_of(device_key, "client")
    assert call(settling_opt_in_service, token, "POST", "/devices", body).status_code == 409
    assert call(settling_opt_in_service, token, "GET", "/devices/current").status_code == 404
    chosen = call(
        settling_opt_in_service, token, "PATCH", "/devices/current", {"status": "remembered"}
    )
    assert chosen.status_code == 200
    assert call(settling_opt_in_service, token, "GET", "/devices/current").status_code == 200
    assert held(cognito, OPT_IN_POOL_ID) == {device_key}


@pytest.mark.parametrize("who_made_the_secret", ["client", "service"])
def test_a_device_tracked_without_any_answer_is_told_to_be_perhaps_tracked(
    cognito: RunningCognito, settling_service: Service, who_made_the_secret: str
) -> None:
    token, device_key = new_device(cognito)
    lose(cognito, "ConfirmDevice", FOR_GOOD)
    body = body_of(device_key, who_made_the_secret)
    answer = call(settling_service, token, "POST", "/devices", body)
    assert answer.status_code == 502
    assert answer.json()["code"] == "upstream-error"
    assert "may be tracked already: repeat the call" in answer.json()["detail"]
    heal(cognito)
    assert held(cognito) == {device_key}
    repeated = call(settling_service, token, "POST", "/devices", body)
    assert repeated.status_code == 409
    assert repeated.json()["code"] == "device-already-tracked"


def test_a_status_changed_without_an_answer_is_answered_as_changed(
    cognito: RunningCognito, settling_service: Service
) -> None:
    signed_in = sign_in(cognito)
    lose(cognito, "UpdateDeviceStatus", 1)
    answer = call(
        settling_service,
        signed_in["access_token"],
        "PATCH",
        "/devices/current",
        {"status": "not_remembered"},
    )
    assert answer.status_code == 200
    assert answer.json()["status"] == "not_remembered"
    assert held(cognito) == set()


def test_a_status_changed_without_any_answer_is_told_to_be_perhaps_changed(
    cognito: RunningCognito, settling_service: Service
) -> None:
    signed_in = sign_in(cognito)
    change = (signed_in["access_token"], "PATCH", "/devices/current")
    lose(cognito, "UpdateDeviceStatus", FOR_GOOD)
    answer = call(settling_service, *change, {"status": "not_remembered"})
    assert answer.status_code == 502
    assert "may have changed already; repeating the call is safe" in answer.json()["detail"]
    heal(cognito)
    assert held(cognito) == set()
    assert call(settling_service, *change, {"status": "not_remembered"}).status_code == 200
    assert call(settling_service, *change, {"status": "remembered"}).status_code == 200
    assert held(cognito) == {signed_in["device_key"]}


def test_a_device_forgotten_without_an_answer_is_answered_as_forgotten(
    cognito: RunningCognito, settling_service: Service
) -> None:
    kept, gone = sign_in(cognito), sign_in(cognito)
    lose(cognito, "ForgetDevice", 1)
    answer = call(
        settling_service, kept["access_token"], "DELETE", f"/devices/{gone['device_key']}"
    )
    assert answer.status_code == 204
    assert held(cognito) == {kept["device_key"]}


def test_a_device_forgotten_after_every_answer_was_lost_is_told_to_be_perhaps_forgotten(
    cognito: RunningCognito, settling_service: Service
) -> None:
    kept, gone = sign_in(cognito), sign_in(cognito)
    forget = (kept["access_token"], "DELETE", f"/devices/{gone['device_key']}")
    lose(cognito, "ForgetDevice", FOR_GOOD)
    answer = call(settling_service, *forget)
    assert answer.status_code == 502
    assert (
        "may have been forgotten already; repeating the call is safe" in (answer.json()["detail"])
    )
    heal(cognito)
    assert held(cognito) == {kept["device_key"]}
    assert call(settling_service, *forget).status_code == 404  # which says that it is done


def test_a_sign_out_without_an_answer_is_told_to_be_perhaps_done(
    cognito: RunningCognito, settling_service: Service
) -> None:
    token = sign_in(cognito)["access_token"]
    lose(cognito, "GlobalSignOut", 1)
    answer = call(settling_service, token, "POST", "/devices/sign-out")
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid-token")
    assert "may have been signed out already" in answer.json()["detail"]
    assert call(settling_service, token, "GET", "/devices").status_code == 401


def test_nobody_is_told_to_be_signed_out_by_a_token_that_had_ended_before(
    cognito: RunningCognito, settling_service: Service
) -> None:
    ended, other = sign_in(cognito), sign_in(cognito)
    administrator(cognito).revoke_token(Token=ended["refresh_token"], ClientId=CLIENT_ID)
    cognito.control("POST", "/_local/faults", operation="GlobalSignOut", fault="internal_error")
    answer = call(settling_service, ended["access_token"], "POST", "/devices/sign-out")
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid-token")
    assert call(settling_service, other["access_token"], "GET", "/devices").status_code == 200


def test_a_sign_out_without_any_answer_is_told_to_be_perhaps_done(
    cognito: RunningCognito, settling_service: Service
) -> None:
    token = sign_in(cognito)["access_token"]
    lose(cognito, "GlobalSignOut", FOR_GOOD)
    answer = call(settling_service, token, "POST", "/devices/sign-out")
    assert answer.status_code == 502
    assert (
        "may have been signed out already; repeating the call is safe" in (answer.json()["detail"])
    )
    heal(cognito)
    assert call(settling_service, token, "POST", "/devices/sign-out").status_code == 401
    assert call(settling_service, token, "GET", "/devices").status_code == 401


def test_forgetting_many_settles_each_lost_answer(
    cognito: RunningCognito, settling_service: Service
) -> None:
    others = {sign_in(cognito)["device_key"] for _ in range(3)}
    current = sign_in(cognito)
    lose(cognito, "ForgetDevice", 1)
    answer = call(settling_service, current["access_token"], "DELETE", "/devices?scope=others")
    assert answer.status_code == 200
    assert set(answer.json()["forgotten"]) == others
    assert answer.json()["failed"] == []
    assert held(cognito) == {current["device_key"]}


def test_forgetting_many_tells_of_each_device_whose_answer_never_came(
    cognito: RunningCognito, settling_service: Service
) -> None:
    others = {sign_in(cognito)["device_key"] for _ in range(3)}
    current = sign_in(cognito)
    forget_others = (current["access_token"], "DELETE", "/devices?scope=others")
    lose(cognito, "ForgetDevice", FOR_GOOD)
    answer = call(settling_service, *forget_others)
    assert answer.status_code == 200
    assert answer.json()["forgotten"] == []
    assert {failure["id"] for failure in answer.json()["failed"]} == others
    for failure in answer.json()["failed"]:
        assert failure["problem"]["code"] == "upstream-error"
        assert "repeating the call is safe" in failure["problem"]["detail"]
    heal(cognito)
    assert held(cognito) == {current["device_key"]}
    assert call(settling_service, *forget_others).json() == {"forgotten": [], "failed": []}


def test_a_write_that_meets_an_open_breaker_after_a_lost_answer_says_so(
    cognito: RunningCognito,
) -> None:
    """It must not say that nothing was changed, as it does to calls that were never sent."""
    signed_in = sign_in(cognito)
    settings = settings_for(cognito) | {"BREAKER_FAILURES": "1", "WORKERS": "1"}
    with serving(settings) as service:
        lose(cognito, "ForgetDevice", 1)
        answer = call(service, signed_in["access_token"], "DELETE", "/devices/current")
        assert answer.status_code == 503
        assert "may have been forgotten already" in answer.json()["detail"]
        assert "Nothing was changed" not in answer.json()["detail"]
        assert held(cognito) == set()
        never_sent = call(service, signed_in["access_token"], "DELETE", "/devices/current")
        assert never_sent.status_code == 503
        assert "Nothing was changed" in never_sent.json()["detail"]


def test_a_device_is_not_called_tracked_on_an_answer_of_the_wrong_shape(
    cognito: RunningCognito, settling_service: Service
) -> None:
    token, device_key = new_device(cognito)
    cognito.control(
        "POST", "/_local/faults", operation="ConfirmDevice", fault="wrong_shape", times=None
    )
    answer = call(settling_service, token, "POST", "/devices", body_of(device_key, "client"))
    assert answer.status_code == 502
    assert "may be tracked already" in answer.json()["detail"]
    assert held(cognito) == set()


Spoil = Callable[[float], None]


@pytest.fixture
def over_tls(cognito: RunningCognito, tmp_path: Path) -> Iterator[tuple[Service, Spoil]]:
    """A service whose Cognito speaks TLS, and what spoils the next so many of its answers."""
    tls, left = new_tls(tmp_path), 0.0

    def spoil(answers: float) -> None:
        nonlocal left
        left = answers

    def play(connection: socket.socket) -> None:
        nonlocal left
        answer = requests.post(
            cognito.url,
            upstream.bodies[-1],
            headers={name: upstream.heads[-1][name] for name in ("X-Amz-Target", "Content-Type")},
            timeout=5,
        )
        if left > 0:
            left -= 1
            socket.socket.sendall(connection, b"past the encryption")
            raise ConnectionAbortedError
        head = f"HTTP/1.1 {answer.status_code} OK\r\nContent-Length: {len(answer.content)}\r\n\r\n"
        connection.sendall(head.encode() + answer.content)

    with raw_server(tls.server) as upstream:
        upstream.script = play
        settings = settings_for(cognito) | NEVER_OPENS | tls.trust
        with serving(settings | {"COGNITO_ENDPOINT_URL": upstream.url}) as service:
            yield service, spoil


def test_a_device_forgotten_as_tls_broke_is_answered_as_forgotten(
    cognito: RunningCognito, over_tls: tuple[Service, Spoil]
) -> None:
    (service, spoil), signed_in = over_tls, sign_in(cognito)
    spoil(1)
    answer = call(service, signed_in["access_token"], "DELETE", "/devices/current")
    assert answer.status_code == 204
    assert held(cognito) == set()


def test_a_sign_out_during_which_tls_broke_is_told_to_be_perhaps_done(
    cognito: RunningCognito, over_tls: tuple[Service, Spoil]
) -> None:
    (service, spoil), token = over_tls, sign_in(cognito)["access_token"]
    spoil(math.inf)
    answer = call(service, token, "POST", "/devices/sign-out")
    assert answer.status_code == 502
    assert "may have been signed out already" in answer.json()["detail"]
    spoil(0)
    assert call(service, token, "GET", "/devices").status_code == 401
