"""Queries and bodies that are refused by field and not forwarded; POST /devices has its own."""

from typing import Any

import pytest

from tests.api.client import ApiClient
from tests.api.conftest import OTHER
from tests.calls import assert_problem

SESSION = "/sessions/tkn" + "b" * 25
QUERIES = [
    ("GET", "/devices?limit=0", "limit"),
    ("GET", "/devices?limit=61", "limit"),
    ("GET", "/devices?limit=%2B5", "limit"),
    ("GET", "/devices?limit=%D9%A5", "limit"),  # ARABIC-INDIC DIGIT FIVE, a digit to int()
    ("GET", "/devices?limit=", "limit"),
    ("GET", "/devices?cursor=", "cursor"),
    ("GET", "/devices?cursor=a%20b", "cursor"),
    ("GET", "/devices?cursor=abc%0A", "cursor"),
    ("GET", "/devices?cursor=" + "a" * 8001, "cursor"),
    ("GET", "/devices?access_token=abc", "access_token"),
    ("GET", "/devices?limit=1&limit=2", "limit"),
    ("DELETE", "/devices", "scope"),
    ("DELETE", "/devices?scope=ALL", "scope"),
    ("DELETE", "/devices?scope=all&dryRun=true", "dryRun"),
    ("DELETE", "/devices?scope=inactive", "days"),
    ("DELETE", "/devices?scope=inactive&days=0", "days"),
    ("DELETE", "/devices?scope=inactive&days=3651", "days"),
    ("DELETE", "/devices?scope=others&days=90", "days"),
    ("DELETE", "/devices?scope=expired", "scope"),  # TRUST_DAYS is not set
    ("DELETE", "/devices?scope=all&reason=stolen", "reason"),
    ("DELETE", f"/devices/{OTHER}?reason=", "reason"),
    ("DELETE", "/sessions?scope=others&reason=mine", "reason"),
    ("GET", "/sessions?cursor=", "cursor"),
    ("GET", "/sessions?limit=5", "limit"),
    ("DELETE", "/sessions", "scope"),
    ("DELETE", "/sessions?scope=all", "scope"),
    ("DELETE", "/sessions?scope=others&dryRun=true", "dryRun"),
    ("DELETE", f"{SESSION}?linked=1", "linked"),
]
STATUSES: list[tuple[Any, str]] = [
    ({}, "status"),
    ({"status": "tracked"}, "status"),
    ({"status": ["remembered"]}, "status"),
    ({"status": "remembered", "name": "x"}, "name"),
    ([], "body"),
]


@pytest.mark.parametrize(
    ("method", "address", "body", "field"),
    [
        *((method, address, None, field) for method, address, field in QUERIES),
        *(("PATCH", f"/devices/{OTHER}", body, field) for body, field in STATUSES),
        ("PATCH", "/devices/current", {}, "status"),
    ],
    ids=lambda value: str(value)[:24],
)
def test_what_is_wrong_is_refused_by_field_and_not_forwarded(
    api: ApiClient, method: str, address: str, body: Any, field: str
) -> None:
    response = api.open(address, method=method, json=body)
    errors = response.get_json()["errors"]
    assert list(errors) == [field]
    assert_problem(response, 422, "validation-failed")
    assert api.cognito.calls == []


@pytest.mark.parametrize(
    ("method", "address", "body", "field"),
    [
        ("PATCH", f"/devices/{OTHER}", [], "body"),
        ("POST", "/devices", {"deviceKey": OTHER, "secretVerifier": "abc"}, "secretVerifier"),
    ],
)
def test_what_is_no_object_is_told_to_be_one(
    api: ApiClient, method: str, address: str, body: Any, field: str
) -> None:
    response = api.open(address, method=method, json=body)
    assert response.get_json()["errors"] == {field: ["Must be a JSON object."]}
