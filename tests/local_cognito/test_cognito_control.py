"""`/_local/*`: every fault kind as a client meets it, keys, tokens, users, sign-ins, counts."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection, IncompleteRead, RemoteDisconnected
from typing import Any
from urllib.parse import urlsplit

import pyotp
import pytest
import requests
from joserfc import jwt
from joserfc.jwk import KeySet

from local_cognito import seed
from local_cognito.process import ControlError, RunningCognito, running

POOL_JWKS = f"/{seed.POOL_ID}/.well-known/jwks.json"
SignedIn = dict[str, Any]


@pytest.fixture
def device(cognito: RunningCognito) -> SignedIn:
    signed_in: SignedIn = cognito.control("POST", "/_local/sign-in", device_name="Phone")
    return signed_in


@pytest.fixture
def fault(cognito: RunningCognito) -> Callable[..., dict[str, Any]]:
    def go(operation: str, kind: str, **fields: Any) -> dict[str, Any]:
        body = {"operation": operation, "fault": kind, **fields}
        answer: dict[str, Any] = cognito.control("POST", "/_local/faults", **body)
        return answer

    return go


@pytest.fixture
def raw(cognito: RunningCognito) -> Iterator[HTTPConnection]:
    address = urlsplit(cognito.url)
    connection = HTTPConnection(address.hostname or "", address.port, timeout=5)
    yield connection
    connection.close()


def send(raw: HTTPConnection, operation: str, **body: Any) -> None:
    headers = {
        "X-Amz-Target": f"AWSCognitoIdentityProviderService.{operation}",
        "Content-Type": "application/x-amz-json-1.1",
    }
    raw.request("POST", "/", json.dumps(body), headers)


def is_forgotten(cognito: RunningCognito, idp: Any, device: SignedIn) -> bool:
    listed = idp.list_devices(AccessToken=device["access_token"])["Devices"]
    return device["device_key"] not in [one["DeviceKey"] for one in listed]


def of(device: SignedIn) -> dict[str, str]:
    return {"AccessToken": device["access_token"], "DeviceKey": device["device_key"]}


# Faults


def test_throttle_answers_too_many_requests(
    idp: Any, device: SignedIn, fault: Callable[..., Any], refused: Callable[..., str]
) -> None:
    fault("ListDevices", "throttle")
    error = refused(idp.list_devices, AccessToken=device["access_token"])
    assert error == "TooManyRequestsException: Rate exceeded"


def test_error_answers_what_it_is_told(
    idp: Any, device: SignedIn, fault: Callable[..., Any], refused: Callable[..., str]
) -> None:
    fault("GetDevice", "error", type="ForbiddenException", message="Blocked by WAF", status=403)
    assert refused(idp.get_device, **of(device)) == "ForbiddenException: Blocked by WAF"


def test_internal_error_is_http_500(
    device: SignedIn, fault: Callable[..., Any], raw: HTTPConnection
) -> None:
    fault("ListDevices", "internal_error")
    send(raw, "ListDevices", AccessToken=device["access_token"])
    response = raw.getresponse()
    assert response.status == 500
    assert json.loads(response.read())["__type"] == "InternalErrorException"


def test_delay_waits_and_then_answers(
    idp: Any, device: SignedIn, fault: Callable[..., Any]
) -> None:
    fault("ListDevices", "delay", seconds=0.3)
    began = time.monotonic()
    assert idp.list_devices(AccessToken=device["access_token"])["Devices"]
    assert time.monotonic() - began >= 0.3


def test_hang_waits_and_then_closes(
    device: SignedIn, fault: Callable[..., Any], raw: HTTPConnection
) -> None:
    fault("ListDevices", "hang", seconds=0.3)
    began = time.monotonic()
    send(raw, "ListDevices", AccessToken=device["access_token"])
    with pytest.raises(RemoteDisconnected):
        raw.getresponse()
    assert time.monotonic() - began >= 0.3


def test_drop_closes_before_the_operation(
    cognito: RunningCognito,
    idp: Any,
    device: SignedIn,
    fault: Callable[..., Any],
    raw: HTTPConnection,
) -> None:
    fault("ForgetDevice", "drop")
    send(raw, "ForgetDevice", **of(device))
    with pytest.raises(RemoteDisconnected):
        raw.getresponse()
    assert not is_forgotten(cognito, idp, device)


def test_lose_answer_closes_after_the_operation(
    cognito: RunningCognito,
    idp: Any,
    device: SignedIn,
    fault: Callable[..., Any],
    raw: HTTPConnection,
) -> None:
    fault("ForgetDevice", "lose_answer")
    send(raw, "ForgetDevice", **of(device))
    with pytest.raises(RemoteDisconnected):
        raw.getresponse()
    assert is_forgotten(cognito, idp, device)


def test_reset_breaks_off_in_the_answer(
    device: SignedIn, fault: Callable[..., Any], raw: HTTPConnection
) -> None:
    fault("ListDevices", "reset")
    send(raw, "ListDevices", AccessToken=device["access_token"])
    with pytest.raises((ConnectionResetError, IncompleteRead)):
        raw.getresponse().read()


def test_truncate_cuts_the_json_and_not_the_http(
    device: SignedIn, fault: Callable[..., Any], raw: HTTPConnection
) -> None:
    fault("ListDevices", "truncate")
    send(raw, "ListDevices", AccessToken=device["access_token"])
    response = raw.getresponse()
    body = response.read()
    assert (response.status, len(body)) == (200, int(response.headers["Content-Length"]))
    assert body.startswith(b'{"Devices"')
    with pytest.raises(ValueError, match=r"\w"):
        json.loads(body)


@pytest.mark.parametrize(
    ("kind", "content_type", "start"),
    [
        ("html", "text/html; charset=utf-8", b"<!doctype html>"),
        ("empty", "application/x-amz-json-1.1", b""),
        ("wrong_shape", "application/x-amz-json-1.1", b'{"Device": "not a device"'),
    ],
)
def test_nonsense_comes_with_status_200(
    device: SignedIn,
    fault: Callable[..., Any],
    raw: HTTPConnection,
    kind: str,
    content_type: str,
    start: bytes,
) -> None:
    fault("ListDevices", kind)
    send(raw, "ListDevices", AccessToken=device["access_token"])
    response = raw.getresponse()
    assert (response.status, response.headers["Content-Type"]) == (200, content_type)
    body = response.read()
    assert body.startswith(start)
    assert bool(body) is bool(start)


def test_wrong_shape_takes_a_shape(
    device: SignedIn, fault: Callable[..., Any], raw: HTTPConnection
) -> None:
    fault("ListDevices", "wrong_shape", body=["not", "an", "object"])
    send(raw, "ListDevices", AccessToken=device["access_token"])
    assert json.loads(raw.getresponse().read()) == ["not", "an", "object"]


def test_huge_is_five_mebibytes_of_the_true_answer(
    device: SignedIn, fault: Callable[..., Any], raw: HTTPConnection
) -> None:
    fault("ListDevices", "huge")
    send(raw, "ListDevices", AccessToken=device["access_token"])
    body = raw.getresponse().read()
    assert len(body) > 5 * 1024 * 1024
    assert json.loads(body)["Devices"][0]["DeviceKey"] == device["device_key"]


@pytest.mark.parametrize("kind", ["html", "empty", "wrong_shape", "throttle", "internal_error"])
def test_an_answer_that_is_made_up_does_nothing(
    cognito: RunningCognito,
    idp: Any,
    device: SignedIn,
    fault: Callable[..., Any],
    raw: HTTPConnection,
    kind: str,
) -> None:
    fault("ForgetDevice", kind)
    send(raw, "ForgetDevice", **of(device))
    raw.getresponse().read()
    assert not is_forgotten(cognito, idp, device)


def test_a_fault_strikes_as_often_as_it_is_told(
    idp: Any, device: SignedIn, fault: Callable[..., Any], refused: Callable[..., str]
) -> None:
    fault("ListDevices", "throttle", times=2)
    for _ in range(2):
        assert refused(idp.list_devices, AccessToken=device["access_token"])
    assert idp.list_devices(AccessToken=device["access_token"])["Devices"]


def test_a_fault_without_end_strikes_until_cleared(
    cognito: RunningCognito,
    idp: Any,
    device: SignedIn,
    fault: Callable[..., Any],
    refused: Callable[..., str],
) -> None:
    fault("ListDevices", "throttle", times=None)
    for _ in range(4):
        assert refused(idp.list_devices, AccessToken=device["access_token"])
    cognito.control("DELETE", "/_local/faults")
    assert idp.list_devices(AccessToken=device["access_token"])["Devices"]


def test_a_star_is_every_operation_and_not_the_key_set(
    cognito: RunningCognito,
    idp: Any,
    device: SignedIn,
    fault: Callable[..., Any],
    refused: Callable[..., str],
) -> None:
    fault("*", "throttle", times=None)
    assert refused(idp.list_devices, AccessToken=device["access_token"])
    assert refused(idp.get_device, **of(device))
    assert requests.get(cognito.url + POOL_JWKS, timeout=5).status_code == 200


def test_another_operation_is_left_alone(
    idp: Any, device: SignedIn, fault: Callable[..., Any]
) -> None:
    fault("ListDevices", "throttle")
    assert idp.get_device(**of(device))["Device"]


def test_the_key_set_misbehaves_too(cognito: RunningCognito, fault: Callable[..., Any]) -> None:
    fault("jwks", "internal_error")
    fault("jwks", "drop")
    assert requests.get(cognito.url + POOL_JWKS, timeout=5).status_code == 500
    with pytest.raises(requests.ConnectionError):
        requests.get(cognito.url + POOL_JWKS, timeout=5)
    assert requests.get(cognito.url + POOL_JWKS, timeout=5).status_code == 200


def test_faults_are_shown_with_what_is_left_of_them(
    cognito: RunningCognito,
    idp: Any,
    device: SignedIn,
    fault: Callable[..., Any],
    refused: Callable[..., str],
) -> None:
    fault("ListDevices", "throttle", times=3)
    fault("jwks", "delay", seconds=2, times=None)
    refused(idp.list_devices, AccessToken=device["access_token"])
    assert cognito.control("GET", "/_local/faults")["faults"] == [
        {"operation": "ListDevices", "fault": "throttle", "times": 2},
        {"operation": "jwks", "fault": "delay", "times": None, "seconds": 2},
    ]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"fault": "drop"}, "'operation' is required"),
        ({"operation": "*"}, "'fault' is required"),
        ({"operation": "*", "fault": "explode"}, "'fault' must be one of"),
        ({"operation": "Nope", "fault": "drop"}, "'Nope' is neither"),
        ({"operation": "*", "fault": "drop", "times": 0}, "'times' must be from 1"),
        ({"operation": "*", "fault": "drop", "times": "1"}, "'times' has the wrong type"),
        ({"operation": "*", "fault": "drop", "seconds": 1}, "Unknown member 'seconds'"),
        ({"operation": "*", "fault": "hang", "seconds": 1e9}, "'seconds' must be from 0"),
        ({"operation": "*", "fault": "error"}, "'type' is required"),
        ({"operation": "*", "fault": "error", "type": "X", "status": 200}, "'status' must be"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(
    cognito: RunningCognito, body: dict[str, Any], message: str
) -> None:
    with pytest.raises(ControlError, match=message):
        cognito.control("POST", "/_local/faults", **body)


def test_many_clients_at_once_do_not_cross(cognito: RunningCognito, idp: Any) -> None:
    """Each thread sees its own user's devices, while others come and go."""
    for number in range(8):
        cognito.control("POST", "/_local/users", username=f"user{number}", password="Passw0rd!")
    wrong: list[str] = []

    def live(username: str) -> None:
        for _ in range(5):
            mine = cognito.control("POST", "/_local/sign-in", username=username)
            listed = idp.list_devices(AccessToken=mine["access_token"])["Devices"]
            if [one["DeviceKey"] for one in listed] != [mine["device_key"]]:
                wrong.append(username)
            idp.forget_device(**of(mine))

    threads = [threading.Thread(target=live, args=(f"user{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


# Keys, tokens


def key_ids(cognito: RunningCognito) -> list[str]:
    keys = requests.get(cognito.url + POOL_JWKS, timeout=5).json()["keys"]
    return [key["kid"] for key in keys]


def test_a_pool_publishes_two_keys_as_cognito_does(cognito: RunningCognito) -> None:
    keys = requests.get(cognito.url + POOL_JWKS, timeout=5).json()["keys"]
    assert len(keys) == 2
    for key in keys:
        assert set(key) == {"alg", "e", "kid", "kty", "n", "use"}
        assert (key["alg"], key["kty"], key["use"]) == ("RS256", "RSA", "sig")


def test_tokens_verify_with_the_published_keys(cognito: RunningCognito, device: SignedIn) -> None:
    keys = KeySet.import_key_set(requests.get(cognito.url + POOL_JWKS, timeout=5).json())
    for token in (device["access_token"], device["id_token"]):
        assert jwt.decode(token, keys, algorithms=["RS256"]).claims["iss"].endswith(seed.POOL_ID)


def test_each_pool_has_keys_of_its_own(cognito: RunningCognito) -> None:
    other = requests.get(cognito.jwks_url(seed.OPT_IN_POOL_ID), timeout=5).json()["keys"]
    assert not {key["kid"] for key in other} & set(key_ids(cognito))


def test_a_pool_that_is_not_there_has_no_keys(cognito: RunningCognito) -> None:
    assert requests.get(cognito.jwks_url("us-east-1_Nobody"), timeout=5).status_code == 400


def test_a_rotation_brings_a_new_key_and_keeps_the_old_one_once_more(
    cognito: RunningCognito, idp: Any, device: SignedIn, refused: Callable[..., str]
) -> None:
    signed_with = key_ids(cognito)[0]
    rotated = cognito.control("POST", "/_local/rotate-keys")["keys"][seed.POOL_ID]
    assert rotated == key_ids(cognito)
    assert rotated[1] == signed_with
    idp.list_devices(AccessToken=device["access_token"])
    cognito.control("POST", "/_local/rotate-keys", pool=seed.POOL_ID)
    assert signed_with not in key_ids(cognito)
    error = refused(idp.list_devices, AccessToken=device["access_token"])
    assert error == "NotAuthorizedException: Invalid Access Token"


def test_a_token_after_a_rotation_is_signed_by_the_new_key(cognito: RunningCognito) -> None:
    new = cognito.control("POST", "/_local/rotate-keys")["keys"][seed.POOL_ID][0]
    token = cognito.control("POST", "/_local/tokens")["token"]
    keys = KeySet.import_key_set(requests.get(cognito.url + POOL_JWKS, timeout=5).json())
    assert jwt.decode(token, keys, algorithms=["RS256"]).header["kid"] == new


def test_a_made_token_is_a_true_one(cognito: RunningCognito, idp: Any) -> None:
    made = cognito.control("POST", "/_local/tokens")
    assert made["claims"]["username"] == seed.DEMO_USERNAME
    assert made["claims"]["device_key"].startswith("us-east-1_")
    assert idp.list_devices(AccessToken=made["token"])["Devices"] == []


def test_a_made_token_takes_and_drops_claims(cognito: RunningCognito) -> None:
    made = cognito.control(
        "POST", "/_local/tokens", claims={"device_key": None, "extra": [1]}, username="demo2"
    )
    assert "device_key" not in made["claims"]
    assert (made["claims"]["extra"], made["claims"]["username"]) == ([1], "demo2")


# Users, sign-ins


def test_a_made_user_signs_in_and_is_asked_for_totp(cognito: RunningCognito, idp: Any) -> None:
    made = cognito.control("POST", "/_local/users", username="ada", password="Passw0rd!", totp=True)
    asked = idp.initiate_auth(
        AuthFlow="USER_PASSWORD_AUTH",
        ClientId=seed.CLIENT_ID,
        AuthParameters={"USERNAME": "ada", "PASSWORD": "Passw0rd!"},
    )
    done = idp.respond_to_auth_challenge(
        ClientId=seed.CLIENT_ID,
        ChallengeName=asked["ChallengeName"],
        Session=asked["Session"],
        ChallengeResponses={
            "USERNAME": "ada",
            "SOFTWARE_TOKEN_MFA_CODE": pyotp.TOTP(made["totp_secret"]).now(),
        },
    )
    assert "AccessToken" in done["AuthenticationResult"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"username": "ada"}, "'password' is required"),
        ({"username": "demo", "password": "Passw0rd!"}, "UsernameExistsException"),
        ({"username": "ada", "password": "weak"}, "InvalidPasswordException"),
        ({"username": "ada", "password": "Passw0rd!", "pool": "x"}, "ResourceNotFoundException"),
    ],
)
def test_a_user_that_makes_no_sense_is_refused(
    cognito: RunningCognito, body: dict[str, Any], message: str
) -> None:
    with pytest.raises(ControlError, match=message):
        cognito.control("POST", "/_local/users", **body)


def test_a_made_sign_in_can_sign_in_again_with_its_device(
    device: SignedIn, sign_in: Callable[..., Any]
) -> None:
    again = sign_in(
        device_key=device["device_key"],
        device_group_key=device["device_group_key"],
        device_password=device["device_password"],
    )
    assert not again.totp_asked


def test_many_sign_ins_are_as_many_devices(cognito: RunningCognito, idp: Any) -> None:
    made = cognito.control("POST", "/_local/sign-in", count=3, device_name="Lab")["sign_ins"]
    listed = idp.list_devices(AccessToken=made[0]["access_token"])["Devices"]
    assert [one["DeviceKey"] for one in listed] == [one["device_key"] for one in made]


def test_a_sign_in_on_an_opt_in_pool_is_remembered_too(cognito: RunningCognito, idp: Any) -> None:
    made = cognito.control("POST", "/_local/sign-in", pool=seed.OPT_IN_POOL_ID)
    assert idp.get_device(**of(made))["Device"]["DeviceKey"] == made["device_key"]


def test_a_sign_in_for_the_other_client_is_its(cognito: RunningCognito) -> None:
    made = cognito.control("POST", "/_local/tokens", client_id=seed.OTHER_CLIENT_ID)
    assert made["claims"]["client_id"] == seed.OTHER_CLIENT_ID


# Calls, reset, and the rest


def test_calls_are_counted_by_operation(
    cognito: RunningCognito, idp: Any, device: SignedIn, refused: Callable[..., str]
) -> None:
    idp.list_devices(AccessToken=device["access_token"])
    refused(idp.list_devices, AccessToken="x")
    requests.get(cognito.url + POOL_JWKS, timeout=5)
    assert cognito.control("GET", "/_local/calls") == {"ListDevices": 2, "jwks": 1}


def test_counts_are_zeroed(cognito: RunningCognito, idp: Any, device: SignedIn) -> None:
    idp.list_devices(AccessToken=device["access_token"])
    assert cognito.control("DELETE", "/_local/calls") == {}
    assert cognito.control("GET", "/_local/calls") == {}


def test_a_reset_goes_back_to_the_seed(
    cognito: RunningCognito,
    idp: Any,
    device: SignedIn,
    fault: Callable[..., Any],
    refused: Callable[..., str],
) -> None:
    sub = idp.get_user(AccessToken=device["access_token"])["UserAttributes"][0]["Value"]
    keys = key_ids(cognito)
    cognito.control("POST", "/_local/users", username="ada", password="Passw0rd!")
    fault("ListDevices", "throttle")
    cognito.control("POST", "/_local/reset")
    error = refused(idp.list_devices, AccessToken=device["access_token"])
    assert error == "NotAuthorizedException: Access Token has been revoked"
    made = cognito.control("POST", "/_local/tokens")
    assert made["claims"]["sub"] == sub
    assert idp.list_devices(AccessToken=made["token"])["Devices"] == []
    assert key_ids(cognito) == keys
    users = idp.list_users(UserPoolId=seed.POOL_ID)["Users"]
    assert {user["Username"] for user in users} == {"demo", "demo2"}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/_local/nothing", 404), ("GET", "/_local/reset", 405), ("PUT", "/_local/calls", 405)],
)
def test_a_wrong_address_or_method_is_told(
    cognito: RunningCognito, method: str, path: str, status: int
) -> None:
    response = requests.request(method, cognito.url + path, timeout=5)
    assert response.status_code == status
    assert "error" in response.json()


@pytest.mark.parametrize("body", [b"{", b"[]"])
def test_a_body_that_is_no_object_is_refused(cognito: RunningCognito, body: bytes) -> None:
    response = requests.post(cognito.url + "/_local/sign-in", data=body, timeout=5)
    assert response.status_code == 400


def test_a_server_of_ones_own_starts_and_stops() -> None:
    with running() as mine:
        assert mine.control("GET", "/_local/calls") == {}
    with pytest.raises(OSError, match="refused"):
        mine.control("GET", "/_local/calls")


def test_ctrl_c_among_new_connections_ends_it_quietly() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "local_cognito", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    port = int(process.stdout.readline().rpartition(":")[2])
    connections = [socket.create_connection(("127.0.0.1", port)) for _ in range(100)]
    # A terminal sends it to every process of the group at once.
    os.killpg(process.pid, signal.SIGINT)
    rest, _ = process.communicate(timeout=20)
    for connection in connections:
        connection.close()
    assert (process.returncode, rest) == (0, "")
