"""The audit trail: one CloudEvents 1.0 event a line for all that a user does with devices."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from local_cognito import seed
from local_cognito.process import RunningCognito
from tests.safety.calls import SignedIn, call, connect, receive, sign_in, sign_in_untracked, until
from tests.safety.conftest import service_with
from tests.servers import Service

AGENT = "Mozilla/5.0 (Audit; rv:1) Test/1.0"


def events(service: Service, request_id: str) -> list[CloudEvent]:
    """The events of one request, read by the CloudEvents library, which refuses what is none."""
    found = []
    for line in service.logs().splitlines():
        if '"specversion"' in line and request_id in line:
            found.append(JSONFormat().read(CloudEvent, line))
    return found


def audited(service: Service, answer: Any) -> CloudEvent:
    """The one event of the answer's request."""
    request_id = answer.headers["X-Request-ID"]
    (event,) = until(lambda: events(service, request_id))
    data = event.get_data()
    assert data["requestId"] == request_id
    assert data["address"] == "127.0.0.1"
    return event


def act(service: Service, user: SignedIn, method: str, path: str, **how: Any) -> Any:
    return call(f"{service.url}{path}", method, headers=user.bearer | {"User-Agent": AGENT}, **how)


def test_tracking_a_device(service: Service, cognito: RunningCognito) -> None:
    new = sign_in_untracked(cognito)
    body = {"deviceKey": new.device_key, "deviceGroupKey": new.device_group_key}
    answer = act(service, new, "POST", "/devices", json=body)
    assert answer.status_code == 201
    event = audited(service, answer)
    assert event.get_type() == "device-bff.device.tracked"
    assert event.get_subject() == new.device_key
    assert event.get_source().endswith(seed.POOL_ID)
    assert event.get_specversion() == "1.0"
    assert timedelta(0) <= datetime.now(UTC) - event.get_time() < timedelta(minutes=1)
    assert event.get_data() == {
        "sub": new.sub,
        "clientId": seed.CLIENT_ID,
        "device": new.device_key,
        "fromDevice": new.device_key,
        "outcome": "success",
        "address": "127.0.0.1",
        "userAgent": AGENT,
        "requestId": answer.headers["X-Request-ID"],
    }
    assert answer.json()["devicePassword"] not in service.logs()


@pytest.mark.parametrize("status", ["remembered", "not_remembered"])
def test_remembering_a_device_or_no_longer(service: Service, user: SignedIn, status: str) -> None:
    answer = act(service, user, "PATCH", "/devices/current", json={"status": status})
    assert answer.status_code == 200
    event = audited(service, answer)
    assert event.get_type() == f"device-bff.device.{status}"
    assert event.get_subject() == user.device_key
    assert event.get_data()["outcome"] == "success"


def test_forgetting_another_device_names_both(service: Service, cognito: RunningCognito) -> None:
    lost, user = sign_in(cognito), sign_in(cognito)
    event = audited(service, act(service, user, "DELETE", f"/devices/{lost.device_key}"))
    assert event.get_type() == "device-bff.device.forgotten"
    assert event.get_data()["device"] == lost.device_key
    assert event.get_data()["fromDevice"] == user.device_key


def test_forgetting_many_is_one_event_for_each(service: Service, cognito: RunningCognito) -> None:
    devices = [sign_in(cognito) for _ in range(4)]
    cognito.control(
        "POST",
        "/_local/faults",
        operation="ForgetDevice",
        fault="error",
        type="InvalidParameterException",
        times=1,
    )
    answer = act(service, devices[0], "DELETE", "/devices?scope=all")
    report = answer.json()
    found = until(lambda: events(service, answer.headers["X-Request-ID"]))
    assert {event.get_type() for event in found} == {"device-bff.device.forgotten"}
    outcomes = {event.get_subject(): event.get_data()["outcome"] for event in found}
    assert len(found) == len(outcomes) == 4
    assert {key for key, outcome in outcomes.items() if outcome == "success"} == set(
        report["forgotten"]
    )
    (failed,) = report["failed"]
    assert outcomes[failed["id"]] == failed["problem"]["code"] == "invalid-parameter"
    assert len({event.get_id() for event in found}) == 4


def test_signing_out_everywhere(service: Service, user: SignedIn) -> None:
    event = audited(service, act(service, user, "POST", "/devices/sign-out"))
    assert event.get_type() == "device-bff.device.signed_out"
    assert event.get_subject() is None
    assert event.get_data()["outcome"] == "success"


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        ({"fault": "throttle"}, "quota-exceeded"),
        ({"fault": "error", "type": "NotAuthorizedException"}, "invalid-token"),
        ({"fault": "error", "type": "ForbiddenException"}, "blocked"),
        ({"fault": "html"}, "upstream-error"),
    ],
    ids=lambda value: value if isinstance(value, str) else value["fault"],
)
def test_a_failure_is_kept_with_its_code(
    service: Service,
    cognito: RunningCognito,
    user: SignedIn,
    fault: dict[str, Any],
    outcome: str,
) -> None:
    cognito.control("POST", "/_local/faults", operation="ForgetDevice", times=9, **fault)
    answer = act(service, user, "DELETE", "/devices/current")
    assert answer.json()["code"] == outcome
    event = audited(service, answer)
    assert event.get_type() == "device-bff.device.forgotten"
    assert event.get_data()["outcome"] == outcome


def test_reading_and_refused_calls_leave_no_event(service: Service, user: SignedIn) -> None:
    ids = [
        act(service, user, "GET", "/devices").headers["X-Request-ID"],
        act(service, user, "GET", "/devices/current").headers["X-Request-ID"],
        act(service, user, "PATCH", "/devices/current", json={}).headers["X-Request-ID"],
        call(f"{service.url}/devices/current", "DELETE").headers["X-Request-ID"],
    ]
    after = act(service, user, "DELETE", "/devices/current")
    audited(service, after)
    assert [events(service, request_id) for request_id in ids] == [[]] * 4


FORGERIES = {
    "quotes": b'x", "outcome": "success", "sub": "somebody-else',
    "JSON of its own": b'{"specversion":"1.0","type":"device-bff.device.forged"}',
    "a line separator of Latin-1": b'x\x85{"specversion":"1.0"}',
    "UTF-8 line separators": 'x\u2028\u2029{"specversion":"1.0"}'.encode(),
    "bytes that are no text": b"\xff\xfe\xed\xa0\x80",
    "escape sequences": b"\\u000a\\n\\r%0a%0d\t{}",
    "very long": b"A" * 16_000,
}


@pytest.mark.parametrize("agent", FORGERIES.values(), ids=FORGERIES.keys())
def test_no_user_agent_makes_a_line_of_its_own(
    service: Service, user: SignedIn, agent: bytes
) -> None:
    head = f"DELETE /devices/current HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {user.token}\r\n"
    before = len(service.logs().splitlines())
    with connect(service.url) as connection:
        connection.sendall(head.encode() + b"User-Agent: " + agent + b"\r\n\r\n")
        answer = receive(connection)
    assert answer.status == 204
    event = audited(service, answer)
    said = event.get_data()["userAgent"]
    assert said == agent.decode("latin-1").strip()[:512]
    until(lambda: len(service.logs().splitlines()) >= before + 2)
    new = service.logs().splitlines()[before:]
    assert len([line for line in new if '"specversion"' in line]) == 1
    assert all(json.loads(line) for line in new)
    assert all(line.isascii() and line.isprintable() for line in new)


@pytest.mark.parametrize("end", [b"\r\nX: y", b"\n", b"\r", b"\0", b"\x1b[2J", b"\x7f"])
def test_a_user_agent_with_control_characters_is_no_header(
    service: Service, user: SignedIn, end: bytes
) -> None:
    head = f"DELETE /devices/current HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {user.token}\r\n"
    with connect(service.url) as connection:
        connection.sendall(head.encode() + b"User-Agent: a" + end + b"{}\r\n\r\n")
        answer = receive(connection)
    if end == b"\r\nX: y":
        assert audited(service, answer).get_data()["userAgent"] == "a"
    else:
        assert answer.status == 400


@pytest.fixture(scope="module")
def unaudited(cognito_server: RunningCognito) -> Iterator[Service]:
    with service_with(cognito_server, AUDIT_LOG="false") as service:
        yield service


def test_it_can_be_turned_off(unaudited: Service, cognito: RunningCognito) -> None:
    user = sign_in(cognito)
    for path, method in (("/devices/current", "DELETE"), ("/devices/sign-out", "POST")):
        answer = act(unaudited, user, method, path)
        assert answer.status_code == 204
    until(lambda: answer.headers["X-Request-ID"] in unaudited.logs())
    assert "specversion" not in unaudited.logs()
