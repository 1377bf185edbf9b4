"""A write whose answer was lost: what the client is told.

An answer lost once is settled here where the repetition proves the write: the client sees success.
Else it sees a problem that says that the write may have been done, and whether it may be repeated.
"""

import base64
import secrets
from collections.abc import Iterator

import pytest
import requests

from local_cognito.process import RunningCognito
from local_cognito.seed import POOL_ID
from tests.calls import SignedIn, assert_problem, call, sign_in
from tests.servers import Service, serving, settings_for

FOR_GOOD = None


@pytest.fixture(scope="module")
def settling(cognito_server: RunningCognito) -> Iterator[Service]:
    """A service that tries on whatever happens, so that one write is looked at at a time."""
    with serving(settings_for(cognito_server) | {"BREAKER_FAILURES": "1000"}) as service:
        yield service


def user_for(operation: str, cognito: RunningCognito) -> SignedIn:
    """Signed in from a remembered device, or from one that is still to be confirmed."""
    if operation != "ConfirmDevice":
        return sign_in(cognito)
    made = cognito.control("POST", "/_local/tokens", username="demo", pool=POOL_ID)
    return SignedIn(made["token"], made["claims"]["device_key"], None, made["claims"]["sub"])


def lose(cognito: RunningCognito, operation: str, times: int | None) -> None:
    """Cognito does the operation, and hangs up without an answer."""
    cognito.control("POST", "/_local/faults", operation=operation, fault="lose_answer", times=times)


PERHAPS = {
    "ConfirmDevice": "may be tracked already",
    "UpdateDeviceStatus": "may have changed already",
    "ForgetDevice": "may have been forgotten already",
    "GlobalSignOut": "may have been signed out already",
}


def ask_for(operation: str, service: Service, user: SignedIn) -> requests.Response:
    """The call that has Cognito do this to the user's current device."""
    verifier = {
        "passwordVerifier": base64.b64encode(secrets.token_bytes(380)).decode(),
        "salt": base64.b64encode(secrets.token_bytes(16)).decode(),
    }
    method, path, body = {
        "ConfirmDevice": (
            "POST",
            "/devices",
            {"deviceKey": user.device_key, "secretVerifier": verifier},
        ),
        "UpdateDeviceStatus": ("PATCH", "/devices/current", {"status": "not_remembered"}),
        "ForgetDevice": ("DELETE", "/devices/current", None),
        "GlobalSignOut": ("POST", "/devices/sign-out", None),
    }[operation]
    return call(service.url + path, method, headers=user.bearer, json=body)


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


@pytest.mark.parametrize("times", [1, FOR_GOOD], ids=["once", "for good"])
def test_forgetting_many_settles_each_lost_answer_or_tells_of_it(
    cognito: RunningCognito, settling: Service, user: SignedIn, times: int | None
) -> None:
    others = {sign_in(cognito).device_key for _ in range(3)}
    lose(cognito, "ForgetDevice", times)
    url = f"{settling.url}/devices?scope=others"
    answer = call(url, "DELETE", headers=user.bearer).json()
    failed = {failure["id"] for failure in answer["failed"]}
    assert (set(answer["forgotten"]), failed) == ((others, set()) if times else (set(), others))
    for failure in answer["failed"]:
        assert "repeating the call is safe" in failure["problem"]["detail"]
