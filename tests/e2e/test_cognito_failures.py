"""What Cognito refuses, delays, loses or garbles, and what callers are told: over HTTP."""

import base64
import os
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import pytest
import requests
from botocore.config import Config

from local_cognito import seed, srp
from local_cognito.process import RunningCognito
from tests.e2e.api import Api
from tests.servers import Service, serving, settings_for

TRIES_ON = {
    "WORKERS": "1",
    "BREAKER_FAILURES": "1000",
    "COGNITO_CONNECT_TIMEOUT": "0.5",
    "COGNITO_READ_TIMEOUT": "0.5",
    "COGNITO_DEADLINE": "2.5",
}
"""Short time-outs, and a breaker that stays out of the way."""

DEADLINE = float(TRIES_ON["COGNITO_DEADLINE"])
FOR_GOOD = None
INVALID_TOKEN = 'Bearer error="invalid_token"'
INSUFFICIENT_SCOPE = 'Bearer error="insufficient_scope", scope="aws.cognito.signin.user.admin"'


@pytest.fixture(scope="module")
def impatient_service(cognito_server: RunningCognito) -> Iterator[Service]:
    with serving(settings_for(cognito_server) | TRIES_ON) as service:
        yield service


class User:
    """Somebody who has signed in from a device that is tracked and remembered."""

    def __init__(self, cognito: RunningCognito, url: str) -> None:
        signed_in = cognito.control("POST", "/_local/sign-in", device_name="Laptop")
        self.device_key = str(signed_in["device_key"])
        self.api = Api(url, signed_in["access_token"])


@pytest.fixture
def user(cognito: RunningCognito, impatient_service: Service) -> User:
    return User(cognito, impatient_service.url)


def secret_verifier(number: int = 0) -> dict[str, str]:
    """A verifier of the group; `number`: one of one's own."""
    value = number or srp.verifier("group", "device", "password", 1)
    return {
        "passwordVerifier": base64.b64encode(srp.pad(value)).decode(),
        "salt": base64.b64encode(b"saltsaltsaltsalt").decode(),
    }


def tracking(device_key: str) -> dict[str, Any]:
    return {"deviceKey": device_key, "name": "Phone", "secretVerifier": secret_verifier()}


def some_device_key() -> str:
    return f"{seed.REGION}_{uuid4()}"


CALLS: dict[str, Callable[[User], requests.Response]] = {
    "ListDevices": lambda user: user.api.get("/devices"),
    "GetDevice": lambda user: user.api.get("/devices/current"),
    "ConfirmDevice": lambda user: user.api.post("/devices", tracking(some_device_key())),
    "UpdateDeviceStatus": lambda user: user.api.patch("/devices/current", {"status": "remembered"}),
    "ForgetDevice": lambda user: user.api.delete("/devices/current"),
    "GlobalSignOut": lambda user: user.api.post("/devices/sign-out"),
}
READS = ("ListDevices", "GetDevice")


def fault(cognito: RunningCognito, operation: str, kind: str, **members: Any) -> None:
    cognito.control("POST", "/_local/faults", operation=operation, fault=kind, **members)


def calls_of(cognito: RunningCognito, operation: str) -> int:
    counts: dict[str, int] = cognito.control("GET", "/_local/calls")
    return counts.get(operation, 0)


def held(cognito: RunningCognito, pool_id: str = seed.POOL_ID) -> set[str]:
    """The keys of the demo user's remembered devices, as Cognito's administrator sees them."""
    administrator = boto3.client(
        "cognito-idp",
        region_name=seed.REGION,
        endpoint_url=cognito.url,
        aws_access_key_id="none",
        aws_secret_access_key="none",
        config=Config(retries={"total_max_attempts": 1}),
    )
    answer = administrator.admin_list_devices(UserPoolId=pool_id, Username=seed.DEMO_USERNAME)
    administrator.close()
    return {device["DeviceKey"] for device in answer["Devices"]}


def assert_problem(
    response: requests.Response,
    status: int,
    code: str,
    *,
    challenge: str | None = None,
    retry_after: int | None = None,
) -> str:
    """Check a problem's status, members and headers; gives back its `detail`."""
    assert (response.status_code, response.json().get("code")) == (status, code), response.text
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.headers["Cache-Control"] == "no-store"
    problem = response.json()
    members = {"type", "title", "status", "detail", "instance", "code", "requestId"}
    assert set(problem) == members
    assert problem["type"] == f"urn:device-bff:problem:{code}"
    assert problem["status"] == status
    assert problem["requestId"] == response.headers["X-Request-ID"]
    assert (response.headers.get("WWW-Authenticate") or "").startswith(challenge or "")
    assert ("WWW-Authenticate" in response.headers) == (challenge is not None)
    advised = response.headers.get("Retry-After")
    assert advised == (None if retry_after is None else str(retry_after))
    return str(problem["detail"])


# What Cognito refuses

MESSAGE = "Words of Cognito's own, about jane@example.com."
EVERYWHERE: dict[str, tuple[dict[str, Any], int, str, str | None]] = {
    "NotAuthorizedException": (
        {"type": "NotAuthorizedException", "message": "Access Token has been revoked"},
        *(401, "invalid-token", INVALID_TOKEN),
    ),
    "NotAuthorizedException for a scope": (
        {
            "type": "NotAuthorizedException",
            "message": "Access Token does not have required scopes",
        },
        *(403, "insufficient-scope", INSUFFICIENT_SCOPE),
    ),
    "UserNotFoundException": (
        {"type": "UserNotFoundException"},
        *(401, "invalid-token", INVALID_TOKEN),
    ),
    "UserNotConfirmedException": (
        {"type": "UserNotConfirmedException"},
        *(403, "user-not-confirmed", None),
    ),
    "PasswordResetRequiredException": (
        {"type": "PasswordResetRequiredException"},
        *(403, "password-reset-required", None),
    ),
    "ForbiddenException": ({"type": "ForbiddenException"}, 403, "blocked", None),
    "ForbiddenException as HTTP 403": (
        {"type": "ForbiddenException", "status": 403},
        *(403, "blocked", None),
    ),
    "InvalidParameterException": (
        {"type": "InvalidParameterException"},
        *(400, "invalid-parameter", None),
    ),
    "InvalidUserPoolConfigurationException": (
        {"type": "InvalidUserPoolConfigurationException"},
        *(501, "device-tracking-unavailable", None),
    ),
    "OperationNotEnabledException": (
        {"type": "OperationNotEnabledException"},
        *(501, "device-tracking-unavailable", None),
    ),
    "InternalErrorException as HTTP 400": (
        {"type": "InternalErrorException"},
        *(502, "upstream-error", None),
    ),
    "an exception that nobody knows": (
        {"type": "SomethingNewException"},
        *(502, "upstream-error", None),
    ),
}


@pytest.mark.parametrize("operation", CALLS)
@pytest.mark.parametrize(
    ("error", "status", "code", "challenge"), EVERYWHERE.values(), ids=EVERYWHERE
)
def test_a_refusal_of_any_operation(
    cognito: RunningCognito,
    user: User,
    operation: str,
    error: dict[str, Any],
    status: int,
    code: str,
    challenge: str | None,
) -> None:
    fault(cognito, operation, "error", **{"message": MESSAGE} | error)
    response = CALLS[operation](user)
    assert_problem(response, status, code, challenge=challenge)
    assert "jane@example.com" not in response.text
    assert calls_of(cognito, operation) == 1, "a refusal is not retried"


@pytest.mark.parametrize(
    ("operation", "kind", "status", "code"),
    [
        ("GetDevice", "ResourceNotFoundException", 404, "device-not-found"),
        ("UpdateDeviceStatus", "ResourceNotFoundException", 404, "device-not-found"),
        ("ForgetDevice", "ResourceNotFoundException", 404, "device-not-found"),
        ("ListDevices", "ResourceNotFoundException", 502, "upstream-error"),
        ("GlobalSignOut", "ResourceNotFoundException", 502, "upstream-error"),
        ("ConfirmDevice", "DeviceKeyExistsException", 409, "device-already-tracked"),
        ("ConfirmDevice", "InvalidPasswordException", 400, "invalid-parameter"),
        ("ConfirmDevice", "UsernameExistsException", 502, "upstream-error"),
        ("ConfirmDevice", "InvalidLambdaResponseException", 502, "upstream-error"),
    ],
)
def test_a_refusal_of_one_operation(
    cognito: RunningCognito, user: User, operation: str, kind: str, status: int, code: str
) -> None:
    fault(cognito, operation, "error", type=kind, message=MESSAGE)
    response = CALLS[operation](user)
    assert_problem(response, status, code)
    assert "jane@example.com" not in response.text


def test_a_token_that_was_revoked_still_verifies_here_and_only_cognito_knows(
    cognito: RunningCognito, user: User
) -> None:
    assert user.api.post("/devices/sign-out").status_code == 204
    assert_problem(user.api.get("/devices"), 401, "invalid-token", challenge=INVALID_TOKEN)
    assert calls_of(cognito, "ListDevices") == 1


@pytest.mark.parametrize("cursor", ["made-up", "AAAA" * 20])
def test_a_cursor_that_is_not_cognitos(user: User, cursor: str) -> None:
    detail = assert_problem(user.api.get(f"/devices?cursor={cursor}"), 400, "invalid-parameter")
    assert "first page" in detail


def test_a_verifier_that_is_no_number_of_the_group(user: User) -> None:
    body = tracking(some_device_key()) | {"secretVerifier": secret_verifier(srp.N)}
    assert_problem(user.api.post("/devices", body), 400, "invalid-parameter")


def test_a_device_key_of_another_sign_in(cognito: RunningCognito, user: User) -> None:
    another = cognito.control("POST", "/_local/tokens")["claims"]["device_key"]
    assert_problem(user.api.post("/devices", tracking(another)), 400, "invalid-parameter")


def test_a_device_that_is_tracked_already(user: User) -> None:
    response = user.api.post("/devices", tracking(user.device_key))
    assert_problem(response, 409, "device-already-tracked")


def test_a_pool_without_devices(cognito: RunningCognito) -> None:
    settings = settings_for(cognito, seed.NO_DEVICES_POOL_ID, seed.NO_DEVICES_CLIENT_ID)
    signed_in = cognito.control("POST", "/_local/sign-in", pool=seed.NO_DEVICES_POOL_ID)
    with serving(settings | {"WORKERS": "1"}) as service:
        api = Api(service.url, signed_in["access_token"])
        assert_problem(api.get("/devices"), 501, "device-tracking-unavailable")
        assert_problem(api.get("/devices/current"), 404, "no-current-device")
        assert api.post("/devices/sign-out").status_code == 204


# Over Cognito's quota


@pytest.mark.parametrize("operation", [name for name in CALLS if name != "ConfirmDevice"])
def test_a_throttled_call_is_tried_again(
    cognito: RunningCognito, user: User, operation: str
) -> None:
    fault(cognito, operation, "throttle", times=2)
    assert CALLS[operation](user).ok
    assert calls_of(cognito, operation) == 3


@pytest.mark.parametrize("operation", CALLS)
@pytest.mark.parametrize("kind", ["TooManyRequestsException", "LimitExceededException"])
def test_a_call_that_stays_throttled_is_told_when_to_come_back(
    cognito: RunningCognito, user: User, operation: str, kind: str
) -> None:
    fault(cognito, operation, "error", type=kind, message="Rate exceeded", times=FOR_GOOD)
    assert_problem(CALLS[operation](user), 429, "quota-exceeded", retry_after=1)
    assert calls_of(cognito, operation) == 3


def test_forgetting_many_waits_for_quota(cognito: RunningCognito, user: User) -> None:
    others = [User(cognito, user.api.url) for _ in range(2)]
    fault(cognito, "ForgetDevice", "throttle", times=4)
    report = user.api.delete("/devices?scope=all").json()
    assert report["failed"] == []
    assert set(report["forgotten"]) == {user.device_key, *(one.device_key for one in others)}
    assert held(cognito) == set()


# Late, lost and broken answers


@pytest.mark.parametrize("operation", CALLS)
@pytest.mark.parametrize("kind", ["internal_error", "drop"])
def test_an_answer_that_never_comes_whole_is_a_bad_gateway(
    cognito: RunningCognito, user: User, operation: str, kind: str
) -> None:
    fault(cognito, operation, kind, times=FOR_GOOD)
    detail = assert_problem(CALLS[operation](user), 502, "upstream-error")
    assert ("may " in detail) == (operation not in READS), "what may have been done is told"


@pytest.mark.parametrize("operation", CALLS)
def test_an_answer_that_does_not_come_is_a_gateway_time_out_before_the_deadline(
    cognito: RunningCognito, user: User, operation: str
) -> None:
    fault(cognito, operation, "hang", seconds=1.5, times=FOR_GOOD)
    started = time.monotonic()
    detail = assert_problem(CALLS[operation](user), 504, "upstream-timeout")
    assert time.monotonic() - started < DEADLINE + 1
    assert ("may " in detail) == (operation not in READS)


@pytest.mark.parametrize("operation", READS)
def test_a_late_answer_is_had_at_the_next_attempt(
    cognito: RunningCognito, user: User, operation: str
) -> None:
    fault(cognito, operation, "delay", seconds=1.0)
    assert CALLS[operation](user).status_code == 200


def test_forgetting_whose_answer_was_lost_is_a_success(cognito: RunningCognito, user: User) -> None:
    fault(cognito, "ForgetDevice", "lose_answer")
    assert user.api.delete(f"/devices/{user.device_key}").status_code == 204
    assert calls_of(cognito, "ForgetDevice") == 2
    assert held(cognito) == set()


def test_forgetting_many_knows_of_a_lost_answer_after_waiting_for_quota(
    cognito: RunningCognito, user: User
) -> None:
    fault(cognito, "ForgetDevice", "lose_answer")
    fault(cognito, "ForgetDevice", "throttle", times=2)
    report = user.api.delete("/devices?scope=all").json()
    assert report == {"forgotten": [user.device_key], "failed": []}
    assert held(cognito) == set()


def test_a_device_that_was_never_there_is_not_forgotten_though(
    cognito: RunningCognito, user: User
) -> None:
    fault(cognito, "ForgetDevice", "throttle")
    response = user.api.delete(f"/devices/{some_device_key()}")
    assert_problem(response, 404, "device-not-found")


@pytest.mark.parametrize("kind", ["lose_answer", "truncate", "huge"])
def test_tracking_whose_answer_was_lost_is_told_to_be_perhaps_done(
    cognito: RunningCognito, impatient_service: Service, kind: str
) -> None:
    made = cognito.control("POST", "/_local/tokens", pool=seed.ALWAYS_POOL_ID)
    device_key = made["claims"]["device_key"]
    fault(cognito, "ConfirmDevice", kind)
    response = Api(impatient_service.url, made["token"]).post("/devices", tracking(device_key))
    detail = assert_problem(response, 409, "device-already-tracked")
    assert "may be tracked already" in detail
    assert device_key in held(cognito, seed.ALWAYS_POOL_ID)


# Garbage

GARBAGE = ("html", "empty", "truncate", "wrong_shape", "huge", "reset")


@pytest.mark.parametrize("operation", READS)
@pytest.mark.parametrize("kind", ["internal_error", "drop", *GARBAGE])
def test_a_bad_answer_is_followed_by_the_true_one(
    cognito: RunningCognito, user: User, operation: str, kind: str
) -> None:
    expected = CALLS[operation](user).json()
    fault(cognito, operation, kind)
    response = CALLS[operation](user)
    assert (response.status_code, response.json()) == (200, expected)


@pytest.mark.parametrize("operation", [*READS, "ConfirmDevice"])
@pytest.mark.parametrize("kind", GARBAGE)
def test_garbage_for_good_is_a_bad_gateway_and_never_a_wrong_answer(
    cognito: RunningCognito, user: User, operation: str, kind: str
) -> None:
    fault(cognito, operation, kind, times=FOR_GOOD)
    assert_problem(CALLS[operation](user), 502, "upstream-error")


WRONG_LISTS: dict[str, Any] = {
    "nothing": {},
    "null": {"Devices": None},
    "a device without a key": {"Devices": [{"DeviceCreateDate": 1.0}]},
    "a device without a date": {"Devices": [{"DeviceKey": "us-east-1_abc"}]},
    "a date that is none": {
        "Devices": [{"DeviceKey": "us-east-1_abc", "DeviceCreateDate": "yesterday"}]
    },
    "devices by name": {"Devices": {}},
    "attributes by name": {
        "Devices": [{"DeviceKey": "us-east-1_abc", "DeviceCreateDate": 1.0, "DeviceAttributes": {}}]
    },
    "a key that is no text": {"Devices": [{"DeviceKey": 5, "DeviceCreateDate": 1.0}]},
    "a name that is no text": {
        "Devices": [
            {
                "DeviceKey": "us-east-1_abc",
                "DeviceCreateDate": 1.0,
                "DeviceAttributes": [{"Name": "device_name", "Value": {"a": 1}}],
            }
        ]
    },
    "a cursor that is no text": {"Devices": [], "PaginationToken": ["a"]},
    "a date beyond the end of time": {
        "Devices": [{"DeviceKey": "us-east-1_abc", "DeviceCreateDate": 1e300}]
    },
    "a date before the beginning of time": {
        "Devices": [{"DeviceKey": "us-east-1_abc", "DeviceCreateDate": "0001-01-01T00:00:00+14:00"}]
    },
    "a status that is none": {
        "Devices": [
            {
                "DeviceKey": "us-east-1_abc",
                "DeviceCreateDate": 1.0,
                "DeviceAttributes": [{"Name": "dev:device_remembered_status", "Value": "perhaps"}],
            }
        ]
    },
    "attributes without names": {
        "Devices": [
            {"DeviceKey": "us-east-1_abc", "DeviceCreateDate": 1.0, "DeviceAttributes": [{}]}
        ]
    },
}


@pytest.mark.parametrize("body", WRONG_LISTS.values(), ids=WRONG_LISTS)
def test_a_list_that_is_not_cognitos_is_not_passed_on(
    cognito: RunningCognito, user: User, body: Any
) -> None:
    fault(cognito, "ListDevices", "wrong_shape", body=body, times=FOR_GOOD)
    assert_problem(user.api.get("/devices"), 502, "upstream-error")
    assert_problem(user.api.delete("/devices?scope=all"), 502, "upstream-error")
    assert calls_of(cognito, "ForgetDevice") == 0


def test_another_device_than_was_asked_for_is_not_passed_on(
    cognito: RunningCognito, user: User
) -> None:
    device = {"DeviceKey": some_device_key(), "DeviceCreateDate": 1.0}
    fault(cognito, "GetDevice", "wrong_shape", body={"Device": device}, times=FOR_GOOD)
    assert_problem(user.api.get("/devices/current"), 502, "upstream-error")


def test_a_device_of_which_cognito_says_the_least(cognito: RunningCognito, user: User) -> None:
    device = {"DeviceKey": user.device_key, "DeviceCreateDate": 1767323045.5}
    fault(cognito, "GetDevice", "wrong_shape", body={"Device": device})
    assert user.api.get("/devices/current").json() == {
        "id": user.device_key,
        "name": None,
        "status": "tracked",
        "current": True,
        "lastIpAddress": None,
        "createdAt": "2026-01-02T03:04:05.500Z",
        "lastModifiedAt": "2026-01-02T03:04:05.500Z",
        "lastAuthenticatedAt": "2026-01-02T03:04:05.500Z",
        "attributes": {},
    }


def test_nothing_is_forgotten_on_the_word_of_a_garbled_list(
    cognito: RunningCognito, user: User
) -> None:
    fault(cognito, "ListDevices", "html", times=FOR_GOOD)
    assert_problem(user.api.delete("/devices?scope=all"), 502, "upstream-error")
    assert calls_of(cognito, "ForgetDevice") == 0
    assert held(cognito) == {user.device_key}


# Down


def test_once_cognito_is_known_to_be_down_callers_are_told_at_once(
    cognito: RunningCognito,
) -> None:
    settings = settings_for(cognito) | {
        "WORKERS": "1",
        "COGNITO_MAX_ATTEMPTS": "1",
        "BREAKER_FAILURES": "3",
        "BREAKER_OPEN_SECONDS": "2",
    }
    with serving(settings) as service:
        user = User(cognito, service.url)
        fault(cognito, "ListDevices", "drop", times=3)
        for _ in range(3):
            assert_problem(user.api.get("/devices"), 502, "upstream-error")
        refused = user.api.get("/devices")
        assert 1 <= int(refused.headers["Retry-After"]) <= 2
        assert_problem(
            refused, 503, "upstream-unavailable", retry_after=int(refused.headers["Retry-After"])
        )
        assert calls_of(cognito, "ListDevices") == 3
        assert requests.get(f"{service.url}/readyz", timeout=5).status_code == 503
        deadline = time.monotonic() + 10
        while user.api.get("/devices").status_code != 200:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert requests.get(f"{service.url}/readyz", timeout=5).status_code == 200


def test_nobody_at_cognitos_address(cognito: RunningCognito) -> None:
    with socket.socket() as taken:  # bound and not listening: connections are refused
        taken.bind(("127.0.0.1", 0))
        nowhere = f"http://127.0.0.1:{taken.getsockname()[1]}"
        settings = settings_for(cognito) | TRIES_ON | {"COGNITO_ENDPOINT_URL": nowhere}
        with serving(settings) as service:
            user = User(cognito, service.url)
            assert_problem(user.api.get("/devices"), 502, "upstream-error")
            detail = assert_problem(
                user.api.delete(f"/devices/{user.device_key}"), 502, "upstream-error"
            )
            assert "may " not in detail, "nothing was sent"


# AWS


def test_it_needs_no_aws_variables(cognito: RunningCognito, user: User, tmp_path: Path) -> None:
    """Neither credentials nor a region, a profile or a home to keep them in."""
    with serving(settings_for(cognito) | {"HOME": str(tmp_path)}) as service:
        environment = Path(f"/proc/{service.process.pid}/environ").read_bytes()
        assert b"AWS_" not in environment
        assert not os.listdir(tmp_path)
        api = Api(service.url, user.api.token)
        assert len(api.get("/devices").json()["items"]) == 1


def test_aws_variables_that_are_there_change_nothing(cognito: RunningCognito, user: User) -> None:
    variables = {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER": "http://127.0.0.1:9",
        "AWS_REGION": "mars-north-1",
        "AWS_DEFAULT_REGION": "mars-north-1",
        "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "not-a-secret",
        "AWS_MAX_ATTEMPTS": "9",
        "AWS_RETRY_MODE": "standard",
    }
    with serving(settings_for(cognito) | TRIES_ON | variables) as service:
        api = Api(service.url, user.api.token)
        assert len(api.get("/devices").json()["items"]) == 1
        fault(cognito, "ListDevices", "internal_error", times=FOR_GOOD)
        cognito.control("DELETE", "/_local/calls")
        assert_problem(api.get("/devices"), 502, "upstream-error")
        assert calls_of(cognito, "ListDevices") == 3
