"""GET /devices: the user's devices, a page at a time."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from werkzeug.http import parse_options_header

from app.domain.devices import DeviceStatus
from tests.api.client import ApiClient
from tests.api.conftest import CURRENT, OTHER, Token


def test_a_device_has_every_member_of_the_contract(api: ApiClient) -> None:
    """What Amplify wrote into the name is made readable; the name itself stays as it is."""
    written = "macOS 14.2.1 arm macOS Google Chrome/143.0.0.0;Not A(Brand/99.0.0.0"
    api.cognito.add(
        CURRENT,
        name=written,
        created_at=datetime(2026, 1, 2, 3, 4, 5, 678_901, UTC),
        attributes={"device_status": "valid", "dev:device_sdk": "aws-sdk"},
    )
    response = api.get("/devices")
    assert (response.status_code, response.content_type) == (200, "application/json")
    assert response.get_json() == {
        "items": [
            {
                "id": CURRENT,
                "name": written,
                "displayName": "Chrome on macOS",
                "deviceType": "computer",
                "operatingSystem": "macOS",
                "browser": "Chrome",
                "status": "remembered",
                "current": True,
                "lastIpAddress": "192.0.2.7",
                "createdAt": "2026-01-02T03:04:05Z",
                "lastModifiedAt": "2026-01-02T03:04:05Z",
                "lastAuthenticatedAt": "2026-01-02T03:04:05Z",
                "trustExpiresAt": None,
                "attributes": {"device_status": "valid", "dev:device_sdk": "aws-sdk"},
            }
        ],
        "nextCursor": None,
        "currentDeviceId": CURRENT,
    }


def test_what_cognito_did_not_say_is_null(api: ApiClient) -> None:
    times = ("created_at", "last_modified_at", "last_authenticated_at")
    unknown: dict[str, Any] = dict.fromkeys(("name", "last_ip_address", *times))
    api.cognito.add(OTHER, attributes={}, **unknown)
    (device,) = api.get("/devices").get_json()["items"]
    known = {name: value for name, value in device.items() if value is not None}
    assert known == {"id": OTHER, "status": "remembered", "current": False, "attributes": {}}


@pytest.mark.parametrize(("claim", "current"), [(CURRENT, CURRENT), (..., None)])
def test_the_tokens_device_is_current_and_no_other(
    api: ApiClient,
    three_devices: list[str],
    token: Token,
    claim: object,
    current: str | None,
) -> None:
    page = api.with_token(token(device_key=claim)).get("/devices").get_json()
    assert {item["id"]: item["current"] for item in page["items"]} == {
        key: key == current for key in three_devices
    }
    assert page["currentDeviceId"] == current


def test_the_current_device_is_named_also_where_it_is_not_listed(api: ApiClient) -> None:
    """A page can then offer to remember it."""
    api.cognito.add(CURRENT, status=DeviceStatus.NOT_REMEMBERED)
    page = api.get("/devices").get_json()
    assert (page["items"], page["currentDeviceId"]) == ([], CURRENT)


def test_another_users_devices_are_not_shown(api: ApiClient) -> None:
    api.cognito.add(OTHER, sub="somebody-else")
    assert api.get("/devices").get_json()["items"] == []


def test_the_link_leads_through_every_page_once(api: ApiClient, three_devices: list[str]) -> None:
    seen: list[str] = []
    address: str | None = "/devices?limit=1"
    while address:
        response = api.get(address)
        page = response.get_json()
        seen += [item["id"] for item in page["items"]]
        address = _next(response.headers.get("Link"))
        assert (address is None) == (page["nextCursor"] is None)
        if address:
            query = parse_qs(urlsplit(address).query)
            assert query == {"limit": ["1"], "cursor": [page["nextCursor"]]}
    assert seen == three_devices


def test_without_a_limit_a_page_is_as_long_as_cognitos(api: ApiClient) -> None:
    api.get("/devices")
    assert api.cognito.calls[0].arguments == {"limit": 60, "cursor": None}


def _next(link: str | None) -> str | None:
    """The target of a Link header's only link, which must be the next page (RFC 8288)."""
    if link is None:
        return None
    target, options = parse_options_header(link)
    assert options == {"rel": "next"}
    return target.removeprefix("<").removesuffix(">")
