"""What Cognito answers, read into devices and sessions: one odd item spoils no list."""

from typing import Any

import pytest

from tests.api.client import ApiClient
from tests.api.cognito.conftest import ScriptedCognito, answer, call
from tests.api.conftest import OTHER
from tests.calls import assert_problem

KEY = "eu-west-1_aaaaaaaa-1111-4111-8111-111111111111"
SSO, TKN = "sso" + "a" * 25, "tkn" + "b" * 25
TIME = 1_767_323_045.678
MOMENT = "2026-01-02T03:04:05Z"


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


@pytest.fixture
def listed(cognito: ScriptedCognito, api: ApiClient) -> Any:
    """The API's list, where Cognito's has these devices."""

    def show(*devices: object) -> list[dict[str, Any]]:
        cognito.then(answer({"Devices": devices}))
        items: list[dict[str, Any]] = api.get("/devices").get_json()["items"]
        return items

    return show


def test_a_device_without_a_word_of_its_status_is_remembered(listed: Any) -> None:
    (found,) = listed(device())
    expected = {
        "id": KEY,
        "name": "Phone",
        "status": "remembered",
        "lastIpAddress": "192.0.2.7",
        "createdAt": MOMENT,
        "lastModifiedAt": MOMENT,
        "lastAuthenticatedAt": MOMENT,
        "attributes": {"device_status": "valid"},
    }
    assert expected.items() <= found.items()


ODD: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "what admin calls add": (
        {
            "attributes": {
                "dev:device_remembered_status": "not_remembered",
                # They name account, pool and user, and are left out.
                "dev:device_arn": "arn:aws:cognito-idp:eu-west-1:123456789012:owner/jane.pool",
                "dev:device_owner": "jane.pool",
                "dev:device_sdk": "aws-sdk",
            }
        },
        {
            "status": "not_remembered",
            "attributes": {"device_status": "valid", "dev:device_sdk": "aws-sdk"},
        },
    ),
    "no creation date": ({"DeviceCreateDate": None}, {"createdAt": None}),
    "a date that is none": ({"DeviceLastModifiedDate": "soon"}, {"lastModifiedAt": None}),
    "a date that is no number": ({"DeviceCreateDate": float("nan")}, {"createdAt": None}),
    "a date beyond time": ({"DeviceCreateDate": 1e300}, {"createdAt": None}),
    "an unknown status": (
        {"attributes": {"dev:device_remembered_status": "borrowed"}},
        {"status": "remembered"},
    ),
    "an empty name": ({"name": ""}, {"name": None}),
    "a name that is a number": ({"name": 7}, {"name": None}),
    "a lone surrogate in the name": ({"name": "a\ud800b"}, {"name": "a?b"}),
    "a name of 5,000 characters": ({"name": "x" * 5000}, {"name": "x" * 1024}),
    "a bad address": ({"address": "unknown"}, {"lastIpAddress": None}),
    "an address in other words": ({"address": "2001:DB8::0:1"}, {"lastIpAddress": "2001:db8::1"}),
    "no attributes": (
        {"DeviceAttributes": None},
        {"name": None, "lastIpAddress": None, "attributes": {}},
    ),
    "attributes that are none": ({"DeviceAttributes": 5}, {"attributes": {}}),
    "odd attributes": (
        {"DeviceAttributes": [None, 7, {"Value": "A"}, {"Name": "device_name", "Value": "A"}]},
        {"name": "A", "attributes": {}},
    ),
    "an attribute of 5,000 characters": (
        {"attributes": {"note": "x" * 5000}},
        {"attributes": {"device_status": "valid", "note": "x" * 2048}},
    ),
}


@pytest.mark.parametrize(("members", "read"), ODD.values(), ids=ODD)
def test_an_odd_member_is_null_or_cut_and_spoils_no_list(
    listed: Any, members: dict[str, Any], read: dict[str, Any]
) -> None:
    odd, good = listed(device(**members), device(DeviceKey=OTHER))
    assert {name: odd[name] for name in read} == read
    assert (odd["id"], good["id"]) == (KEY, OTHER)


def test_no_device_has_more_than_a_hundred_attributes(listed: Any) -> None:
    (found,) = listed(device(attributes={f"a{number}": "" for number in range(200)}))
    assert len(found["attributes"]) == 100


NO_DEVICES: list[Any] = [None, 7, "device", [], {}]
NO_KEYS: list[Any] = [None, "", "no-key", 7, "eu-west-1_" + "a" * 46]


@pytest.mark.parametrize("odd", [*NO_DEVICES, *(device(DeviceKey=key) for key in NO_KEYS)])
def test_an_item_without_a_usable_key_is_left_out(listed: Any, odd: Any) -> None:
    assert [one["id"] for one in listed(odd, device())] == [KEY]


@pytest.mark.parametrize(
    ("given", "cursor"), [("", None), (None, None), ("abc+/=", "abc+/="), ("x" * 8000, "x" * 8000)]
)
def test_a_cursor_is_passed_on_and_an_empty_one_is_none(
    cognito: ScriptedCognito, api: ApiClient, given: object, cursor: str | None
) -> None:
    cognito.then(
        answer({"Devices": [], "PaginationToken": given}),
        answer({"Sessions": [], "NextToken": given}),
    )
    assert api.get("/devices").get_json()["nextCursor"] == cursor
    assert api.get("/sessions").get_json()["nextCursor"] == cursor


BAD: dict[str, object] = {
    "a cursor that is too long": {"Devices": [], "PaginationToken": "+" * 2700},
    "a cursor with a blank": {"Devices": [], "PaginationToken": "a b"},
    "a cursor that is a number": {"Devices": [], "PaginationToken": 7},
    "61 items": {"Devices": [device()] * 61},
    "no list": {},
    "a list that is none": {"Devices": {"DeviceKey": KEY}},
    "a list alone": [device()],
    "nothing": b"",
    "bytes": b"\xff\xfe",
    "nested too deeply": b'{"Devices":' + b"[" * 100_000,
}


@pytest.mark.parametrize("body", BAD.values(), ids=BAD)
def test_what_is_no_answer_of_cognitos_is_502_and_nothing_is_forgotten_on_its_word(
    cognito: ScriptedCognito, api: ApiClient, body: object
) -> None:
    cognito.always = answer(body)
    assert_problem(api.delete("/devices?scope=all"), 502, "upstream-error")
    assert {operation for operation, _ in cognito.asked()} == {"ListDevices"}


def test_a_device_that_was_not_asked_for_is_no_answer(
    cognito: ScriptedCognito, api: ApiClient
) -> None:
    cognito.always = answer({"Device": device()})
    assert api.get(f"/devices/{KEY}").get_json()["id"] == KEY
    assert_problem(api.get(f"/devices/{OTHER}"), 502, "upstream-error")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 204),
        (b"{}", 204),
        ({"message": "Forbidden"}, 502),
        ({"__type": "NotAuthorized"}, 502),
        ([], 502),
    ],
)
def test_where_cognito_says_nothing_nothing_is_an_answer_and_all_else_leaves_a_write_in_doubt(
    cognito: ScriptedCognito, api: ApiClient, body: object, status: int
) -> None:
    cognito.always = answer(body)
    response = call(api, "ForgetDevice")
    assert response.status_code == status
    assert ("may have been forgotten already" in response.text) == (status == 502)


def test_a_session_is_what_cognito_says_of_it(cognito: ScriptedCognito, api: ApiClient) -> None:
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
    cognito.then(
        answer({"Sessions": [token_session, unknown, {"SessionId": "odd"}], "NextToken": ""})
    )
    page = api.get("/sessions").get_json()
    assert page["nextCursor"] is None
    found, bare = page["items"]
    expected = {
        "id": TKN,
        "sessionType": "token",
        "current": True,
        "clientId": "a1client",
        "lastIpAddress": "2001:db8::1",
        "lastLocation": {"city": "Dublin", "country": "Ireland"},
        "createdAt": MOMENT,
        "lastActiveAt": MOMENT,
        "originSessionId": SSO,
        "displayName": "Chrome on macOS",
    }
    assert expected.items() <= found.items()
    assert bare.pop("lastLocation") == {"city": None, "country": None}
    known = {name: value for name, value in bare.items() if value is not None}
    assert known == {"id": SSO, "sessionType": "sso", "current": False}
