"""What Cognito answers, read into devices and sessions: one odd item spoils no list."""

from datetime import UTC, datetime
from typing import Any

import pytest

from app.domain.devices import Device, DeviceStatus
from app.domain.errors import ErrorCode, ServiceError
from app.domain.sessions import Location, Session, SessionType
from tests.unit.cognito.conftest import Cognito

KEY = "eu-west-1_aaaaaaaa-1111-4111-8111-111111111111"
GOOD_KEY = "eu-west-1_bbbbbbbb-2222-4222-8222-222222222222"
SSO, TKN = "sso" + "a" * 25, "tkn" + "b" * 25
TIME = 1_767_323_045.678
MOMENT = datetime(2026, 1, 2, 3, 4, 5, 678_000, UTC)


def device(**members: Any) -> dict[str, Any]:
    """As AWS shows it to its user: no `dev:*` attribute. `name`, `address` change an attribute."""
    attributes = {
        "device_status": "valid",
        "device_name": members.pop("name", "Phone"),
        "last_ip_used": members.pop("address", "192.0.2.7"),
    } | members.pop("attributes", {})
    return {
        "DeviceKey": KEY,
        "DeviceAttributes": [{"Name": name, "Value": it} for name, it in attributes.items()],
        "DeviceCreateDate": TIME,
        "DeviceLastModifiedDate": TIME,
        "DeviceLastAuthenticatedDate": int(TIME),
        **members,
    }


def listed(cognito: Cognito, *devices: object) -> tuple[Device, ...]:
    cognito.says({"Devices": devices})
    return cognito.client.list_devices("token", 60, None).items


def test_a_device_without_a_word_of_its_status_is_remembered(cognito: Cognito) -> None:
    (found,) = listed(cognito, device())
    assert found == Device(
        id=KEY,
        name="Phone",
        status=DeviceStatus.REMEMBERED,
        last_ip_address="192.0.2.7",
        created_at=MOMENT,
        last_modified_at=MOMENT,
        last_authenticated_at=MOMENT.replace(microsecond=0),
        attributes={"device_status": "valid"},
    )


def test_what_admin_calls_add_is_read_and_account_and_owner_are_left_out(cognito: Cognito) -> None:
    more = {
        "dev:device_remembered_status": "not_remembered",
        "dev:device_arn": "arn:aws:cognito-idp:eu-west-1:123456789012:owner/jane.pool",
        "dev:device_owner": "jane.pool",
        "dev:device_sdk": "aws-sdk",
    }
    (found,) = listed(cognito, device(attributes=more))
    assert found.status is DeviceStatus.NOT_REMEMBERED
    assert found.attributes == {"device_status": "valid", "dev:device_sdk": "aws-sdk"}


ODD: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "no creation date": ({"DeviceCreateDate": None}, {"created_at": None}),
    "a date that is none": ({"DeviceLastModifiedDate": "soon"}, {"last_modified_at": None}),
    "a date that is no number": ({"DeviceCreateDate": float("nan")}, {"created_at": None}),
    "a date beyond time": ({"DeviceCreateDate": 1e300}, {"created_at": None}),
    "an unknown status": (
        {"attributes": {"dev:device_remembered_status": "borrowed"}},
        {"status": DeviceStatus.REMEMBERED},
    ),
    "an empty name": ({"name": ""}, {"name": None}),
    "a name that is a number": ({"name": 7}, {"name": None}),
    "a lone surrogate in the name": ({"name": "a\ud800b"}, {"name": "a?b"}),
    "a name of 5,000 characters": ({"name": "x" * 5000}, {"name": "x" * 1024}),
    "a bad address": ({"address": "unknown"}, {"last_ip_address": None}),
    "no attributes": (
        {"DeviceAttributes": None},
        {"name": None, "last_ip_address": None, "attributes": {}},
    ),
    "an attribute of 5,000 characters": (
        {"attributes": {"note": "x" * 5000}},
        {"attributes": {"device_status": "valid", "note": "x" * 2048}},
    ),
}


@pytest.mark.parametrize(("members", "read"), ODD.values(), ids=ODD)
def test_an_odd_member_is_null_or_cut_and_spoils_no_list(
    cognito: Cognito, members: dict[str, Any], read: dict[str, Any]
) -> None:
    odd, good = listed(cognito, device(**members), device(DeviceKey=GOOD_KEY))
    assert {name: getattr(odd, name) for name in read} == read
    assert (odd.id, good.id) == (KEY, GOOD_KEY)


@pytest.mark.parametrize("odd", [None, 7, "device", [], {}])
def test_an_item_that_is_none_is_left_out(cognito: Cognito, odd: Any) -> None:
    assert [one.id for one in listed(cognito, odd, device())] == [KEY]


@pytest.mark.parametrize("attributes", [5, "x", [None], [7, {"Name": "device_name", "Value": "A"}]])
def test_odd_attributes_spoil_no_device(cognito: Cognito, attributes: Any) -> None:
    (one,) = listed(cognito, device(DeviceAttributes=attributes))
    assert one.id == KEY


@pytest.mark.parametrize("key", [None, "", "no-key", 7, "eu-west-1_" + "a" * 46])
def test_a_device_without_a_usable_key_is_left_out(cognito: Cognito, key: object) -> None:
    assert [one.id for one in listed(cognito, device(DeviceKey=key), device())] == [KEY]


@pytest.mark.parametrize(
    ("token", "cursor"), [("", None), (None, None), ("abc+/=", "abc+/="), ("x" * 8000, "x" * 8000)]
)
def test_a_cursor_is_passed_on_and_an_empty_one_is_none(
    cognito: Cognito, token: object, cursor: str | None
) -> None:
    cognito.says({"Devices": [], "PaginationToken": token})
    assert cognito.client.list_devices("token", 60, None).next_cursor == cursor


BAD_ANSWERS: dict[str, tuple[object, str]] = {
    "a cursor that is too long": ({"Devices": [], "PaginationToken": "+" * 2700}, "200 OK"),
    "a cursor with a blank": ({"Devices": [], "PaginationToken": "a b"}, "200 OK"),
    "a cursor that is a number": ({"Devices": [], "PaginationToken": 7}, "200 OK"),
    "200 items": ({"Devices": [device()] * 200}, "200 OK"),
    "no list": ({}, "200 OK"),
    "a list that is none": ({"Devices": {"DeviceKey": KEY}}, "200 OK"),
    "a list alone": ([device()], "200 OK"),
    "HTML": (b"<!doctype html><title>Sign in</title>", "200 OK"),
    "nothing": (b"", "200 OK"),
    "half of it": (b'{"Devices": [', "200 OK"),
    "bytes": (b"\xff\xfe", "200 OK"),
    "nested too deeply": (b'{"Devices":' + b"[" * 100_000, "200 OK"),
    "a 202": ({"Devices": []}, "202 Accepted"),
    "a 204": (b"", "204 No Content"),
    "an error that nobody knows": ({"__type": "SomethingNewException"}, "400 Bad Request"),
}


@pytest.mark.parametrize(("body", "status"), BAD_ANSWERS.values(), ids=BAD_ANSWERS)
def test_what_is_no_answer_of_cognitos_is_502(cognito: Cognito, body: object, status: str) -> None:
    cognito.says(body, status)
    with pytest.raises(ServiceError) as failed:
        cognito.client.list_devices("token", 60, None)
    assert failed.value.code is ErrorCode.UPSTREAM_ERROR


@pytest.mark.parametrize("body", [{"message": "Forbidden"}, {"__type": "NotAuthorized"}, []])
def test_a_success_with_an_unexpected_body_leaves_a_write_in_doubt(
    cognito: Cognito, body: object
) -> None:
    cognito.says(body)
    with pytest.raises(ServiceError, match="may have been forgotten already") as failed:
        cognito.client.forget_device("token", KEY)
    assert failed.value.code is ErrorCode.UPSTREAM_ERROR


@pytest.mark.parametrize("body", [b"", b"{}"])
def test_nothing_is_an_answer_where_cognito_says_nothing(cognito: Cognito, body: bytes) -> None:
    cognito.says(body)
    cognito.client.forget_device("token", KEY)


def test_a_device_that_was_not_asked_for_is_no_answer(cognito: Cognito) -> None:
    cognito.says({"Device": device(DeviceKey=GOOD_KEY)})
    with pytest.raises(ServiceError) as failed:
        cognito.client.get_device("token", KEY)
    assert failed.value.code is ErrorCode.UPSTREAM_ERROR


def test_a_session_is_what_cognito_says_of_it(cognito: Cognito) -> None:
    token_session = {
        "SessionId": TKN,
        "SessionType": "TOKEN",
        "ClientId": "a1client",
        "CreateDate": TIME,
        "LastActiveDate": TIME,
        "DeviceType": "macOS Chrome",
        "LastIPAddress": "2001:db8::1",
        "LastLocation": {"City": "Dublin", "Country": "Ireland"},
        "OriginSessionId": SSO,
        "IsCurrentSession": True,
    }
    unknown = {
        "SessionId": SSO,
        "DeviceType": "unknown",
        "LastLocation": {"City": None, "Country": "unknown"},
        "OriginSessionId": "none",
        "CreateDate": "soon",
    }
    cognito.says({"Sessions": [token_session, unknown, {"SessionId": "odd"}], "NextToken": ""})
    page = cognito.client.list_user_sessions("token", None)
    assert page.next_cursor is None
    assert page.items == (
        Session(
            id=TKN,
            session_type=SessionType.TOKEN,
            current=True,
            client_id="a1client",
            last_ip_address="2001:db8::1",
            last_location=Location("Dublin", "Ireland"),
            created_at=MOMENT,
            last_active_at=MOMENT,
            origin_session_id=SSO,
            device_text="macOS Chrome",
        ),
        Session(id=SSO, session_type=SessionType.SSO),
    )
