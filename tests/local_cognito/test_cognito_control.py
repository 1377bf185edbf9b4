"""`/_local/*`: every fault kind as a client meets it, keys, tokens, users, sign-ins, counts."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
from joserfc import jwt
from joserfc.jwk import KeySet

from local_cognito import seed
from local_cognito.process import ControlError
from tests.calls import claims_of
from tests.local_cognito.clients import REVOKED, Aws, of


def set_fault(aws: Aws, operation: str, kind: str, **fields: Any) -> None:
    aws.control("POST", "/_local/faults", operation=operation, fault=kind, **fields)


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
        ("wrong_shape", {"body": ["not", "an", "object"]}, 200, b'["not", "an", "object"]'),
    ],
)
def test_an_answer_that_is_made_up_does_nothing(
    aws: Aws, device: Any, kind: str, fields: Any, status: int, start: bytes
) -> None:
    set_fault(aws, "ForgetDevice", kind, **fields)
    answer = aws.post("ForgetDevice", of(device))
    assert (answer.status_code, answer.content[: len(start) or None]) == (status, start)
    assert not is_forgotten(aws, device)


@pytest.mark.parametrize(
    ("kind", "done"), [("drop", False), ("hang", False), ("lose_answer", True), ("reset", True)]
)
def test_a_connection_that_ends_early_does_or_does_not(
    aws: Aws, device: Any, kind: str, done: bool
) -> None:
    set_fault(aws, "ForgetDevice", kind, **({"seconds": 0} if kind == "hang" else {}))
    with pytest.raises(requests.RequestException):
        aws.post("ForgetDevice", of(device))
    assert is_forgotten(aws, device) is done


def test_an_answer_may_be_cut_or_huge(aws: Aws, device: Any) -> None:
    set_fault(aws, "ListDevices", "truncate")
    set_fault(aws, "ListDevices", "huge")
    token = {"AccessToken": device["access_token"]}
    cut, huge = (aws.post("ListDevices", token) for _ in range(2))
    assert cut.text.startswith('{"Devices"')
    assert not cut.text.endswith("}")
    assert len(huge.content) > 5 * 1024 * 1024
    assert huge.json()["Devices"][0]["DeviceKey"] == device["device_key"]


def test_a_fault_strikes_the_operations_and_times_that_it_names(aws: Aws, device: Any) -> None:
    set_fault(aws, "ListDevices", "throttle", times=2)
    set_fault(aws, "*", "internal_error", times=None)
    for left in (1, 0):
        assert aws.why_refused(device["access_token"]).startswith("TooManyRequests")
        of_list = {"operation": "ListDevices", "fault": "throttle", "times": left}
        assert aws.control("GET", "/_local/faults")["faults"] == [
            *([of_list] if left else []),
            {"operation": "*", "fault": "internal_error", "times": None},
        ]
        assert aws.refused(aws.idp.get_device, **of(device)).startswith("InternalError")
    assert requests.get(aws.jwks_url(seed.POOL_ID), timeout=5).status_code == 200
    aws.control("DELETE", "/_local/faults")
    assert aws.devices(device["access_token"])


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
        ("users", {"username": "ada", "password": "weak"}, "InvalidPasswordException"),
        ("sign-in", {"pool": "x"}, "ResourceNotFoundException"),
        ("sign-in", {"client_id": "x"}, "is not a client of"),
        ("issuer", {"type": "NEWEST"}, "'type' must be one of"),
        ("totp", {"username": "demo2"}, "No authenticator app"),
        ("devices", {"device_key": "x", "days": 1}, "'device_key' is no device of demo"),
    ],
)
def test_what_makes_no_sense_is_refused(aws: Aws, path: str, body: Any, message: str) -> None:
    with pytest.raises(ControlError, match=message):
        aws.control("POST", f"/_local/{path}", **body)


def test_a_device_can_be_made_older(aws: Aws, device: Any) -> None:
    key = {"device_key": device["device_key"]}
    aws.control("POST", "/_local/devices", days=91, **key)
    (seen,) = aws.idp.list_devices(AccessToken=device["access_token"])["Devices"]
    age = datetime.now(UTC) - seen["DeviceCreateDate"]
    assert (seen["DeviceKey"], age.days) == (key["device_key"], 91)


def test_a_delay_waits_as_long_as_it_is_told(aws: Aws) -> None:
    set_fault(aws, "ListDevices", "delay", seconds=0.1)
    began = time.monotonic()
    aws.post("ListDevices", {"AccessToken": "x"})
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
    assert aws.devices(device["access_token"])
    aws.control("POST", "/_local/rotate-keys", pool=seed.POOL_ID)
    error = aws.why_refused(device["access_token"])
    assert error == "NotAuthorizedException: Could not verify signature for Access Token"


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
    of_demo2 = {"username": "demo2", "client_id": seed.OTHER_CLIENT_ID}
    other = aws.control("POST", "/_local/tokens", **of_demo2)["claims"]
    assert of_demo2.items() <= other.items()


# Users, sign-ins


def test_three_totp_codes_are_good_at_any_moment(aws: Aws) -> None:
    def sign_in(times: int) -> None:
        for _ in range(times):
            assert aws.sign_in().totp_asked

    sign_in(3)
    with pytest.raises(ControlError, match="wait 30 s"):
        sign_in(4)  # a half minute may begin meanwhile, and with it another code


# Calls, reset, and the process


def test_a_reset_goes_back_to_the_seed_and_keeps_the_keys(aws: Aws, device: Any) -> None:
    keys = keys_at(aws.jwks_url(seed.POOL_ID))
    aws.control("POST", "/_local/users", username="ada", password="Passw0rd!")
    set_fault(aws, "ListDevices", "throttle")
    aws.control("POST", "/_local/reset")
    assert aws.why_refused(device["access_token"]) == REVOKED
    claims = aws.control("POST", "/_local/tokens")["claims"]
    assert claims["sub"] == claims_of(device["access_token"])["sub"]
    assert keys_at(aws.jwks_url(seed.POOL_ID)) == keys
    users = aws.admin.list_users(UserPoolId=seed.POOL_ID)["Users"]
    assert {user["Username"] for user in users} == {"demo", "demo2"}


def test_it_ends_when_whoever_started_it_is_gone_before_it_is_ready() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "local_cognito", "--port", "0"],
        env={"PATH": os.environ["PATH"]},  # without PYTHONUNBUFFERED: its output is buffered
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout is not None
    process.stdout.close()
    assert process.wait(timeout=60) != 0


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
