"""What Cognito refuses, delays, loses or garbles, and what callers are told: over gunicorn."""

import base64
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import requests

from local_cognito import seed, srp
from local_cognito.process import RunningCognito
from tests.e2e.api import Api
from tests.polling import until
from tests.raw_server import RawServer, Script, raw_server, without_end
from tests.servers import Service, serving, settings_for

PATIENT = {
    "WORKERS": "1",
    "BREAKER_FAILURES": "1000",
    "COGNITO_READ_TIMEOUT": "30",
    "COGNITO_DEADLINE": "120",
}
"""A breaker that stays out of the way, and time-outs that no busy machine meets."""
IMPATIENT = PATIENT | {
    "COGNITO_CONNECT_TIMEOUT": "0.2",
    "COGNITO_READ_TIMEOUT": "0.5",
    "COGNITO_MAX_ATTEMPTS": "1",
}
ATTEMPTS = 3
FOR_GOOD = None


class User:
    """Somebody who has signed in from two devices, which are remembered; one calls."""

    def __init__(self, cognito: RunningCognito, url: str) -> None:
        first, other = cognito.control("POST", "/_local/sign-in", count=2)["sign_ins"]
        self.device_key, self.other_key = str(first["device_key"]), str(other["device_key"])
        self.api = Api(url, first["access_token"])


@pytest.fixture(scope="module")
def patient_service(cognito_server: RunningCognito) -> Iterator[Service]:
    with serving(settings_for(cognito_server) | PATIENT) as service:
        yield service


@pytest.fixture
def user(cognito: RunningCognito, patient_service: Service) -> User:
    return User(cognito, patient_service.url)


def tracking(device_key: str, verifier: int | None = None) -> dict[str, Any]:
    value = srp.verifier("group", "device", "password", 1) if verifier is None else verifier
    return {
        "deviceKey": device_key,
        "secretVerifier": {
            "passwordVerifier": base64.b64encode(srp.pad(value)).decode(),
            "salt": base64.b64encode(b"saltsaltsaltsalt").decode(),
        },
    }


def some_device_key() -> str:
    return f"{seed.REGION}_{uuid4()}"


SOME_SESSION_ID = "tkn" + "a" * 25

CALLS: dict[str, Callable[[Api], requests.Response]] = {
    "ListDevices": lambda api: api.get("/devices"),
    "GetDevice": lambda api: api.get("/devices/current"),
    "ConfirmDevice": lambda api: api.post("/devices", tracking(some_device_key())),
    "UpdateDeviceStatus": lambda api: api.patch("/devices/current", {"status": "remembered"}),
    "ForgetDevice": lambda api: api.delete("/devices/current"),
    "GlobalSignOut": lambda api: api.post("/devices/sign-out"),
    "ListUserSessions": lambda api: api.get("/sessions"),
    "RevokeUserSession": lambda api: api.delete(f"/sessions/{SOME_SESSION_ID}"),
}
READS = {"ListDevices", "GetDevice", "ListUserSessions"}
EVERY_OPERATION = pytest.mark.parametrize("operation", CALLS)


def fault(cognito: RunningCognito, operation: str, kind: str, **members: Any) -> None:
    cognito.control("POST", "/_local/faults", operation=operation, fault=kind, **members)


def calls_of(cognito: RunningCognito, operation: str) -> int:
    counts: dict[str, int] = cognito.control("GET", "/_local/calls")
    return counts.get(operation, 0)


def assert_problem(response: requests.Response, status: int, code: str) -> str:
    """Check a problem's status, code and headers; gives back its `detail`."""
    assert (response.status_code, response.json().get("code")) == (status, code), response.text
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.headers["Cache-Control"] == "no-store"
    assert ("WWW-Authenticate" in response.headers) == (status == 401 or "scope" in code)
    assert ("Retry-After" in response.headers) == (status in (429, 503))
    return str(response.json()["detail"])


# Every operation, every fault


UPSTREAM_ERROR = (502, "upstream-error", ATTEMPTS)
FAULTS: dict[str, tuple[int, str, int]] = {
    "throttle": (429, "quota-exceeded", ATTEMPTS),
    "internal_error": UPSTREAM_ERROR,
    "html": UPSTREAM_ERROR,
    "empty": UPSTREAM_ERROR,
    "wrong_shape": UPSTREAM_ERROR,
    "drop": UPSTREAM_ERROR,
    "lose_answer": UPSTREAM_ERROR,
    "reset": UPSTREAM_ERROR,
    "truncate": UPSTREAM_ERROR,
}
"""Each as long as it lasts: status, code, and how many attempts were made."""
WITHOUT_AN_ANSWER = {"UpdateDeviceStatus", "ForgetDevice", "GlobalSignOut", "RevokeUserSession"}
NO_FAULT = {
    *(("empty", operation) for operation in (*WITHOUT_AN_ANSWER, "ConfirmDevice")),
    ("wrong_shape", "ConfirmDevice"),  # a member that makes no sense; the rest is a success
}
"""Where nothing is wrong, or nothing that matters."""


@EVERY_OPERATION
@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_that_lasts_is_told_as_what_it_is(
    cognito: RunningCognito, user: User, operation: str, kind: str
) -> None:
    fault(cognito, operation, kind, times=FOR_GOOD)
    answer = CALLS[operation](user.api)
    if (kind, operation) in NO_FAULT:
        assert answer.ok
        return
    status, code, attempts = FAULTS[kind]
    detail = assert_problem(answer, status, code)
    assert calls_of(cognito, operation) == attempts
    assert ("may " in detail) == (status == 502 and operation not in READS)


@pytest.mark.parametrize("operation", sorted(READS))
@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_that_passes_is_not_noticed(
    cognito: RunningCognito, user: User, operation: str, kind: str
) -> None:
    expected = CALLS[operation](user.api).json()
    fault(cognito, operation, kind)
    answer = CALLS[operation](user.api)
    assert (answer.status_code, answer.json()) == (200, expected)


# Silence, and answers without an end. Nothing but the service itself ends these calls.


@pytest.fixture(scope="module")
def impatient_service(cognito_server: RunningCognito) -> Iterator[Service]:
    with serving(settings_for(cognito_server) | IMPATIENT) as service:
        yield service


@EVERY_OPERATION
@pytest.mark.parametrize("kind", ["hang", "delay"])
def test_an_answer_that_does_not_come_is_a_gateway_time_out(
    cognito: RunningCognito, impatient_service: Service, operation: str, kind: str
) -> None:
    user = User(cognito, impatient_service.url)
    fault(cognito, operation, kind, seconds=5)
    detail = assert_problem(CALLS[operation](user.api), 504, "upstream-timeout")
    assert ("may " in detail) == (operation not in READS)


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
ENDLESS: dict[str, Script] = {
    "byte by byte": without_end(b"HTTP/1.1 200 OK\r\nX-Padding: ", b"x", pause=0.05),
    "endless": without_end(CHUNKED, b"1000\r\n" + b" " * 4096 + b"\r\n", pause=0.01),
}


@pytest.fixture(scope="module")
def endless(cognito_server: RunningCognito) -> Iterator[tuple[RawServer, Service]]:
    with raw_server() as upstream:
        settings = settings_for(cognito_server) | IMPATIENT
        with serving(settings | {"COGNITO_ENDPOINT_URL": upstream.url}) as service:
            yield upstream, service


@EVERY_OPERATION
@pytest.mark.parametrize("script", ENDLESS.values(), ids=ENDLESS)
def test_an_answer_without_an_end_is_let_go_of(
    cognito: RunningCognito,
    endless: tuple[RawServer, Service],
    operation: str,
    script: Script,
) -> None:
    upstream, service = endless
    upstream.script = script
    detail = assert_problem(
        CALLS[operation](User(cognito, service.url).api), 504, "upstream-timeout"
    )
    assert ("may " in detail) == (operation not in READS)
    until("the connection is closed", lambda: upstream.open == 0)


# Refusals


MESSAGE = "Words of Cognito's own, about jane@example.com."
REFUSALS = [
    ("NotAuthorizedException", "Access Token has been revoked", 401, "invalid-token"),
    ("NotAuthorizedException", "... does not have required scopes", 403, "insufficient-scope"),
    ("UserNotConfirmedException", MESSAGE, 403, "user-not-confirmed"),
    ("PasswordResetRequiredException", MESSAGE, 403, "password-reset-required"),
    ("ForbiddenException", MESSAGE, 403, "blocked"),
    ("SomethingNewException", MESSAGE, 502, "upstream-error"),
]


@pytest.mark.parametrize(("kind", "message", "status", "code"), REFUSALS)
def test_a_refusal_of_any_operation_is_not_retried_and_its_words_not_passed_on(
    cognito: RunningCognito, user: User, kind: str, message: str, status: int, code: str
) -> None:
    for operation, call in CALLS.items():
        fault(cognito, operation, "error", type=kind, message=message)
        answer = call(user.api)
        assert_problem(answer, status, code)
        assert message not in answer.text
        assert calls_of(cognito, operation) == 1


@pytest.mark.parametrize(
    ("operation", "kind", "status", "code"),
    [
        ("GetDevice", "ResourceNotFoundException", 404, "device-not-found"),
        ("ForgetDevice", "ResourceNotFoundException", 404, "device-not-found"),
        ("ListDevices", "ResourceNotFoundException", 502, "upstream-error"),
        ("ListDevices", "OperationNotEnabledException", 501, "device-tracking-unavailable"),
        ("ConfirmDevice", "DeviceKeyExistsException", 409, "device-already-tracked"),
        ("ConfirmDevice", "InvalidParameterException", 400, "invalid-parameter"),
        ("RevokeUserSession", "InvalidParameterException", 409, "current-session"),
        ("RevokeUserSession", "ResourceNotFoundException", 404, "session-not-found"),
        ("ListUserSessions", "InvalidParameterException", 501, "session-tracking-unavailable"),
        ("ListUserSessions", "OperationNotEnabledException", 501, "session-tracking-unavailable"),
    ],
)
def test_a_refusal_of_one_operation(
    cognito: RunningCognito, user: User, operation: str, kind: str, status: int, code: str
) -> None:
    fault(cognito, operation, "error", type=kind, message=MESSAGE)
    assert_problem(CALLS[operation](user.api), status, code)


def test_what_only_cognito_can_judge_is_an_invalid_parameter(
    cognito: RunningCognito, user: User
) -> None:
    another = cognito.control("POST", "/_local/tokens")["claims"]["device_key"]
    for answer in (
        user.api.get("/devices?cursor=made-up"),
        user.api.get("/sessions?cursor=made-up"),
        user.api.post("/devices", tracking(some_device_key(), srp.N)),
        user.api.post("/devices", tracking(another)),
    ):
        assert_problem(answer, 400, "invalid-parameter")


def test_a_pool_without_devices(cognito: RunningCognito) -> None:
    settings = settings_for(cognito, seed.NO_DEVICES_POOL_ID, seed.NO_DEVICES_CLIENT_ID)
    signed_in = cognito.control("POST", "/_local/sign-in", pool=seed.NO_DEVICES_POOL_ID)
    with serving(settings | {"WORKERS": "1"}) as service:
        api = Api(service.url, signed_in["access_token"])
        assert_problem(api.get("/devices"), 501, "device-tracking-unavailable")
        assert_problem(api.get("/devices/current"), 404, "no-current-device")
        assert len(api.get("/sessions").json()["items"]) == 1
        assert api.post("/devices/sign-out").status_code == 204


# Lost answers


def test_forgetting_whose_answer_was_lost_is_a_success(cognito: RunningCognito, user: User) -> None:
    fault(cognito, "ForgetDevice", "lose_answer")
    assert user.api.delete(f"/devices/{user.other_key}").status_code == 204
    assert calls_of(cognito, "ForgetDevice") == 2
    assert [it["id"] for it in user.api.get("/devices").json()["items"]] == [user.device_key]


def test_ending_a_session_whose_answer_was_lost_is_a_success(
    cognito: RunningCognito, user: User
) -> None:
    sessions = user.api.get("/sessions").json()["items"]
    (other,) = [it["id"] for it in sessions if not it["current"]]
    fault(cognito, "RevokeUserSession", "lose_answer")
    assert user.api.delete(f"/sessions/{other}").status_code == 204
    assert calls_of(cognito, "RevokeUserSession") == 2


def test_a_device_that_was_never_there_is_not_forgotten_though(
    cognito: RunningCognito, user: User
) -> None:
    fault(cognito, "ForgetDevice", "throttle")
    answer = user.api.delete(f"/devices/{some_device_key()}")
    assert_problem(answer, 404, "device-not-found")


def test_tracking_whose_answer_was_lost_is_told_to_be_perhaps_done(
    cognito: RunningCognito, patient_service: Service
) -> None:
    made = cognito.control("POST", "/_local/sign-in", track=False)
    fault(cognito, "ConfirmDevice", "lose_answer")
    api = Api(patient_service.url, made["access_token"])
    detail = assert_problem(
        api.post("/devices", tracking(made["device_key"])), 409, "device-already-tracked"
    )
    assert "may be tracked already" in detail
    assert api.get("/devices/current").status_code == 200


def test_forgetting_many_waits_for_quota_and_knows_of_a_lost_answer(
    cognito: RunningCognito, user: User
) -> None:
    fault(cognito, "ForgetDevice", "lose_answer")
    fault(cognito, "ForgetDevice", "throttle", times=4)
    report = user.api.delete("/devices?scope=all").json()
    assert report == {"forgotten": [user.other_key, user.device_key], "failed": []}


# Answers that make no sense


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"Devices": None},
        {"Devices": "none"},
        {"Devices": [], "PaginationToken": ["a"]},
        {"Devices": [{"DeviceKey": f"{seed.REGION}_a"}] * 61},
    ],
)
def test_nothing_is_forgotten_on_the_word_of_a_list_that_is_none(
    cognito: RunningCognito, user: User, body: Any
) -> None:
    fault(cognito, "ListDevices", "wrong_shape", body=body, times=FOR_GOOD)
    assert_problem(user.api.get("/devices"), 502, "upstream-error")
    assert_problem(user.api.delete("/devices?scope=all"), 502, "upstream-error")
    assert calls_of(cognito, "ForgetDevice") == 0


def test_one_odd_device_does_not_spoil_a_list(cognito: RunningCognito, user: User) -> None:
    odd = {
        "DeviceKey": user.device_key,
        "DeviceCreateDate": "yesterday",
        "DeviceLastModifiedDate": 1767323045.5,
        "DeviceAttributes": [{}, {"Name": "device_name", "Value": {"a": 1}}],
    }
    body = {"Devices": [{"DeviceCreateDate": 1.0}, {"DeviceKey": 5}, odd], "PaginationToken": ""}
    fault(cognito, "ListDevices", "wrong_shape", body=body)
    page = user.api.get("/devices").json()
    (device,) = page["items"]
    assert (device["id"], device["status"]) == (user.device_key, "remembered")
    assert (device["name"], device["createdAt"]) == (None, None)
    assert device["lastModifiedAt"] == "2026-01-02T03:04:05Z"
    assert page["nextCursor"] is None


def test_another_device_than_was_asked_for_is_not_passed_on(
    cognito: RunningCognito, user: User
) -> None:
    body = {"Device": {"DeviceKey": some_device_key()}}
    fault(cognito, "GetDevice", "wrong_shape", body=body, times=FOR_GOOD)
    assert_problem(user.api.get("/devices/current"), 502, "upstream-error")


# Cognito is down, or elsewhere


def test_once_cognito_is_known_to_be_down_callers_are_told_at_once(
    cognito: RunningCognito,
) -> None:
    own = {"WORKERS": "1", "BREAKER_FAILURES": "3", "BREAKER_OPEN_SECONDS": "2"}
    with serving(settings_for(cognito) | own) as service:
        api = User(cognito, service.url).api
        fault(cognito, "ListDevices", "drop", times=3)
        answers = [api.get("/devices"), api.get("/devices")]
        assert "upstream-unavailable" in {answer.json()["code"] for answer in answers}
        assert calls_of(cognito, "ListDevices") == 3
        assert_problem(answers[-1], 503, "upstream-unavailable")
        until("it is asked again", lambda: api.get("/devices").status_code == 200)
        assert requests.get(f"{service.url}/readyz", timeout=30).status_code == 200


def test_nobody_at_cognitos_address(cognito: RunningCognito) -> None:
    with socket.socket() as taken:  # bound and not listening: connections are refused
        taken.bind(("127.0.0.1", 0))
        nowhere = {"COGNITO_ENDPOINT_URL": f"http://127.0.0.1:{taken.getsockname()[1]}"}
        with serving(settings_for(cognito) | PATIENT | nowhere) as service:
            answer = User(cognito, service.url).api.delete("/devices/current")
    assert "may " not in assert_problem(answer, 502, "upstream-error"), "nothing was sent"


@contextmanager
def environment(cognito: RunningCognito, **variables: str) -> Iterator[Service]:
    with serving(settings_for(cognito) | PATIENT | variables) as service:
        yield service


def test_it_needs_no_aws_variables(cognito: RunningCognito, user: User, tmp_path: Path) -> None:
    """Neither credentials nor a region, a profile or a home to keep them in."""
    with environment(cognito, HOME=str(tmp_path)) as service:
        assert b"AWS_" not in Path(f"/proc/{service.process.pid}/environ").read_bytes()
        assert Api(service.url, user.api.token).get("/devices").status_code == 200


def test_aws_variables_that_are_there_change_nothing(cognito: RunningCognito, user: User) -> None:
    variables = {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER": "http://127.0.0.1:9",
        "AWS_DEFAULT_REGION": "mars-north-1",
        "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "not-a-secret",
        "AWS_MAX_ATTEMPTS": "9",
    }
    with environment(cognito, **variables) as service:
        fault(cognito, "ListDevices", "internal_error", times=FOR_GOOD)
        answer = Api(service.url, user.api.token).get("/devices")
        assert_problem(answer, 502, "upstream-error")
        assert calls_of(cognito, "ListDevices") == ATTEMPTS
