"""GET /devices: the user's devices, a page at a time."""

from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest
from werkzeug.http import parse_options_header

from app.domain.devices import DeviceStatus
from tests.api.client import ApiClient, assert_problem
from tests.api.conftest import CURRENT, FOURTH, OTHER, THIRD
from tests.api.fake_cognito import FakeCognito
from tests.api.tokens import SUB


def test_a_device_has_every_member_of_the_contract(
    api: ApiClient, fake_cognito: FakeCognito
) -> None:
    fake_cognito.add(
        SUB,
        CURRENT,
        name="Chrome on macOS",
        status=DeviceStatus.REMEMBERED,
        last_ip_address="192.0.2.7",
        created_at=datetime(2026, 1, 2, 3, 4, 5, 678_901, UTC),
        last_modified_at=datetime(2026, 2, 3, 4, 5, 6, 0, UTC),
        last_authenticated_at=datetime(2026, 3, 4, 5, 6, 7, 800_000, UTC),
        attributes={"device_status": "valid", "dev:device_sdk": "aws-sdk"},
    )
    response = api.get("/devices")
    assert response.status_code == 200
    assert response.content_type == "application/json"
    assert response.get_json() == {
        "items": [
            {
                "id": CURRENT,
                "name": "Chrome on macOS",
                "status": "remembered",
                "current": True,
                "lastIpAddress": "192.0.2.7",
                "createdAt": "2026-01-02T03:04:05.678Z",
                "lastModifiedAt": "2026-02-03T04:05:06.000Z",
                "lastAuthenticatedAt": "2026-03-04T05:06:07.800Z",
                "attributes": {"device_status": "valid", "dev:device_sdk": "aws-sdk"},
            }
        ],
        "nextCursor": None,
    }


def test_what_cognito_did_not_say_is_null(api: ApiClient, fake_cognito: FakeCognito) -> None:
    fake_cognito.add(SUB, CURRENT, name=None, last_ip_address=None, attributes={})
    (device,) = api.get("/devices").get_json()["items"]
    assert device["name"] is None
    assert device["lastIpAddress"] is None
    assert device["attributes"] == {}


def test_only_the_calling_device_is_current(api: ApiClient, three_devices: tuple[str, ...]) -> None:
    items = api.get("/devices").get_json()["items"]
    assert {item["id"]: item["current"] for item in items} == {
        OTHER: False,
        CURRENT: True,
        THIRD: False,
    }


def test_no_device_is_current_when_the_token_names_none(
    api: ApiClient, three_devices: tuple[str, ...], token: Callable[..., str]
) -> None:
    items = api.with_token(token(device_key=...)).get("/devices").get_json()["items"]
    assert [item["current"] for item in items] == [False, False, False]


def test_a_user_without_devices_gets_an_empty_page(api: ApiClient) -> None:
    response = api.get("/devices")
    assert response.get_json() == {"items": [], "nextCursor": None}
    assert "Link" not in response.headers


def test_another_users_devices_are_not_shown(api: ApiClient, fake_cognito: FakeCognito) -> None:
    fake_cognito.add("somebody-else", OTHER)
    assert api.get("/devices").get_json()["items"] == []


def test_the_callers_own_token_goes_to_cognito(api: ApiClient, fake_cognito: FakeCognito) -> None:
    api.get("/devices")
    (call,) = fake_cognito.calls
    assert api.authorization == f"Bearer {call.access_token}"


def test_it_asks_for_sixty_unless_told_otherwise(api: ApiClient, fake_cognito: FakeCognito) -> None:
    api.get("/devices")
    assert fake_cognito.calls[0].arguments == {"limit": 60, "cursor": None}


@pytest.mark.parametrize("limit", [1, 2, 60])
def test_limit_goes_to_cognito(api: ApiClient, fake_cognito: FakeCognito, limit: int) -> None:
    assert api.get(f"/devices?limit={limit}").status_code == 200
    assert fake_cognito.calls[0].arguments["limit"] == limit


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


def test_a_cursor_comes_back_to_cognito_as_it_was(
    api: ApiClient, fake_cognito: FakeCognito, three_devices: tuple[str, ...]
) -> None:
    cursor = api.get("/devices?limit=2").get_json()["nextCursor"]
    page = api.get("/devices", query_string={"limit": 2, "cursor": cursor}).get_json()
    assert [item["id"] for item in page["items"]] == [THIRD]
    assert fake_cognito.calls[1].arguments["cursor"] == cursor


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


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=61", "limit"),
        ("limit=-1", "limit"),
        ("limit=%2B5", "limit"),
        ("limit=+5", "limit"),
        ("limit=5.0", "limit"),
        ("limit=1e1", "limit"),
        ("limit=1_0", "limit"),
        ("limit=%D9%A5", "limit"),  # ARABIC-INDIC DIGIT FIVE, a digit to int()
        ("limit=", "limit"),
        ("limit=ten", "limit"),
        ("limit=" + "9" * 5000, "limit"),
        ("cursor=", "cursor"),
        ("cursor=a%20b", "cursor"),
        ("cursor=abc%0A", "cursor"),
        ("cursor=" + "a" * 4097, "cursor"),
        ("page=2", "page"),
        ("Limit=2", "Limit"),
        ("access_token=abc", "access_token"),
    ],
    ids=lambda value: str(value)[:24],
)
def test_a_wrong_query_is_refused_by_field_and_not_forwarded(
    api: ApiClient, fake_cognito: FakeCognito, query: str, field: str
) -> None:
    response = api.get(f"/devices?{query}")
    errors = response.get_json()["errors"]
    assert list(errors) == [field]
    assert all(isinstance(message, str) and message for message in errors[field])
    assert_problem(response, 422, "validation-failed", errors=errors)
    assert fake_cognito.calls == []


def test_every_wrong_parameter_is_named_at_once(api: ApiClient) -> None:
    errors = api.get("/devices?limit=0&cursor=&page=1").get_json()["errors"]
    assert set(errors) == {"limit", "cursor", "page"}


def test_head_answers_as_get_without_a_body(api: ApiClient, three_devices: tuple[str, ...]) -> None:
    got, head = api.get("/devices?limit=1"), api.head("/devices?limit=1")
    assert head.status_code == 200
    assert head.data == b""
    for name in ("Content-Type", "Content-Length", "Link", "Cache-Control"):
        assert head.headers[name] == got.headers[name]


@pytest.mark.parametrize("query", ["limit=1&limit=2", "limit=2&limit=2", "cursor=a&cursor=b"])
def test_a_parameter_sent_twice_is_refused(api: ApiClient, query: str) -> None:
    name = query.partition("=")[0]
    assert_problem(
        api.get(f"/devices?{query}"), 422, "validation-failed", errors={name: ["Send it once."]}
    )
