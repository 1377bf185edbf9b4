"""What Cognito refuses, garbles or loses, and what callers are told."""

import socket
from typing import Any

import pytest

from app.domain.operations import OPERATIONS
from tests.api.client import ApiClient
from tests.api.cognito.conftest import (
    EVERY_OPERATION,
    READS,
    SESSION,
    THROTTLE,
    TRACKING,
    ScriptedCognito,
    answer,
    call,
    closing,
    counted,
    cut,
    refusal,
)
from tests.api.conftest import CURRENT, OTHER, Start
from tests.calls import assert_problem
from tests.raw_server import Script, in_pieces, silent

# What is asked


@pytest.mark.parametrize(
    ("method", "address", "body", "operation", "asked"),
    [
        ("GET", "/devices?limit=5", None, "ListDevices", {"Limit": 5}),
        (
            *("GET", "/devices?cursor=cur/%2B=", None, "ListDevices"),
            {"Limit": 60, "PaginationToken": "cur/+="},
        ),
        ("GET", f"/devices/{OTHER}", None, "GetDevice", {"DeviceKey": OTHER}),
        (
            *("POST", "/devices", TRACKING | {"name": "Phone"}, "ConfirmDevice"),
            {
                "DeviceKey": OTHER,
                "DeviceSecretVerifierConfig": {"PasswordVerifier": "dmVy", "Salt": "c2FsdA"},
                "DeviceName": "Phone",
            },
        ),
        (
            *("PATCH", f"/devices/{OTHER}", {"status": "not_remembered"}, "UpdateDeviceStatus"),
            {"DeviceKey": OTHER, "DeviceRememberedStatus": "not_remembered"},
        ),
        ("DELETE", f"/devices/{OTHER}", None, "ForgetDevice", {"DeviceKey": OTHER}),
        ("POST", "/devices/sign-out", None, "GlobalSignOut", {}),
        ("GET", "/sessions?cursor=c", None, "ListUserSessions", {"NextToken": "c"}),
        ("GET", "/sessions", None, "ListUserSessions", {}),
        (
            *("DELETE", f"/sessions/{SESSION}", None, "RevokeUserSession"),
            {"SessionId": SESSION, "RevokeAssociatedSessions": "NONE"},
        ),
        (
            *("DELETE", f"/sessions/{SESSION}?linked=true", None, "RevokeUserSession"),
            {"SessionId": SESSION, "RevokeAssociatedSessions": "LINKED"},
        ),
    ],
)
def test_what_is_asked_of_cognito_and_by_whose_token(
    cognito: ScriptedCognito,
    api: ApiClient,
    method: str,
    address: str,
    body: Any,
    operation: str,
    asked: dict[str, Any],
) -> None:
    anonymous = api.with_authorization(None).open(address, method=method, json=body)
    assert_problem(anonymous, 401, "missing-token")
    assert api.open(address, method=method, json=body).status_code < 300
    assert api.authorization is not None
    assert cognito.asked() == [(operation, {"AccessToken": api.authorization[7:]} | asked)]
    assert cognito.server.heads[0]["Authorization"] is None


def test_a_device_without_a_name_is_confirmed_without_one(
    cognito: ScriptedCognito, api: ApiClient
) -> None:
    cognito.then(answer({"UserConfirmationNecessary": True}))
    response = api.post("/devices", json=TRACKING, headers={"User-Agent": "?"})
    assert response.get_json()["status"] == "tracked"
    assert "DeviceName" not in cognito.asked()[0][1]


# Failures


FAULTS: dict[str, tuple[Script, int, str]] = {
    "throttle": (THROTTLE, 429, "quota-exceeded"),
    "500": (answer({}, "500 Internal Server Error"), 502, "upstream-error"),
    "500 in odd bytes": (answer(b"\xff", "500 Internal Server Error"), 502, "upstream-error"),
    "503 in HTML": (answer(b"<html>", "503 Service Unavailable"), 502, "upstream-error"),
    "HTML": (answer(b"<!doctype html><title>Sign in</title>"), 502, "upstream-error"),
    "half of it": (answer(b'{"Devices": ['), 502, "upstream-error"),
    "a 202": (answer({"Devices": []}, "202 Accepted"), 502, "upstream-error"),
    "no answer": (cut, 502, "upstream-error"),
    "an answer that is cut off": (
        closing(in_pieces(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{")),
        *(502, "upstream-error"),
    ),
}


@pytest.mark.parametrize(("script", "status", "code"), FAULTS.values(), ids=FAULTS)
def test_a_fault_that_lasts_is_told_after_three_attempts_and_one_that_passes_is_not_noticed(
    cognito: ScriptedCognito, api: ApiClient, script: Script, status: int, code: str
) -> None:
    retries = counted("cognito_retries_total", operation="ListDevices")
    cognito.always = script
    throttled = status == 429
    assert_problem(api.get("/devices"), status, code)
    assert cognito.count() == 3
    assert counted("cognito_retries_total", operation="ListDevices") == retries + 2
    detail = call(api, "ForgetDevice").get_json(force=True)["detail"]
    assert ("may have been forgotten already" in detail) is not throttled
    cognito.reset()
    cognito.then(script, script)
    assert api.get("/devices").get_json()["items"] == []
    assert cognito.count() == 3


@EVERY_OPERATION
def test_a_write_whose_answer_is_lost_says_what_may_have_happened_and_what_to_do(
    cognito: ScriptedCognito, api: ApiClient, operation: str
) -> None:
    cognito.always = cut
    problem = assert_problem(call(api, operation), 502, "upstream-error")
    (row,) = (one for one in OPERATIONS if one.name == operation)
    if operation in READS:
        assert problem["detail"] == "Amazon Cognito could not be reached."
    else:
        assert problem["detail"] == f"Amazon Cognito's answer was lost. {row.lost}"
        assert "repeat" in problem["detail"]


@EVERY_OPERATION
def test_an_answer_that_does_not_come_is_a_gateway_time_out(
    cognito: ScriptedCognito, over: Start, operation: str
) -> None:
    cognito.always = silent
    api = over(COGNITO_READ_TIMEOUT="0.05", COGNITO_MAX_ATTEMPTS="1")
    problem = assert_problem(call(api, operation), 504, "upstream-timeout")
    assert problem["detail"].startswith("Cognito did not answer in time.")
    assert (" may " in problem["detail"]) == (operation not in READS)


def test_a_cognito_that_is_not_there_leaves_nothing_in_doubt(start: Start) -> None:
    with socket.socket() as taken:  # bound and not listening: connections are refused
        taken.bind(("127.0.0.1", 0))
        api = start(COGNITO_ENDPOINT_URL=f"http://127.0.0.1:{taken.getsockname()[1]}")
        problem = assert_problem(call(api, "ForgetDevice"), 502, "upstream-error")
    assert problem["detail"] == "Amazon Cognito could not be reached."


@pytest.mark.parametrize(
    ("operation", "refused", "status", "code"),
    [
        ("ForgetDevice", "ResourceNotFoundException", 204, None),
        ("RevokeUserSession", "ResourceNotFoundException", 204, None),
        # Nobody can tell: by another secret perhaps, or by a token that somebody else ended.
        ("ConfirmDevice", "DeviceKeyExistsException", 409, "device-already-tracked"),
        ("GlobalSignOut", "NotAuthorizedException", 401, "invalid-token"),
        ("UpdateDeviceStatus", "ResourceNotFoundException", 404, "device-not-found"),
        ("ForgetDevice", "NotAuthorizedException", 401, "invalid-token"),
        ("RevokeUserSession", "InvalidParameterException", 409, "current-session"),
    ],
)
def test_a_lost_answer_is_settled_by_the_repetition_where_that_proves_anything(
    cognito: ScriptedCognito,
    api: ApiClient,
    operation: str,
    refused: str,
    status: int,
    code: str | None,
) -> None:
    cognito.then(cut, refusal(refused, "Access Token has been revoked"))
    response = call(api, operation)
    assert response.status_code == status
    if code:
        problem = response.get_json(force=True)
        assert problem["code"] == code
        assert problem["detail"].startswith("Amazon Cognito's answer was lost. ")
        assert "already" in problem["detail"]
    assert cognito.count() == 2


@pytest.mark.parametrize("before", [[], [THROTTLE]], ids=["nothing", "a refusal"])
def test_a_device_that_was_never_there_is_not_forgotten_though(
    cognito: ScriptedCognito, api: ApiClient, before: list[Script]
) -> None:
    cognito.then(*before, refusal("ResourceNotFoundException"))
    assert_problem(call(api, "ForgetDevice"), 404, "device-not-found")


@EVERY_OPERATION
def test_a_refusal_is_not_retried_and_cognitos_words_are_not_passed_on(
    cognito: ScriptedCognito, api: ApiClient, operation: str
) -> None:
    cognito.then(refusal("ForbiddenException", "about jane@example.com"))
    response = call(api, operation)
    assert_problem(response, 403, "blocked")
    assert "jane" not in response.text
    assert cognito.count() == 1


def test_a_run_waits_for_quota_settles_lost_answers_and_tells_of_those_that_stay_lost(
    cognito: ScriptedCognito, api: ApiClient
) -> None:
    listed = answer({"Devices": [{"DeviceKey": key} for key in (OTHER, CURRENT)]})
    gone = refusal("ResourceNotFoundException")
    cognito.then(listed, *[THROTTLE] * 4, cut, gone)
    report = api.delete("/devices?scope=all").get_json()
    assert report == {"forgotten": [OTHER, CURRENT], "failed": []}
    cognito.then(listed)
    cognito.always = cut
    report = api.delete("/devices?scope=others").get_json()
    (failed,) = report["failed"]
    assert (report["forgotten"], failed["id"]) == ([], OTHER)
    assert "repeating the call is safe" in failed["problem"]["detail"]
