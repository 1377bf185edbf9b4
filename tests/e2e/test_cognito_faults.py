"""What Cognito refuses, delays, loses or garbles, and what callers are told: over gunicorn."""

import base64
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
import requests

from local_cognito import seed, srp
from local_cognito.process import RunningCognito
from tests.calls import assert_problem
from tests.e2e.api import Api
from tests.polling import until
from tests.servers import Service, serving, settings_for

OF_AWS = {
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER": "http://127.0.0.1:9",
    "AWS_DEFAULT_REGION": "mars-north-1",
    "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "not-a-secret",
    "AWS_MAX_ATTEMPTS": "9",
}
"""Of some other program's: nothing here would pass, if the service heeded them."""
PATIENT = OF_AWS | {
    "WORKERS": "1",
    "BREAKER_FAILURES": "1000",
    "COGNITO_READ_TIMEOUT": "30",
    "COGNITO_DEADLINE": "120",
}
"""A breaker that stays out of the way, and time-outs that no busy machine meets."""
IMPATIENT = PATIENT | {"COGNITO_READ_TIMEOUT": "0.5", "COGNITO_MAX_ATTEMPTS": "1"}
ATTEMPTS = 3
FOR_GOOD = None


class User:
    """Somebody who has signed in from two devices, which are remembered, and from a new one."""

    def __init__(self, cognito: RunningCognito, url: str) -> None:
        new = cognito.control("POST", "/_local/sign-in", track=False)
        other, own = cognito.control("POST", "/_local/sign-in", count=2)["sign_ins"]
        self.new_key, self.other_key, self.device_key = (
            str(one["device_key"]) for one in (new, other, own)
        )
        self.on_new_device = Api(url, new["access_token"])
        self.api = Api(url, own["access_token"])
        sessions = self.api.get("/sessions").json()["items"]
        self.other_session = next(one["id"] for one in sessions if not one["current"])
        cognito.control("DELETE", "/_local/calls")


@pytest.fixture(scope="module")
def patient_service(cognito_server: RunningCognito) -> Iterator[Service]:
    with serving(settings_for(cognito_server) | PATIENT) as service:
        yield service


@pytest.fixture
def user(cognito: RunningCognito, patient_service: Service) -> User:
    return User(cognito, patient_service.url)


def tracking(device_key: str) -> dict[str, Any]:
    verifier = srp.verifier("group", "device", "password", 1)
    return {
        "deviceKey": device_key,
        "secretVerifier": {
            "passwordVerifier": base64.b64encode(srp.pad(verifier)).decode(),
            "salt": base64.b64encode(b"saltsaltsaltsalt").decode(),
        },
    }


def some_device_key() -> str:
    return f"{seed.REGION}_{uuid4()}"


CALLS: dict[str, Callable[[User], requests.Response]] = {
    "ListDevices": lambda user: user.api.get("/devices"),
    "GetDevice": lambda user: user.api.get("/devices/current"),
    "ConfirmDevice": lambda user: user.on_new_device.post("/devices", tracking(user.new_key)),
    "UpdateDeviceStatus": lambda user: user.api.patch("/devices/current", {"status": "remembered"}),
    "ForgetDevice": lambda user: user.api.delete(f"/devices/{user.other_key}"),
    "GlobalSignOut": lambda user: user.api.post("/devices/sign-out"),
    "ListUserSessions": lambda user: user.api.get("/sessions"),
    "RevokeUserSession": lambda user: user.api.delete(f"/sessions/{user.other_session}"),
}
READS = {"ListDevices", "GetDevice", "ListUserSessions"}
EVERY_OPERATION = pytest.mark.parametrize("operation", CALLS)


def fault(cognito: RunningCognito, operation: str, kind: str, **members: Any) -> None:
    cognito.control("POST", "/_local/faults", operation=operation, fault=kind, **members)


def calls_of(cognito: RunningCognito, operation: str) -> int:
    counts: dict[str, int] = cognito.control("GET", "/_local/calls")
    return counts.get(operation, 0)


# Every operation, every fault


FAULTS = {
    "throttle": (429, "quota-exceeded"),
    **dict.fromkeys(("internal_error", "html", "empty"), (502, "upstream-error")),
    **dict.fromkeys(("wrong_shape", "drop", "truncate"), (502, "upstream-error")),
    **dict.fromkeys(("lose_answer", "reset"), (502, "upstream-error")),
}
"""Each as long as it lasts."""
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
    answer = CALLS[operation](user)
    if (kind, operation) in NO_FAULT:
        assert answer.ok
        return
    status, code = FAULTS[kind]
    detail = assert_problem(answer, status, code)["detail"]
    assert calls_of(cognito, operation) == ATTEMPTS
    assert ("may " in detail) == (status == 502 and operation not in READS)


@pytest.mark.parametrize("operation", sorted(READS))
@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_that_passes_is_not_noticed(
    cognito: RunningCognito, user: User, operation: str, kind: str
) -> None:
    expected = CALLS[operation](user).json()
    fault(cognito, operation, kind)
    answer = CALLS[operation](user)
    assert (answer.status_code, answer.json()) == (200, expected)


@pytest.fixture(scope="module")
def impatient_service(cognito_server: RunningCognito) -> Iterator[Service]:
    with serving(settings_for(cognito_server) | IMPATIENT) as service:
        yield service


@EVERY_OPERATION
def test_an_answer_that_does_not_come_is_a_gateway_time_out(
    cognito: RunningCognito, impatient_service: Service, operation: str
) -> None:
    user = User(cognito, impatient_service.url)
    fault(cognito, operation, "hang", seconds=5)
    problem = assert_problem(CALLS[operation](user), 504, "upstream-timeout")
    assert ("may " in problem["detail"]) == (operation not in READS)


# Refusals


MESSAGE = "Words of Cognito's own, about jane@example.com."


@pytest.mark.parametrize(
    ("kind", "message", "status", "code"),
    [
        ("NotAuthorizedException", "Access Token has been revoked", 401, "invalid-token"),
        ("NotAuthorizedException", "... does not have required scopes", 403, "insufficient-scope"),
        ("UserNotConfirmedException", MESSAGE, 403, "user-not-confirmed"),
        ("PasswordResetRequiredException", MESSAGE, 403, "password-reset-required"),
        ("ForbiddenException", MESSAGE, 403, "blocked"),
        ("SomethingNewException", MESSAGE, 502, "upstream-error"),
    ],
)
def test_a_refusal_of_any_operation_is_not_retried_and_its_words_not_passed_on(
    cognito: RunningCognito, user: User, kind: str, message: str, status: int, code: str
) -> None:
    for operation, call in CALLS.items():
        fault(cognito, operation, "error", type=kind, message=message)
        answer = call(user)
        assert_problem(answer, status, code)
        assert message not in answer.text
        assert calls_of(cognito, operation) == 1


@pytest.mark.parametrize(
    ("operation", "kind", "status", "code"),
    [
        ("GetDevice", "ResourceNotFoundException", 404, "device-not-found"),
        ("ListDevices", "ResourceNotFoundException", 502, "upstream-error"),
        ("ListDevices", "OperationNotEnabledException", 501, "device-tracking-unavailable"),
        ("ConfirmDevice", "DeviceKeyExistsException", 409, "device-already-tracked"),
        ("ConfirmDevice", "InvalidParameterException", 400, "invalid-parameter"),
        ("RevokeUserSession", "InvalidParameterException", 400, "invalid-parameter"),
        ("RevokeUserSession", "ResourceNotFoundException", 404, "session-not-found"),
        ("ListUserSessions", "OperationNotEnabledException", 501, "session-tracking-unavailable"),
    ],
)
def test_a_refusal_of_one_operation(
    cognito: RunningCognito, user: User, operation: str, kind: str, status: int, code: str
) -> None:
    fault(cognito, operation, "error", type=kind, message=MESSAGE)
    assert_problem(CALLS[operation](user), status, code)


def test_what_only_cognito_can_judge_is_an_invalid_parameter(user: User) -> None:
    for path in ("/devices?cursor=made-up", "/sessions?cursor=made-up"):
        assert_problem(user.api.get(path), 400, "invalid-parameter")
    anothers = tracking(some_device_key())
    assert_problem(user.on_new_device.post("/devices", anothers), 400, "invalid-parameter")


def test_a_pool_without_devices(cognito: RunningCognito) -> None:
    settings = settings_for(cognito, seed.NO_DEVICES_POOL_ID, seed.NO_DEVICES_CLIENT_ID)
    signed_in = cognito.control("POST", "/_local/sign-in", pool=seed.NO_DEVICES_POOL_ID)
    with serving(settings | {"WORKERS": "1"}) as service:
        api = Api(service.url, signed_in["access_token"])
        assert_problem(api.get("/devices"), 501, "device-tracking-unavailable")
        assert_problem(api.get("/devices/current"), 404, "no-current-device")
        assert len(api.get("/sessions").json()["items"]) == 1
        assert api.post("/devices/sign-out").status_code == 204


# Lost answers: Cognito does what it was told, and hangs up


@pytest.mark.parametrize(
    ("operation", "status"),
    [
        ("UpdateDeviceStatus", 200),
        ("ForgetDevice", 204),
        ("RevokeUserSession", 204),
        # With another secret perhaps, or by a token that somebody else ended: nobody can tell.
        ("ConfirmDevice", 409),
        ("GlobalSignOut", 401),
    ],
)
def test_an_answer_lost_once_is_settled_by_the_repetition(
    cognito: RunningCognito, user: User, operation: str, status: int
) -> None:
    fault(cognito, operation, "lose_answer")
    answer = CALLS[operation](user)
    assert answer.status_code == status
    assert answer.ok or "already" in answer.json()["detail"]
    assert calls_of(cognito, operation) == 2


def test_a_device_that_was_never_there_is_not_forgotten_though(
    cognito: RunningCognito, user: User
) -> None:
    fault(cognito, "ForgetDevice", "throttle")
    answer = user.api.delete(f"/devices/{some_device_key()}")
    assert_problem(answer, 404, "device-not-found")


def test_forgetting_many_waits_for_quota(cognito: RunningCognito, user: User) -> None:
    fault(cognito, "ForgetDevice", "throttle", times=5)
    report = user.api.delete("/devices?scope=all").json()
    assert report == {"forgotten": [user.other_key, user.device_key], "failed": []}


def test_forgetting_many_settles_a_lost_answer_as_forgetting_one_does(
    cognito: RunningCognito, user: User
) -> None:
    fault(cognito, "ForgetDevice", "lose_answer")
    fault(cognito, "ForgetDevice", "throttle")
    report = user.api.delete("/devices?scope=all").json()
    assert report == {"forgotten": [user.other_key, user.device_key], "failed": []}


def test_forgetting_many_tells_of_each_answer_that_stays_lost(
    cognito: RunningCognito, user: User
) -> None:
    fault(cognito, "ForgetDevice", "lose_answer", times=FOR_GOOD)
    report = user.api.delete("/devices?scope=others").json()
    ((key, problem),) = (failure.values() for failure in report["failed"])
    assert (report["forgotten"], key) == ([], user.other_key)
    assert "repeating the call is safe" in problem["detail"]


# Answers that make no sense


@pytest.mark.parametrize(
    "body", [{"Devices": "none"}, {"Devices": [{"DeviceKey": f"{seed.REGION}_a"}] * 61}]
)
def test_nothing_is_forgotten_on_the_word_of_a_list_that_is_none(
    cognito: RunningCognito, user: User, body: Any
) -> None:
    fault(cognito, "ListDevices", "wrong_shape", body=body, times=FOR_GOOD)
    assert_problem(user.api.delete("/devices?scope=all"), 502, "upstream-error")
    assert calls_of(cognito, "ForgetDevice") == 0


def test_another_device_than_was_asked_for_is_not_passed_on(
    cognito: RunningCognito, user: User
) -> None:
    body = {"Device": {"DeviceKey": some_device_key()}}
    fault(cognito, "GetDevice", "wrong_shape", body=body, times=FOR_GOOD)
    assert_problem(user.api.get("/devices/current"), 502, "upstream-error")


# Cognito is down


def test_once_cognito_is_known_to_be_down_callers_are_told_at_once(cognito: RunningCognito) -> None:
    own = {"WORKERS": "1", "BREAKER_FAILURES": "3", "BREAKER_OPEN_SECONDS": "2"}
    with serving(settings_for(cognito) | own) as service:
        api = User(cognito, service.url).api
        fault(cognito, "ListDevices", "drop", times=3)
        answers = [api.get("/devices"), api.get("/devices")]
        assert calls_of(cognito, "ListDevices") == 3
        assert_problem(answers[-1], 503, "upstream-unavailable")
        until("it is asked again", lambda: api.get("/devices").status_code == 200)


def test_an_outage_of_cognito_makes_no_process_unready(cognito: RunningCognito) -> None:
    """A kubelet's probe, all the while: the breaker opens, half opens in vain twice, and closes."""
    own = {"WORKERS": "1", "BREAKER_FAILURES": "3", "BREAKER_OPEN_SECONDS": "1"}
    probes: list[tuple[int, bool]] = []
    with serving(settings_for(cognito) | own) as service:
        api = User(cognito, service.url).api

        def status() -> int:
            probe = requests.get(f"{service.url}/readyz", timeout=30)
            probes.append((probe.status_code, probe.json()["checks"]["cognito"]))
            return api.get("/devices").status_code

        fault(cognito, "ListDevices", "drop", times=FOR_GOOD)
        until("it half opens twice", lambda: status() and calls_of(cognito, "ListDevices") >= 5)
        cognito.control("DELETE", "/_local/faults")
        until("it closes", lambda: status() == 200)
    assert {ready for ready, _ in probes} == {200}
    assert {found for _, found in probes} == {True, False}
