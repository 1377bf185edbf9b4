"""The six operations through boto3, against the local Cognito over HTTP."""

import base64
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.assembly import make_breaker, make_cognito
from app.cognito.client import CognitoClient
from app.counters import counters_at
from app.domain.devices import DeviceStatus, DeviceStatus, SecretVerifier
from app.domain.errors import ServiceError, ErrorCode
from app.observability import calls
from app.settings import Settings
from local_cognito import seed, srp
from local_cognito.process import RunningCognito
from tests.raw_server import in_pieces, raw_server
from tests.servers import settings_for

VERIFIER = SecretVerifier(
    base64.b64encode(srp.pad(srp.verifier("group", "device", "password", 1))).decode(),
    base64.b64encode(b"saltsaltsaltsalt").decode(),
)
FOR_GOOD = None
NOT_REMEMBERED = DeviceStatus.NOT_REMEMBERED


Make = Callable[..., CognitoClient]


@pytest.fixture
def make(
    cognito: RunningCognito, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Make]:
    """A client as the service has it, without a variable of AWS or a home with its files in it."""
    for name in os.environ:
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    patient_for_so_long = {
        "HOME": str(tmp_path),
        "COGNITO_CONNECT_TIMEOUT": "1",
        "COGNITO_READ_TIMEOUT": "0.3",
        "COGNITO_DEADLINE": "3",
    }
    made: list[CognitoClient] = []

    def go(**variables: str) -> CognitoClient:
        for name, value in (settings_for(cognito) | patient_for_so_long | variables).items():
            monkeypatch.setenv(name, value)
        settings = Settings.from_environ()
        made.append(make_cognito(settings, make_breaker(settings), counters_at(None)))
        return made[-1]

    yield go
    for client in made:
        client._cognito_idp.close()


@pytest.fixture
def client(make: Make) -> CognitoClient:
    return make()


@pytest.fixture
def sign_in(cognito: RunningCognito) -> Callable[..., dict[str, Any]]:
    """Sign a user in from a device that is tracked; the local Cognito's answer."""

    def go(**members: Any) -> dict[str, Any]:
        answer: dict[str, Any] = cognito.control("POST", "/_local/sign-in", **members)
        return answer

    return go


SignIn = Callable[..., dict[str, Any]]


def fault(cognito: RunningCognito, operation: str, kind: str, **members: Any) -> None:
    cognito.control("POST", "/_local/faults", operation=operation, fault=kind, **members)


def new_sign_in(cognito: RunningCognito, pool_id: str = seed.POOL_ID) -> tuple[str, str]:
    """The token of a sign-in, and the key of its device, which is not tracked yet."""
    made = cognito.control("POST", "/_local/tokens", pool=pool_id)
    return made["token"], made["claims"]["device_key"]


def failing(call: Callable[[], Any]) -> ServiceError:
    with pytest.raises(ServiceError) as failed:
        call()
    return failed.value


def test_a_device_is_what_cognito_says_of_it(client: CognitoClient, sign_in: SignIn) -> None:
    signed_in = sign_in(device_name="Chrome on macOS")
    device = client.get_device(signed_in["access_token"], signed_in["device_key"])
    assert device.id == signed_in["device_key"]
    assert device.name == "Chrome on macOS"
    assert device.status is DeviceStatus.REMEMBERED
    assert device.last_ip_address == "127.0.0.1"
    assert device.current is False, "which one calls is not Cognito's to say"
    for moment in (device.created_at, device.last_modified_at, device.last_authenticated_at):
        assert moment.tzinfo is UTC
        assert abs(datetime.now(UTC) - moment) < timedelta(minutes=1)


def test_account_number_and_owner_are_left_out(client: CognitoClient, sign_in: SignIn) -> None:
    signed_in = sign_in(device_name="Phone")
    device = client.get_device(signed_in["access_token"], signed_in["device_key"])
    assert dict(device.attributes) == {"device_status": "valid", "dev:device_sdk": "aws-sdk"}
    assert seed.ACCOUNT_ID not in repr(device)
    assert seed.DEMO_USERNAME not in repr(device)


def test_pages_follow_one_another(client: CognitoClient, sign_in: SignIn) -> None:
    signed_in = sign_in(count=5)["sign_ins"]
    token, seen, cursor = signed_in[0]["access_token"], list[str](), None
    while True:
        page = client.list_devices(token, 2, cursor)
        assert len(page.items) <= 2
        seen += [device.id for device in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == [one["device_key"] for one in signed_in]


@pytest.mark.parametrize(
    ("pool_id", "client_id", "must_opt_in"),
    [
        (seed.ALWAYS_POOL_ID, seed.ALWAYS_CLIENT_ID, False),
        (seed.OPT_IN_POOL_ID, seed.OPT_IN_CLIENT_ID, True),
    ],
)
def test_confirming_tells_whether_the_user_must_opt_in(
    client: CognitoClient,
    cognito: RunningCognito,
    pool_id: str,
    client_id: str,
    must_opt_in: bool,
) -> None:
    token, device_key = new_sign_in(cognito, pool_id)
    assert client.confirm_device(token, device_key, VERIFIER, "Phone") is must_opt_in
    if not must_opt_in:
        assert client.get_device(token, device_key).name == "Phone"


def test_a_device_can_go_without_a_name(client: CognitoClient, cognito: RunningCognito) -> None:
    token, device_key = new_sign_in(cognito)
    client.confirm_device(token, device_key, VERIFIER, None)
    assert client.get_device(token, device_key).name is None


def test_a_device_that_is_not_remembered_is_not_shown(
    client: CognitoClient, sign_in: SignIn
) -> None:
    signed_in = sign_in()
    token, device_key = signed_in["access_token"], signed_in["device_key"]
    client.update_device_status(token, device_key, NOT_REMEMBERED)
    error = failing(lambda: client.get_device(token, device_key))
    assert error.code is ErrorCode.DEVICE_NOT_FOUND
    assert client.list_devices(token, 60, None).items == ()
    client.update_device_status(token, device_key, DeviceStatus.REMEMBERED)
    assert client.get_device(token, device_key).status is DeviceStatus.REMEMBERED


def test_a_forgotten_device_is_gone(client: CognitoClient, sign_in: SignIn) -> None:
    signed_in = sign_in()
    token, device_key = signed_in["access_token"], signed_in["device_key"]
    client.forget_device(token, device_key)
    error = failing(lambda: client.forget_device(token, device_key))
    assert error.code is ErrorCode.DEVICE_NOT_FOUND


def test_after_signing_out_the_token_is_refused(client: CognitoClient, sign_in: SignIn) -> None:
    token = sign_in()["access_token"]
    client.global_sign_out(token)
    error = failing(lambda: client.list_devices(token, 60, None))
    assert error.code is ErrorCode.INVALID_TOKEN


@pytest.mark.parametrize(
    ("kind", "members", "code"),
    [
        ("internal_error", {}, ErrorCode.UPSTREAM_ERROR),
        ("drop", {}, ErrorCode.UPSTREAM_ERROR),
        ("reset", {}, ErrorCode.UPSTREAM_ERROR),
        ("html", {}, ErrorCode.UPSTREAM_ERROR),
        ("empty", {}, ErrorCode.UPSTREAM_ERROR),
        ("truncate", {}, ErrorCode.UPSTREAM_ERROR),
        ("huge", {}, ErrorCode.UPSTREAM_ERROR),
        ("wrong_shape", {"body": ["a", "list"]}, ErrorCode.UPSTREAM_ERROR),
        ("wrong_shape", {"body": {"Devices": 7}}, ErrorCode.UPSTREAM_ERROR),
        ("throttle", {}, ErrorCode.QUOTA_EXCEEDED),
        ("hang", {"seconds": 1.0}, ErrorCode.UPSTREAM_TIMEOUT),
    ],
)
def test_what_may_succeed_the_next_time_is_tried_three_times(
    client: CognitoClient,
    cognito: RunningCognito,
    sign_in: SignIn,
    kind: str,
    members: dict[str, Any],
    code: ErrorCode,
) -> None:
    token = sign_in()["access_token"]
    fault(cognito, "ListDevices", kind, times=FOR_GOOD, **members)
    assert failing(lambda: client.list_devices(token, 60, None)).code is code
    assert cognito.control("GET", "/_local/calls") == {"ListDevices": 3}


def test_an_answer_of_nothing_is_one_where_cognito_says_nothing(
    client: CognitoClient, cognito: RunningCognito, sign_in: SignIn
) -> None:
    signed_in = sign_in()
    fault(cognito, "UpdateDeviceStatus", "empty")
    client.update_device_status(
        signed_in["access_token"], signed_in["device_key"], DeviceStatus.REMEMBERED
    )


@pytest.mark.parametrize("body", [{"message": "Forbidden"}, {"__type": "NotAuthorized"}, []])
def test_an_answer_of_something_is_none_where_cognito_says_nothing(
    client: CognitoClient, cognito: RunningCognito, sign_in: SignIn, body: Any
) -> None:
    token = sign_in()["access_token"]
    fault(cognito, "GlobalSignOut", "wrong_shape", body=body, times=FOR_GOOD)
    error = failing(lambda: client.global_sign_out(token))
    assert error.code is ErrorCode.UPSTREAM_ERROR
    assert "may have been signed out already" in error.detail


@pytest.mark.parametrize("status", ["101 Switching Protocols", "202 Accepted", "204 No Content"])
def test_no_success_but_200_is_cognitos(make: Make, sign_in: SignIn, status: str) -> None:
    token = sign_in()["access_token"]
    with raw_server() as server:
        server.script = in_pieces(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode())
        client = make(COGNITO_ENDPOINT_URL=server.url)
        error = failing(lambda: client.global_sign_out(token))
    assert error.code is ErrorCode.UPSTREAM_ERROR
    assert "may have been signed out already" in error.detail


def test_a_confirmation_that_is_neither_true_nor_false_is_none(
    client: CognitoClient, cognito: RunningCognito
) -> None:
    token, device_key = new_sign_in(cognito)
    body = {"UserConfirmationNecessary": "perhaps"}
    fault(cognito, "ConfirmDevice", "wrong_shape", body=body, times=FOR_GOOD)
    error = failing(lambda: client.confirm_device(token, device_key, VERIFIER, None))
    assert error.code is ErrorCode.UPSTREAM_ERROR


def test_nobody_there_leaves_nothing_in_doubt(make: Make, sign_in: SignIn) -> None:
    signed_in = sign_in()
    with socket.socket() as taken:  # bound and not listening: connections are refused
        taken.bind(("127.0.0.1", 0))
        client = make(COGNITO_ENDPOINT_URL=f"http://127.0.0.1:{taken.getsockname()[1]}")
        error = failing(
            lambda: client.forget_device(signed_in["access_token"], signed_in["device_key"])
        )
    assert error.code is ErrorCode.UPSTREAM_ERROR
    assert error.detail == "Amazon Cognito could not be reached."


def test_the_breaker_opens_on_outages_and_tells_when_to_come_back(
    make: Make, cognito: RunningCognito, sign_in: SignIn
) -> None:
    client, token = (
        make(BREAKER_FAILURES="2", BREAKER_OPEN_SECONDS="600"),
        sign_in()["access_token"],
    )
    fault(cognito, "ListDevices", "drop", times=FOR_GOOD)
    error = failing(lambda: client.list_devices(token, 60, None))
    assert error.code is ErrorCode.UPSTREAM_UNAVAILABLE
    assert error.retry_after is not None
    assert 590 <= error.retry_after <= 600
    assert cognito.control("GET", "/_local/calls") == {"ListDevices": 2}


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b'"text"', b"null", b"{", b"\xff", b"<html>", b'{"__type": 7, "message": []}'],
)
def test_a_server_error_is_an_outage_whatever_its_body(
    make: Make, sign_in: SignIn, body: bytes
) -> None:
    with raw_server() as server:
        server.script = in_pieces(
            b"HTTP/1.1 500 Internal Server Error\r\n"
            b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
        )
        client = make(COGNITO_ENDPOINT_URL=server.url, BREAKER_FAILURES="2")
        token = sign_in()["access_token"]
        error = failing(lambda: client.list_devices(token, 60, None))
    assert error.code is ErrorCode.UPSTREAM_UNAVAILABLE


def test_requests_carry_no_signature_and_no_credentials(
    client: CognitoClient, sign_in: SignIn
) -> None:
    sent: list[dict[str, str]] = []
    events = client._cognito_idp.meta.events
    events.register(
        "before-send.cognito-identity-provider", lambda request, **_: sent.append(request.headers)
    )
    client.list_devices(sign_in()["access_token"], 60, None)
    assert "Authorization" not in sent[0]
    assert not [name for name in sent[0] if name.lower().startswith("x-amz-security")]


def test_what_a_request_cost_is_gathered(
    client: CognitoClient, cognito: RunningCognito, sign_in: SignIn
) -> None:
    use = calls.start_gathering()
    token = sign_in()["access_token"]
    fault(cognito, "ListDevices", "throttle", times=2)
    client.list_devices(token, 60, None)
    assert use.attempts == 3
    assert use.seconds > 0
    assert len(use.request_ids) == 3


def test_cognitos_id_of_an_answer_that_is_none_is_gathered_too(
    client: CognitoClient, cognito: RunningCognito, sign_in: SignIn
) -> None:
    use = calls.start_gathering()
    token = sign_in()["access_token"]
    fault(cognito, "ListDevices", "wrong_shape", body=["a", "list"], times=FOR_GOOD)
    failing(lambda: client.list_devices(token, 60, None))
    assert len(use.request_ids) == 3


def test_a_write_that_was_given_up_before_it_was_sent_is_not_sent_later(
    make: Make, cognito: RunningCognito, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would undo what its caller did after he was told."""
    name_server, looked_up = threading.Event(), threading.Event()
    look_up = socket.getaddrinfo

    def take_ones_time(*args: Any, **options: Any) -> Any:
        name_server.wait(10)
        try:
            return look_up(*args, **options)
        finally:
            looked_up.set()

    client, signed_in = make(COGNITO_CONNECT_TIMEOUT="0.1"), sign_in()
    device = signed_in["access_token"], signed_in["device_key"]
    with monkeypatch.context() as patched:
        patched.setattr(socket, "getaddrinfo", take_ones_time)
        given_up = failing(lambda: client.update_device_status(*device, NOT_REMEMBERED))
        assert given_up.code is ErrorCode.UPSTREAM_TIMEOUT
        name_server.set()
        assert looked_up.wait(5)
    time.sleep(0.2)  # for the attempt to connect
    assert cognito.control("GET", "/_local/calls") == {}


def test_what_is_given_up_is_counted_once_even_when_it_ends(
    make: Make, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name server that takes its time: the attempt fails long after callers were answered."""
    name_server, over = threading.Event(), threading.Event()

    def look_up(*_: Any, **__: Any) -> None:
        name_server.wait(10)
        over.set()
        raise socket.gaierror

    client, token = make(COGNITO_CONNECT_TIMEOUT="0.1"), sign_in()["access_token"]
    use = calls.start_gathering()
    with monkeypatch.context() as patched:
        patched.setattr(socket, "getaddrinfo", look_up)
        assert failing(lambda: client.list_devices(token, 60, None)).code is (
            ErrorCode.UPSTREAM_TIMEOUT
        )
        assert use.attempts == 1
        name_server.set()
        assert over.wait(5)
    time.sleep(0.1)  # for the attempt to fail of it
    assert use.attempts == 1
