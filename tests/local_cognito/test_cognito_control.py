"""`/_local/*`: every fault kind as a client meets it, keys, tokens, users, sign-ins, counts."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlsplit

import pyotp
import pytest
import requests
from joserfc import jwt
from joserfc.jwk import KeySet

from local_cognito import seed
from local_cognito.process import ControlError
from tests.local_cognito.clients import Aws, claims_of, of

Call = Callable[..., tuple[int, bytes]]
AWS_JSON = "application/x-amz-json-1.1"


def set_fault(aws: Aws, operation: str, kind: str, **fields: Any) -> None:
    aws.control("POST", "/_local/faults", operation=operation, fault=kind, **fields)


@pytest.fixture
def call(aws: Aws) -> Iterator[Call]:
    """Calls an operation over one bare connection: status and body."""
    address = urlsplit(aws.url)
    connection = HTTPConnection(address.hostname or "", address.port, timeout=5)

    def go(operation: str, **body: Any) -> tuple[int, bytes]:
        target = f"AWSCognitoIdentityProviderService.{operation}"
        headers = {"X-Amz-Target": target, "Content-Type": AWS_JSON}
        connection.request("POST", "/", json.dumps(body), headers)
        response = connection.getresponse()
        return response.status, response.read()

    yield go
    connection.close()


def is_forgotten(aws: Aws, device: dict[str, Any]) -> bool:
    return device["device_key"] not in aws.devices(device["access_token"])


# Faults


@pytest.mark.parametrize(
    ("kind", "fields", "status", "start"),
    [
        ("throttle", {}, 400, b'{"__type": "TooManyRequestsException"'),
        ("error", {"type": "ForbiddenException", "status": 403}, 403, b'{"__type": "Forbidden'),
        ("internal_error", {}, 500, b'{"__type": "InternalErrorException"'),
        ("html", {}, 200, b"<!doctype html>"),
        ("empty", {}, 200, b""),
        ("wrong_shape", {}, 200, b'{"Device": "not a device"'),
        ("wrong_shape", {"body": ["not", "an", "object"]}, 200, b'["not", "an", "object"]'),
    ],
)
def test_an_answer_that_is_made_up_does_nothing(
    aws: Aws, device: Any, call: Call, kind: str, fields: Any, status: int, start: bytes
) -> None:
    set_fault(aws, "ForgetDevice", kind, **fields)
    answer = call("ForgetDevice", **of(device))
    assert (answer[0], answer[1][: len(start)], bool(answer[1])) == (status, start, bool(start))
    assert not is_forgotten(aws, device)


@pytest.mark.parametrize(
    ("kind", "done"), [("drop", False), ("hang", False), ("lose_answer", True), ("reset", True)]
)
def test_a_connection_that_ends_early_does_or_does_not(
    aws: Aws, device: Any, call: Call, kind: str, done: bool
) -> None:
    set_fault(aws, "ForgetDevice", kind, **({"seconds": 0} if kind == "hang" else {}))
    with pytest.raises((HTTPException, ConnectionError)):
        call("ForgetDevice", **of(device))
    assert is_forgotten(aws, device) is done


def test_truncate_cuts_the_json_as_often_as_told_and_what_is_left_is_shown(
    aws: Aws, device: Any, call: Call
) -> None:
    set_fault(aws, "ListDevices", "truncate", times=2)
    set_fault(aws, "jwks", "delay", seconds=2, times=None)
    for left in (1, 0):
        assert aws.idp.get_device(**of(device))["Device"], "another operation"
        status, body = call("ListDevices", AccessToken=device["access_token"])
        assert (status, body.startswith(b'{"Devices"')) == (200, True)
        with pytest.raises(ValueError, match=r"\w"):
            json.loads(body)
        of_list = {"operation": "ListDevices", "fault": "truncate", "times": left}
        assert aws.control("GET", "/_local/faults")["faults"] == [
            *([of_list] if left else []),
            {"operation": "jwks", "fault": "delay", "times": None, "seconds": 2},
        ]
    assert aws.devices(device["access_token"])


def test_huge_is_five_mebibytes_more_of_the_true_answer(aws: Aws, device: Any, call: Call) -> None:
    set_fault(aws, "ListDevices", "huge")
    _, body = call("ListDevices", AccessToken=device["access_token"])
    assert len(body) > 5 * 1024 * 1024
    assert json.loads(body)["Devices"][0]["DeviceKey"] == device["device_key"]


def test_a_fault_without_end_strikes_every_operation_until_cleared(aws: Aws, device: Any) -> None:
    set_fault(aws, "*", "throttle", times=None)
    for _ in range(4):
        assert aws.refused(aws.idp.get_device, **of(device))
    assert requests.get(aws.jwks_url(seed.POOL_ID), timeout=5).status_code == 200
    aws.control("DELETE", "/_local/faults")
    assert aws.idp.get_device(**of(device))["Device"]


def test_the_key_set_misbehaves_too_and_faults_strike_in_order(aws: Aws) -> None:
    url = aws.jwks_url(seed.POOL_ID)
    set_fault(aws, "jwks", "internal_error")
    set_fault(aws, "jwks", "drop")
    assert requests.get(url, timeout=5).status_code == 500
    with pytest.raises(requests.ConnectionError):
        requests.get(url, timeout=5)
    assert requests.get(url, timeout=5).status_code == 200


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("faults", {"fault": "drop"}, "'operation' is required"),
        ("faults", {"operation": "*", "fault": "explode"}, "'fault' must be one of"),
        ("faults", {"operation": "Nope", "fault": "drop"}, "'Nope' is neither"),
        ("faults", {"operation": "*", "fault": "drop", "times": 0}, "'times' must be from 1"),
        ("faults", {"operation": "*", "fault": "drop", "times": "1"}, "'times' has the wrong type"),
        ("faults", {"operation": "*", "fault": "drop", "seconds": 1}, "Unknown member 'seconds'"),
        ("faults", {"operation": "*", "fault": "error"}, "'type' is required"),
        ("users", {"username": "ada"}, "'password' is required"),
        ("users", {"username": "demo", "password": "Passw0rd!"}, "UsernameExistsException"),
        ("users", {"username": "ada", "password": "weak"}, "InvalidPasswordException"),
        ("sign-in", {"pool": "x"}, "ResourceNotFoundException"),
        ("sign-in", {"client_id": "x"}, "is not a client of"),
        ("issuer", {"type": "NEWEST"}, "'type' must be one of"),
        ("totp", {"username": "demo2"}, "No authenticator app"),
    ],
)
def test_what_makes_no_sense_is_refused(aws: Aws, path: str, body: Any, message: str) -> None:
    with pytest.raises(ControlError, match=message):
        aws.control("POST", f"/_local/{path}", **body)


def test_a_delay_waits_as_long_as_it_is_told(aws: Aws, call: Call) -> None:
    set_fault(aws, "ListDevices", "delay", seconds=0.1)
    began = time.monotonic()
    call("ListDevices", AccessToken="x")
    assert time.monotonic() - began >= 0.1


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/_local/nothing", b"", 404),
        ("PUT", "/_local/calls", b"", 405),
        ("POST", "/_local/sign-in", b"{", 400),
        ("POST", "/_local/sign-in", b"[]", 400),
    ],
)
def test_a_wrong_address_method_or_body_is_told(
    aws: Aws, method: str, path: str, body: bytes, status: int
) -> None:
    response = requests.request(method, aws.url + path, data=body, timeout=5)
    assert response.status_code == status
    assert "error" in response.json()


# Keys, tokens


def keys_at(url: str) -> list[Any]:
    keys: list[Any] = requests.get(url, timeout=5).json()["keys"]
    return keys


def test_each_pool_publishes_two_keys_of_its_own_that_its_tokens_verify_with(
    aws: Aws, device: Any
) -> None:
    keys = keys_at(aws.jwks_url(seed.POOL_ID))
    assert [set(key) for key in keys] == [{"alg", "e", "kid", "kty", "n", "use"}] * 2
    for token in (device["access_token"], device["id_token"]):
        jwt.decode(token, KeySet.import_key_set({"keys": keys}), algorithms=["RS256"])
    others = {key["kid"] for key in keys_at(aws.jwks_url(seed.OPT_IN_POOL_ID))}
    assert not others & {key["kid"] for key in keys}
    assert requests.get(aws.jwks_url("us-east-1_Nobody"), timeout=5).status_code == 400


def test_a_rotation_brings_a_new_key_and_keeps_the_old_one_once_more(aws: Aws, device: Any) -> None:
    signed_with = keys_at(aws.jwks_url(seed.POOL_ID))[0]["kid"]
    new, old = aws.control("POST", "/_local/rotate-keys")["keys"][seed.POOL_ID]
    assert [key["kid"] for key in keys_at(aws.jwks_url(seed.POOL_ID))] == [new, old]
    assert old == signed_with
    aws.idp.list_devices(AccessToken=device["access_token"])
    aws.control("POST", "/_local/rotate-keys", pool=seed.POOL_ID)
    assert aws.refused(aws.idp.list_devices, AccessToken=device["access_token"]) == (
        "NotAuthorizedException: Could not verify signature for Access Token"
    )


def test_a_pool_that_switches_its_issuer_signs_with_that_ones_keys(aws: Aws, device: Any) -> None:
    updated = aws.cognito.updated_jwks_url(seed.POOL_ID)
    assert requests.get(updated, timeout=5).status_code == 403
    issuer = aws.control("POST", "/_local/issuer", type="UPDATED")["issuer"]
    assert issuer == f"https://issuer-cognito-idp.us-east-1.amazonaws.com/{seed.POOL_ID}"
    discovered = requests.get(updated.replace("jwks.json", "openid-configuration"), timeout=5)
    assert (discovered.json()["issuer"], discovered.json()["jwks_uri"]) == (issuer, updated)
    later = aws.on_device()["access_token"]
    keys = KeySet.import_key_set({"keys": keys_at(updated)})
    assert jwt.decode(later, keys, algorithms=["RS256"]).claims["iss"] == issuer
    others = {key["kid"] for key in keys_at(aws.jwks_url(seed.POOL_ID))}
    assert not others & {key["kid"] for key in keys_at(updated)}
    for token in (device["access_token"], later):
        assert len(aws.idp.list_devices(AccessToken=token)["Devices"]) == 2


def test_a_made_token_takes_and_drops_claims(aws: Aws) -> None:
    made = aws.control("POST", "/_local/tokens", claims={"device_key": None, "extra": [1]})
    assert aws.idp.list_devices(AccessToken=made["token"])["Devices"] == []
    assert claims_of(made["token"]) == made["claims"]
    assert ("device_key" in made["claims"], made["claims"]["extra"]) == (False, [1])
    other = aws.control("POST", "/_local/tokens", username="demo2", client_id=seed.OTHER_CLIENT_ID)[
        "claims"
    ]
    assert (other["username"], other["client_id"]) == ("demo2", seed.OTHER_CLIENT_ID)


# Users, sign-ins


def test_a_made_user_signs_in_and_is_asked_for_totp(aws: Aws) -> None:
    ada = {"username": "ada", "password": "Passw0rd!"}
    secret = aws.control("POST", "/_local/users", **ada, totp=True)["totp_secret"]
    asked = aws.begin(USERNAME="ada", PASSWORD="Passw0rd!")
    code = pyotp.TOTP(secret).now()
    done = aws.respond(asked, USERNAME="ada", SOFTWARE_TOKEN_MFA_CODE=code)
    assert "AccessToken" in done["AuthenticationResult"]


def test_three_totp_codes_are_good_at_any_moment(aws: Aws) -> None:
    def use_one() -> None:
        aws.control("POST", "/_local/totp")
        assert aws.sign_in().totp_asked

    def use_up() -> None:
        for _ in range(4):  # a half minute may begin meanwhile, and with it another code
            use_one()

    for _ in range(3):
        use_one()
    with pytest.raises(ControlError, match="wait 30 s"):
        use_up()


# Calls, reset, and the process


def test_calls_are_counted_by_operation(aws: Aws, device: Any) -> None:
    aws.idp.list_devices(AccessToken=device["access_token"])
    aws.refused(aws.idp.list_devices, AccessToken="x")
    requests.get(aws.jwks_url(seed.POOL_ID), timeout=5)
    assert aws.control("GET", "/_local/calls") == {"ListDevices": 2, "jwks": 1}
    assert aws.control("DELETE", "/_local/calls") == {}


def test_a_reset_goes_back_to_the_seed_and_keeps_the_keys(aws: Aws, device: Any) -> None:
    keys = keys_at(aws.jwks_url(seed.POOL_ID))
    aws.control("POST", "/_local/users", username="ada", password="Passw0rd!")
    set_fault(aws, "ListDevices", "throttle")
    aws.control("POST", "/_local/reset")
    error = aws.refused(aws.idp.list_devices, AccessToken=device["access_token"])
    assert error == "NotAuthorizedException: Access Token has been revoked"
    claims = aws.control("POST", "/_local/tokens")["claims"]
    assert claims["sub"] == claims_of(device["access_token"])["sub"]
    assert keys_at(aws.jwks_url(seed.POOL_ID)) == keys
    users = aws.admin.list_users(UserPoolId=seed.POOL_ID)["Users"]
    assert {user["Username"] for user in users} == {"demo", "demo2"}


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
