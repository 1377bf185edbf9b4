"""What Cognito refuses, delays, loses or garbles, and what callers are told: over gunicorn."""

import base64
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
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
    "ConfirmDevice": lambda user: user.on_new_device.post("/devices", tracking(user.new_key)),
    "UpdateDeviceStatus": lambda user: user.api.patch("/devices/current", {"status": "remembered"}),
    "ForgetDevice": lambda user: user.api.delete(f"/devices/{user.other_key}"),
    "GlobalSignOut": lambda user: user.api.post("/devices/sign-out"),
    "RevokeUserSession": lambda user: user.api.delete(f"/sessions/{user.other_session}"),
}


def fault(cognito: RunningCognito, operation: str, kind: str, **members: Any) -> None:
    cognito.control("POST", "/_local/faults", operation=operation, fault=kind, **members)


def calls_of(cognito: RunningCognito, operation: str) -> int:
    counts: dict[str, int] = cognito.control("GET", "/_local/calls")
    return counts.get(operation, 0)


# Every fault


FAULTS = {
    "throttle": (429, "quota-exceeded"),
    **dict.fromkeys(("internal_error", "html", "empty", "wrong_shape"), (502, "upstream-error")),
    **dict.fromkeys(("drop", "truncate", "reset"), (502, "upstream-error")),
}
NO_FAULT = ("empty", "wrong_shape")
"""Where ConfirmDevice is concerned: nothing that matters is missing."""


@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_that_lasts_is_told_as_what_it_is_and_one_that_passes_is_not_noticed(
    cognito: RunningCognito, user: User, kind: str
) -> None:
    expected = user.api.get("/devices").json()
    fault(cognito, "ListDevices", kind)
    assert user.api.get("/devices").json() == expected
    fault(cognito, "ConfirmDevice", kind, times=FOR_GOOD)
    answer = CALLS["ConfirmDevice"](user)
    if kind in NO_FAULT:
        assert answer.ok
        return
    assert_problem(answer, *FAULTS[kind])
    assert calls_of(cognito, "ConfirmDevice") == ATTEMPTS


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


# Cognito is down


@pytest.fixture(scope="module")
def small_service(cognito_server: RunningCognito) -> Iterator[Service]:
    """With room for one call of Cognito, and a breaker that opens soon and for a short time."""
    own = {"BREAKER_FAILURES": "3", "BREAKER_OPEN_SECONDS": "1", "COGNITO_MAX_IN_FLIGHT": "1"}
    with serving(settings_for(cognito_server) | own | {"WORKERS": "1"}) as service:
        yield service


def test_a_call_waits_for_a_place_that_comes_free(
    cognito: RunningCognito, small_service: Service
) -> None:
    api = User(cognito, small_service.url).api
    fault(cognito, "ListDevices", "delay", seconds=0.1)
    with ThreadPoolExecutor() as pool:
        slow = pool.submit(api.get, "/devices")
        until("it is with Cognito", lambda: calls_of(cognito, "ListDevices") == 1)
        assert api.get("/sessions").status_code == slow.result().status_code == 200


def test_an_outage_of_cognito_makes_no_process_unready(
    cognito: RunningCognito, small_service: Service
) -> None:
    """A kubelet's probe, all the while: the breaker opens, half opens in vain twice, and closes."""
    probes: list[tuple[int, bool]] = []
    api = User(cognito, small_service.url).api

    def status() -> int:
        probe = requests.get(f"{small_service.url}/readyz", timeout=30)
        probes.append((probe.status_code, probe.json()["checks"]["cognito"]))
        return api.get("/devices").status_code

    fault(cognito, "ListDevices", "drop", times=FOR_GOOD)
    until("it half opens twice", lambda: status() and calls_of(cognito, "ListDevices") >= 5)
    cognito.control("DELETE", "/_local/faults")
    until("it closes", lambda: status() == 200)
    assert {ready for ready, _ in probes} == {200}
    assert {found for _, found in probes} == {True, False}
