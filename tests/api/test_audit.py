"""The audit trail: a CloudEvents 1.0 event, on its own line, for each change that was tried."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from prometheus_client import REGISTRY

from app.domain.errors import ErrorCode, ServiceError
from tests.api.client import ApiClient
from tests.api.conftest import CURRENT, OTHER, THIRD, Start
from tests.api.tokens import CLIENT_ID, ISSUER, SUB

PHONE = "tkn" + "b" * 25
SET_ASIDE = {"status": "not_remembered"}
BOTH_FORGOTTEN = [("device.forgotten", OTHER), ("device.forgotten", CURRENT)]
TRACKING = {"deviceKey": THIRD, "deviceGroupKey": "-AbCd1234"}


def test_an_event_tells_who_did_what_to_which_device_and_from_where(
    api: ApiClient, trail: list[str]
) -> None:
    api.cognito.add(OTHER)
    sent = {"User-Agent": "x" * 600, "X-Request-ID": "req-1"}
    assert api.delete(f"/devices/{OTHER}", headers=sent).status_code == 204
    (line,) = trail
    event = JSONFormat().read(CloudEvent, line)  # refuses what is none
    assert event.get_type() == "device-bff.device.forgotten"
    assert event.get_subject() == OTHER
    assert event.get_source() == ISSUER
    time = event.get_time()
    assert time is not None
    assert timedelta(0) <= datetime.now(UTC) - time < timedelta(minutes=1)
    assert event.get_data() == {
        "sub": SUB,
        "clientId": CLIENT_ID,
        "device": OTHER,
        "fromDevice": CURRENT,
        "outcome": "success",
        "address": "127.0.0.1",
        "userAgent": "x" * 512,
        "requestId": "req-1",
    }
    assert api.authorization is not None
    assert api.authorization[7:] not in line


@pytest.mark.parametrize(
    ("method", "address", "body", "events"),
    [
        ("POST", "/devices", TRACKING, [("device.tracked", THIRD)]),
        ("PATCH", "/devices/current", {"status": "remembered"}, [("device.remembered", CURRENT)]),
        ("PATCH", f"/devices/{OTHER}", SET_ASIDE, [("device.not_remembered", OTHER)]),
        ("DELETE", "/devices?scope=all", None, BOTH_FORGOTTEN),
        ("POST", "/devices/sign-out", None, [("device.signed_out", None)]),
        ("DELETE", f"/sessions/{PHONE}", None, [("session.ended", PHONE)]),
        ("DELETE", "/sessions?scope=others", None, [("session.ended", PHONE)]),
        ("GET", "/devices", None, []),
        ("GET", "/sessions", None, []),
        ("PATCH", "/devices/current", {}, []),
    ],
)
def test_each_change_is_one_event(
    api: ApiClient,
    trail: list[str],
    method: str,
    address: str,
    body: Any,
    events: list[tuple[str, str | None]],
) -> None:
    for key in (CURRENT, OTHER):
        api.cognito.add(key)
    api.cognito.add_session(PHONE)
    api.open(address, method=method, json=body)
    found = [json.loads(line) for line in trail]
    told = [(it["type"].removeprefix("device-bff."), it.get("subject")) for it in found]
    assert told == events
    assert {it["data"]["outcome"] for it in found} <= {"success"}
    for it, (event, _) in zip(found, told, strict=True):
        assert it["data"][event.partition(".")[0]] == it.get("subject")


@pytest.mark.parametrize(
    ("method", "address", "operation", "failure", "outcome"),
    [
        ("DELETE", "/devices/current", "forget_device", ErrorCode.QUOTA_EXCEEDED, "quota-exceeded"),
        ("POST", "/devices/sign-out", "global_sign_out", RuntimeError("x"), "internal-error"),
        ("DELETE", "/devices?scope=all", "list_devices", ErrorCode.BLOCKED, "blocked"),
        ("DELETE", f"/sessions/{PHONE}", "revoke_user_session", ErrorCode.BLOCKED, "blocked"),
        ("DELETE", "/sessions?scope=others", "list_user_sessions", ErrorCode.BLOCKED, "blocked"),
    ],
)
def test_a_change_that_failed_is_kept_with_what_came_of_it(
    api: ApiClient,
    trail: list[str],
    method: str,
    address: str,
    operation: str,
    failure: ErrorCode | Exception,
    outcome: str,
) -> None:
    error = ServiceError(failure) if isinstance(failure, ErrorCode) else failure
    api.cognito.fail(operation, error)
    api.open(address, method=method)
    (line,) = trail
    assert json.loads(line)["data"]["outcome"] == outcome


@pytest.mark.parametrize(
    "agent", ['x", "outcome": "success', "a line separator of Latin-1 \x85{}", "\\u000a\\n%0a\t{}"]
)
def test_no_user_agent_makes_a_line_of_its_own(
    api: ApiClient, trail: list[str], agent: str
) -> None:
    api.post("/devices/sign-out", headers={"User-Agent": agent})
    (line,) = trail
    assert json.loads(line)["data"]["userAgent"] == agent
    assert line.isascii()
    assert line.isprintable()


def test_it_can_be_turned_off_and_still_counts(start: Start, trail: list[str]) -> None:
    api, before = start(AUDIT_LOG="false"), not_mine("device")
    api.cognito.add(OTHER)
    assert api.delete(f"/devices/{OTHER}?reason=not-mine").status_code == 204
    assert (trail, not_mine("device")) == ([], before + 1)


NOT_MINE = {
    f"/devices/{OTHER}": "device",
    "/devices?scope=others": "device",
    f"/sessions/{PHONE}": "session",
    "/sessions?scope=others": "session",
}


@pytest.mark.parametrize(("address", "kind"), NOT_MINE.items())
def test_what_the_user_says_is_not_theirs_is_on_record_and_counted(
    api: ApiClient, trail: list[str], address: str, kind: str
) -> None:
    api.cognito.add(OTHER)
    api.cognito.add_session(PHONE)
    before = not_mine(kind)
    api.delete(address + ("&" if "?" in address else "?") + "reason=not-mine")
    assert not_mine(kind) == before + 1
    assert [json.loads(line)["data"]["reason"] for line in trail] == ["not-mine"]


def test_what_is_refused_is_on_record_and_wakes_nobody(api: ApiClient, trail: list[str]) -> None:
    before = not_mine("device")
    api.delete(f"/devices/{OTHER}?reason=not-mine")
    assert not_mine("device") == before
    assert json.loads(trail[0])["data"]["reason"] == "not-mine"


def not_mine(kind: str) -> float:
    """As the metric counts them."""
    return REGISTRY.get_sample_value("device_bff_not_mine_total", {"kind": kind}) or 0.0
