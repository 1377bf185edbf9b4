"""A user with more devices than a page of Cognito's holds (60)."""

from typing import Any
from urllib.parse import quote, urljoin

import pytest
import requests
from requests.utils import parse_header_links

from local_cognito.process import RunningCognito
from tests.e2e.api import Api
from tests.servers import Service

MANY = 130  # three pages of ListDevices
CURRENT = 71  # neither at an end nor on the first page


@pytest.fixture
def sign_ins(cognito: RunningCognito) -> list[dict[str, Any]]:
    """The demo user, signed in from very many devices."""
    answer = cognito.control("POST", "/_local/sign-in", count=MANY)
    sign_ins: list[dict[str, Any]] = answer["sign_ins"]
    return sign_ins


@pytest.fixture
def device_keys(sign_ins: list[dict[str, Any]]) -> list[str]:
    return [sign_in["device_key"] for sign_in in sign_ins]


@pytest.fixture
def api(service: Service, sign_ins: list[dict[str, Any]]) -> Api:
    """The API, called from one of them."""
    return Api(service.url, sign_ins[CURRENT]["access_token"])


def by_link(page: requests.Response, path: str) -> str | None:
    """Where the page's Link header (RFC 8288) says the next one is."""
    links = parse_header_links(page.headers.get("Link", ""))
    following = [link["url"] for link in links if link["rel"] == "next"]
    return urljoin(path, following[0]) if following else None


def by_cursor(page: requests.Response, path: str) -> str | None:
    """Where the page's nextCursor leads."""
    cursor = page.json()["nextCursor"]
    return f"/devices?limit=30&cursor={quote(cursor, safe='')}" if cursor else None


@pytest.mark.parametrize("following", [by_link, by_cursor])
def test_the_pages_hold_each_device_once_and_in_order(
    api: Api, device_keys: list[str], following: Any
) -> None:
    path, sizes, ids = "/devices?limit=30", [], []
    while path:
        page = api.get(path)
        assert page.status_code == 200
        sizes.append(len(page.json()["items"]))
        ids += [it["id"] for it in page.json()["items"]]
        assert ("Link" in page.headers) == (page.json()["nextCursor"] is not None)
        path = following(page, path)
    assert sizes == [30, 30, 30, 30, 10]
    assert ids == device_keys


def test_the_pages_stay_whole_when_a_device_is_forgotten_in_between(
    api: Api, device_keys: list[str]
) -> None:
    first = api.get("/devices?limit=60")
    api.delete(f"/devices/{device_keys[0]}").raise_for_status()
    second = api.get(str(by_link(first, "/devices")))
    assert [it["id"] for it in second.json()["items"]] == device_keys[60:120]


def test_forgetting_the_others_leaves_the_current_one(api: Api, device_keys: list[str]) -> None:
    report = api.delete("/devices?scope=others")
    others = [key for key in device_keys if key != device_keys[CURRENT]]
    assert report.status_code == 200
    assert report.json() == {"forgotten": others, "failed": []}
    left = api.get("/devices").json()
    assert [(it["id"], it["current"]) for it in left["items"]] == [(device_keys[CURRENT], True)]
    assert left["nextCursor"] is None


def test_forgetting_all_leaves_none_and_forgets_the_current_one_last(
    api: Api, device_keys: list[str]
) -> None:
    forgotten = api.delete("/devices?scope=all").json()["forgotten"]
    assert sorted(forgotten) == sorted(device_keys)
    assert forgotten[-1] == device_keys[CURRENT]
    assert api.get("/devices").json()["items"] == []


def test_forgetting_many_reads_every_page_once_and_forgets_each_device_once(
    cognito: RunningCognito, api: Api
) -> None:
    cognito.control("DELETE", "/_local/calls")
    api.delete("/devices?scope=all").raise_for_status()
    calls = cognito.control("GET", "/_local/calls")
    assert (calls["ListDevices"], calls["ForgetDevice"]) == (3, MANY)
