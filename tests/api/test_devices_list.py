"""GET /devices: the user's devices, a page at a time."""

from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest
from werkzeug.http import parse_options_header

from app.domain.devices import DeviceStatus
from tests.api.client import ApiClient
from tests.api.conftest import CURRENT, FOURTH, OTHER, THIRD
from tests.api.fake_cognito import FakeCognito
from tests.api.tokens import SUB


def test_a_device_has_every_member_of_the_contract(
    api: ApiClient, fake_cognito: FakeCognito
) -> None:
    """What Amplify wrote into the name is made readable; the name itself stays as it is."""
    written = "macOS 14.2.1 arm macOS Google Chrome/143.0.0.0;Not A(Brand/99.0.0.0"
    fake_cognito.add(
        SUB,
        CURRENT,
        name=written,
        created_at=datetime(2026, 1, 2, 3, 4, 5, 678_901, UTC),
        attributes={"device_status": "valid", "dev:device_sdk": "aws-sdk"},
    )
    response = api.get("/devices")
    assert response.status_code == 200
    assert response.content_type == "application/json"
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
                "attributes": {"device_status": "valid", "dev:device_sdk": "aws-sdk"},
            }
        ],
        "nextCursor": None,
        "currentDeviceId": CURRENT,
    }


def test_what_cognito_did_not_say_is_null(api: ApiClient, fake_cognito: FakeCognito) -> None:
    times = ("created_at", "last_modified_at", "last_authenticated_at")
    fake_cognito.add(
        SUB, OTHER, name=None, last_ip_address=None, attributes={}, **dict.fromkeys(times)
    )
    (device,) = api.get("/devices").get_json()["items"]
    known = {name: value for name, value in device.items() if value is not None}
    assert known == {"id": OTHER, "status": "remembered", "current": False, "attributes": {}}


@pytest.mark.parametrize("device_key", [CURRENT, None])
def test_the_tokens_device_is_current_and_no_other(
    api: ApiClient,
    three_devices: tuple[str, ...],
    token: Callable[..., str],
    device_key: str | None,
) -> None:
    page = api.with_token(token(device_key=device_key)).get("/devices").get_json()
    assert [item["id"] for item in page["items"] if item["current"]] == (
        [device_key] if device_key else []
    )
    assert page["currentDeviceId"] == device_key


def test_the_current_device_is_named_also_where_it_is_not_listed(
    api: ApiClient, fake_cognito: FakeCognito
) -> None:
    """A page can then offer to remember it."""
    fake_cognito.add(SUB, CURRENT, status=DeviceStatus.NOT_REMEMBERED)
    assert api.get("/devices").get_json() == {
        "items": [],
        "nextCursor": None,
        "currentDeviceId": CURRENT,
    }


def test_another_users_devices_are_not_shown(api: ApiClient, fake_cognito: FakeCognito) -> None:
    fake_cognito.add("somebody-else", OTHER)
    assert api.get("/devices").get_json()["items"] == []


def test_the_callers_own_token_goes_to_cognito(api: ApiClient, fake_cognito: FakeCognito) -> None:
    api.get("/devices")
    (call,) = fake_cognito.calls
    assert call.arguments == {"limit": 60, "cursor": None}
    assert api.authorization == f"Bearer {call.access_token}"


def test_the_link_leads_through_every_page_once(api: ApiClient, fake_cognito: FakeCognito) -> None:
    keys = [OTHER, CURRENT, THIRD, FOURTH]
    for key in keys:
        fake_cognito.add(SUB, key)
    seen: list[str] = []
    address: str | None = "/devices?limit=1"
    while address:
        response = api.get(address)
        page = response.get_json()
        seen += [item["id"] for item in page["items"]]
        address = _next(response.headers.get("Link"))
        assert (address is None) == (page["nextCursor"] is None)
        if address:
            assert parse_qs(urlsplit(address).query) == {
                "limit": ["1"],
                "cursor": [page["nextCursor"]],
            }
    assert seen == keys


def test_characters_of_base64_survive_in_the_link(
    api: ApiClient, fake_cognito: FakeCognito
) -> None:
    """A cursor is opaque: `+`, `/`, `=` and `&` must reach Cognito as they came."""
    odd = "after:a+b/c==&limit=60#"
    fake_cognito.add(SUB, odd.removeprefix("after:"))
    fake_cognito.add(SUB, OTHER)
    address = _next(api.get("/devices?limit=1").headers["Link"])
    assert address is not None
    page = api.get(address).get_json()
    assert [item["id"] for item in page["items"]] == [OTHER]
    assert fake_cognito.calls[1].arguments == {"limit": 1, "cursor": odd}


def _next(link: str | None) -> str | None:
    """The target of a Link header's only link, which must be the next page (RFC 8288)."""
    if link is None:
        return None
    target, options = parse_options_header(link)
    assert options == {"rel": "next"}
    assert target.startswith("<")
    assert target.endswith(">")
    return target[1:-1]
