"""The operations: what is asked of Cognito, and what its refusals and faults mean."""

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from app.cognito.client import CognitoClient
from app.cognito.transport import Answer, Transport
from app.domain.devices import DeviceStatus, SecretVerifier
from app.domain.errors import ErrorCode, ServiceError
from app.observability import calls
from tests.raw_server import silent
from tests.unit.cognito.conftest import Cognito, make_client

UNAVAILABLE = ErrorCode.UPSTREAM_UNAVAILABLE
KEY = "eu-west-1_aaaaaaaa-1111-4111-8111-111111111111"
SESSION = "tkn" + "a" * 25
VERIFIER = {"PasswordVerifier": "dmVy", "Salt": "c2FsdA"}

CALLS: dict[str, tuple[Callable[[CognitoClient], Any], str, dict[str, Any]]] = {
    "a list": (lambda c: c.list_devices("t", 5, None), "ListDevices", {"Limit": 5}),
    "the next page": (
        lambda c: c.list_devices("t", 60, "cur/+="),
        "ListDevices",
        {"Limit": 60, "PaginationToken": "cur/+="},
    ),
    "a device": (lambda c: c.get_device("t", KEY), "GetDevice", {"DeviceKey": KEY}),
    "tracking": (
        lambda c: c.confirm_device("t", KEY, SecretVerifier("dmVy", "c2FsdA"), "Phone"),
        "ConfirmDevice",
        {"DeviceKey": KEY, "DeviceSecretVerifierConfig": VERIFIER, "DeviceName": "Phone"},
    ),
    "tracking without a name": (
        lambda c: c.confirm_device("t", KEY, SecretVerifier("dmVy", "c2FsdA"), None),
        "ConfirmDevice",
        {"DeviceKey": KEY, "DeviceSecretVerifierConfig": VERIFIER},
    ),
    "remembering": (
        lambda c: c.update_device_status("t", KEY, DeviceStatus.REMEMBERED),
        "UpdateDeviceStatus",
        {"DeviceKey": KEY, "DeviceRememberedStatus": "remembered"},
    ),
    "forgetting": (lambda c: c.forget_device("t", KEY), "ForgetDevice", {"DeviceKey": KEY}),
    "signing out": (lambda c: c.global_sign_out("t"), "GlobalSignOut", {}),
    "sessions": (lambda c: c.list_user_sessions("t", "c"), "ListUserSessions", {"NextToken": "c"}),
    "ending": (
        lambda c: c.revoke_user_session("t", SESSION, linked=False),
        "RevokeUserSession",
        {"SessionId": SESSION, "RevokeAssociatedSessions": "NONE"},
    ),
    "ending with what is linked": (
        lambda c: c.revoke_user_session("t", SESSION, linked=True),
        "RevokeUserSession",
        {"SessionId": SESSION, "RevokeAssociatedSessions": "LINKED"},
    ),
}
ANSWERS: dict[str, object] = {
    "ListDevices": {"Devices": []},
    "GetDevice": {"Device": {"DeviceKey": KEY}},
    "ConfirmDevice": {"UserConfirmationNecessary": True},
    "ListUserSessions": {"Sessions": []},
}


@pytest.mark.parametrize(("call", "operation", "asked"), CALLS.values(), ids=CALLS)
def test_what_is_asked_of_cognito(
    cognito: Cognito,
    call: Callable[[CognitoClient], Any],
    operation: str,
    asked: dict[str, Any],
) -> None:
    cognito.says(ANSWERS.get(operation, {}))
    call(cognito.client)
    assert cognito.asked() == (operation, {"AccessToken": "t"} | asked)


def test_nothing_of_awss_own_settings_is_needed_or_sent(
    cognito: Cognito, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Neither credentials, nor a profile, nor files, which may be wrong."""
    (tmp_path / "broken").write_text("[[no end\n= =\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "broken"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "broken"))
    monkeypatch.setenv("AWS_PROFILE", "not-there")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_DEFAULTS_MODE", "auto")  # would ask EC2 where this machine is
    monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", cognito.server.url)
    cognito.says({"Devices": []})
    make_client(cognito.server.url).list_devices("t", 60, None)
    (head,) = cognito.server.heads
    assert "Authorization" not in head
    assert "AKIAEXAMPLE" not in str(head)


@pytest.mark.parametrize(
    ("region", "fips", "address"),
    [
        ("eu-west-1", "false", "https://cognito-idp.eu-west-1.amazonaws.com/"),
        ("cn-north-1", "false", "https://cognito-idp.cn-north-1.amazonaws.com.cn/"),
        ("us-east-1", "true", "https://cognito-idp-fips.us-east-1.amazonaws.com/"),
    ],
)
def test_the_address_is_the_regions(
    monkeypatch: pytest.MonkeyPatch, region: str, fips: str, address: str
) -> None:
    monkeypatch.setenv("AWS_USE_FIPS_ENDPOINT", fips)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    asked: list[str] = []

    def refuse(self: Transport, url: str, headers: dict[str, str], body: bytes) -> Answer:
        asked.append(url)
        raise EndpointConnectionError(endpoint_url=url)

    monkeypatch.setattr(Transport, "post", refuse)
    client = make_client(None, region=region, max_attempts=1)
    failing(lambda: client.global_sign_out("t"))
    assert asked == [address]


@pytest.mark.parametrize("must_opt_in", [True, False])
def test_confirming_tells_whether_the_user_must_opt_in(cognito: Cognito, must_opt_in: bool) -> None:
    cognito.says({"UserConfirmationNecessary": must_opt_in})
    confirmed = cognito.client.confirm_device("t", KEY, SecretVerifier("a", "b"), None)
    assert confirmed is must_opt_in


def failing(call: Callable[[], Any]) -> ServiceError:
    with pytest.raises(ServiceError) as failed:
        call()
    return failed.value


@pytest.mark.parametrize(
    ("kind", "cursor", "code"),
    [
        ("OperationNotEnabledException", None, ErrorCode.SESSION_TRACKING_UNAVAILABLE),
        ("ResourceNotFoundException", None, ErrorCode.SESSION_TRACKING_UNAVAILABLE),
        ("InvalidParameterException", None, ErrorCode.SESSION_TRACKING_UNAVAILABLE),
        ("InvalidParameterException", "stale", ErrorCode.INVALID_PARAMETER),
        ("NotAuthorizedException", None, ErrorCode.SESSION_TRACKING_UNAVAILABLE),
    ],
)
def test_what_a_refused_list_of_sessions_means(
    cognito: Cognito, kind: str, cursor: str | None, code: ErrorCode
) -> None:
    cognito.refuses(kind)
    error = failing(lambda: cognito.client.list_user_sessions("t", cursor))
    assert error.code is code
    assert len(cognito.server.heads) == 1


@pytest.mark.parametrize(
    ("status", "opens"), [(500, False), (501, False), (502, True), (503, True), (504, True)]
)
def test_an_answer_that_is_an_error_of_cognitos_own_is_no_outage(
    cognito: Cognito, status: int, opens: bool
) -> None:
    """One user for whom Cognito answers 500 must not take the service from everybody."""
    client = make_client(cognito.server.url, breaker_failures=2, max_attempts=1)
    cognito.says({}, f"{status} Bad")
    for _ in range(5):
        failing(lambda: client.get_device("t", KEY))
    cognito.says({"Devices": []})
    if opens:
        assert failing(lambda: client.list_devices("u", 60, None)).code is UNAVAILABLE
    else:
        client.list_devices("u", 60, None)


def test_a_cognito_that_does_not_answer_in_time_is_an_outage(cognito: Cognito) -> None:
    cognito.server.script = silent
    client = make_client(cognito.server.url, read_timeout=0.05, breaker_failures=2, max_attempts=1)
    codes = [failing(lambda: client.get_device("t", KEY)).code for _ in range(3)]
    assert codes == [ErrorCode.UPSTREAM_TIMEOUT, ErrorCode.UPSTREAM_TIMEOUT, UNAVAILABLE]


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"{", b"\xff", b"<html>", b'{"__type": 7}'])
def test_a_server_error_is_tried_again_whatever_its_body(cognito: Cognito, body: bytes) -> None:
    cognito.says(body, "500 Internal Server Error")
    error = failing(lambda: cognito.client.list_devices("t", 60, None))
    assert error.code is ErrorCode.UPSTREAM_ERROR
    assert len(cognito.server.heads) == 3


def test_a_connection_that_is_cut_is_tried_again(cognito: Cognito) -> None:
    cognito.server.script = lambda connection: connection.shutdown(socket.SHUT_RDWR)
    error = failing(lambda: cognito.client.global_sign_out("t"))
    assert error.code is ErrorCode.UPSTREAM_ERROR
    assert "may have been signed out already" in error.detail


def test_an_answer_that_does_not_come_is_a_time_out(cognito: Cognito) -> None:
    cognito.server.script = silent
    client = make_client(cognito.server.url, read_timeout=0.1, max_attempts=2)
    error = failing(lambda: client.forget_device("t", KEY))
    assert error.code is ErrorCode.UPSTREAM_TIMEOUT
    assert "may have been forgotten already" in error.detail


def test_nobody_there_leaves_nothing_in_doubt() -> None:
    with socket.socket() as taken:  # bound and not listening: connections are refused
        taken.bind(("127.0.0.1", 0))
        client = make_client(f"http://127.0.0.1:{taken.getsockname()[1]}")
        error = failing(lambda: client.forget_device("t", KEY))
    assert error.code is ErrorCode.UPSTREAM_ERROR
    assert error.detail == "Amazon Cognito could not be reached."


def test_what_a_request_cost_is_gathered_with_cognitos_own_ids(cognito: Cognito) -> None:
    use = calls.start_gathering()
    cognito.says(b"[]", x_amzn_RequestId="id-of-cognito")
    failing(lambda: cognito.client.list_devices("t", 60, None))
    assert use.attempts == 3
    assert use.seconds > 0
    assert use.request_ids == ["id-of-cognito"] * 3
