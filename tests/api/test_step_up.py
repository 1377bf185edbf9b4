"""Calls that raise trust or act on others ask for a recent or strong sign-in: RFC 9470."""

import time
from collections.abc import Callable
from typing import Any

import pytest
import structlog
from prometheus_client import REGISTRY
from werkzeug.test import TestResponse

from app.domain.devices import DeviceStatus
from tests.api.client import ApiClient
from tests.api.conftest import CURRENT, OTHER, Start, Token
from tests.calls import assert_problem

NEW = "eu-west-1_dddddddd-4444-4444-8444-444444444444"
SESSION = "tkn" + "a" * 25
STRONG, WEAK = "urn:cognito:loa:4", "urn:cognito:loa:1"
MINUTE = 60

TRACK = {"deviceKey": NEW, "deviceGroupKey": "-group"}
REMEMBER, STOP = {"status": "remembered"}, {"status": "not_remembered"}

ASKED: dict[str, Callable[[ApiClient], TestResponse]] = {
    "trackDevice": lambda api: api.post("/devices", json=TRACK),
    "updateDevice, this, remembered": lambda api: api.patch(f"/devices/{CURRENT}", json=REMEMBER),
    "updateCurrentDevice, remembered": lambda api: api.patch("/devices/current", json=REMEMBER),
    "updateDevice, another, stop": lambda api: api.patch(f"/devices/{OTHER}", json=STOP),
    "forgetDevice, another": lambda api: api.delete(f"/devices/{OTHER}"),
    "forgetDevices, others": lambda api: api.delete("/devices?scope=others"),
    "forgetDevices, all": lambda api: api.delete("/devices?scope=all"),
    "forgetDevices, inactive": lambda api: api.delete("/devices?scope=inactive&days=90"),
    "forgetDevices, expired": lambda api: api.delete("/devices?scope=expired"),
    "endSession": lambda api: api.delete(f"/sessions/{SESSION}"),
    "endSessions": lambda api: api.delete("/sessions?scope=others"),
}
NEVER_ASKED: dict[str, Callable[[ApiClient], TestResponse]] = {
    "listDevices": lambda api: api.get("/devices"),
    "getDevice": lambda api: api.get(f"/devices/{OTHER}"),
    "getCurrentDevice": lambda api: api.get("/devices/current"),
    "listSessions": lambda api: api.get("/sessions"),
    "updateDevice, this, stop": lambda api: api.patch(f"/devices/{CURRENT}", json=STOP),
    "updateCurrentDevice, stop": lambda api: api.patch("/devices/current", json=STOP),
    "forgetDevice, this": lambda api: api.delete(f"/devices/{CURRENT}"),
    "forgetCurrentDevice": lambda api: api.delete("/devices/current"),
    "signOutEverywhere": lambda api: api.post("/devices/sign-out"),
}
SIGN_INS: dict[str, tuple[dict[str, Any], bool]] = {
    "fresh": ({"auth_time": 0, "acr": STRONG}, True),
    "old": ({"auth_time": -6 * MINUTE, "acr": STRONG}, False),
    "far in the future": ({"auth_time": 6 * MINUTE, "acr": STRONG}, False),
    "weak": ({"auth_time": 0, "acr": WEAK}, False),
    "without auth_time": ({"auth_time": ..., "acr": STRONG}, False),
    "without acr": ({"auth_time": 0}, False),
}
"""`auth_time` from now on → whether the sign-in suffices."""


@pytest.fixture
def asking(start: Start) -> ApiClient:
    levels = f"{STRONG}, urn:cognito:loa:3"
    return with_devices(start(STEP_UP_MAX_AGE=str(5 * MINUTE), STEP_UP_ACR=levels, TRUST_DAYS="90"))


def with_devices(api: ApiClient) -> ApiClient:
    api.cognito.add(CURRENT)
    api.cognito.add(OTHER)
    api.cognito.add_session(SESSION)
    return api


def signed_in(api: ApiClient, token: Token, claims: dict[str, Any]) -> ApiClient:
    auth_time = claims["auth_time"]
    moved = auth_time if auth_time is ... else int(time.time()) + auth_time
    return api.with_token(token(**claims | {"auth_time": moved}))


@pytest.mark.parametrize(("claims", "suffices"), SIGN_INS.values(), ids=SIGN_INS)
@pytest.mark.parametrize("call", ASKED.values(), ids=ASKED)
def test_what_raises_trust_or_acts_on_others_asks_for_a_recent_and_strong_sign_in(
    asking: ApiClient,
    token: Token,
    call: Callable[[ApiClient], TestResponse],
    claims: dict[str, Any],
    suffices: bool,
) -> None:
    response = call(signed_in(asking, token, claims))
    if suffices:
        assert response.status_code in (200, 201, 204)
        return
    assert response.status_code == 401
    problem = response.get_json()
    assert problem["code"] == "reauthentication-required"
    assert (problem["maxAge"], problem["acrValues"]) == (300, [STRONG, "urn:cognito:loa:3"])
    challenge = response.headers["WWW-Authenticate"]
    assert challenge.startswith('Bearer error="insufficient_user_authentication", ')
    assert f'max_age="300", acr_values="{STRONG} urn:cognito:loa:3"' in challenge
    assert asking.cognito.calls == []


@pytest.mark.parametrize("call", NEVER_ASKED.values(), ids=NEVER_ASKED)
def test_nothing_else_asks(
    asking: ApiClient, token: Token, call: Callable[[ApiClient], TestResponse]
) -> None:
    old = signed_in(asking, token, {"auth_time": -30 * 24 * 60 * MINUTE})
    assert call(old).status_code in (200, 204)


@pytest.mark.parametrize("call", ASKED.values(), ids=ASKED)
def test_unless_it_is_set_nothing_asks(
    start: Start, token: Token, call: Callable[[ApiClient], TestResponse]
) -> None:
    api = with_devices(start(TRUST_DAYS="90"))
    assert call(api.with_token(token(auth_time=...))).status_code in (200, 201, 204)


def test_only_what_is_set_is_asked_for(start: Start, token: Token) -> None:
    api = start(STEP_UP_MAX_AGE="300").with_token(token(auth_time=...))
    problem = api.delete(f"/devices/{OTHER}").get_json()
    assert (problem["maxAge"], "acrValues" in problem) == (300, False)


@pytest.mark.parametrize(
    ("claims", "lacks"),
    [
        ({"auth_time": ...}, ["auth_time", "acr"]),
        (
            {"auth_time": -6 * MINUTE, "acr": WEAK},
            ["a sign-in that is recent enough", "an acr that is strong enough"],
        ),
    ],
    ids=["claims are missing", "claims do not suffice"],
)
def test_a_refusal_is_audited_and_counted_and_the_log_names_what_is_lacking(
    asking: ApiClient, token: Token, trail: list[str], claims: dict[str, Any], lacks: list[str]
) -> None:
    before = REGISTRY.get_sample_value("device_bff_step_ups_total") or 0
    with structlog.testing.capture_logs() as logs:
        signed_in(asking, token, claims).delete("/devices?scope=others")
    assert REGISTRY.get_sample_value("device_bff_step_ups_total") == before + 1
    assert [line.count('"outcome":"reauthentication-required"') for line in trail] == [1]
    (line,) = (it for it in logs if it["event"] == "step_up_required")
    assert (line["operation"], line["lacks"]) == ("ForgetDevice", lacks)


# A stolen token raises none


@pytest.mark.parametrize("claims", [{"auth_time": 0, "acr": STRONG}, {"auth_time": -1000}])
def test_no_token_makes_another_device_stand_in_for_the_second_factor(
    asking: ApiClient, token: Token, claims: dict[str, Any]
) -> None:
    """A thief signs in on a device of their own, and would have it remembered by a stolen token.
    It is told before a step-up is asked for."""
    thief = signed_in(asking, token, claims)
    asking.cognito.add(NEW, status=DeviceStatus.NOT_REMEMBERED)
    for current in (CURRENT, ...):
        stolen = thief if current == CURRENT else asking.with_token(token(device_key=current))
        assert_problem(stolen.patch(f"/devices/{NEW}", json=REMEMBER), 403, "not-this-device")
    assert asking.cognito.calls == []
