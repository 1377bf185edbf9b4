"""A user with more devices than a page of Cognito's holds (60)."""

from typing import Any
from urllib.parse import urljoin

import pytest

from local_cognito.process import RunningCognito
from tests.e2e.api import Api
from tests.servers import Service

MANY = 130  # three pages of ListDevices
CURRENT = 71  # neither at an end nor on the first page


@pytest.fixture
def sign_ins(cognito: RunningCognito) -> list[dict[str, Any]]:
    """The demo user, signed in from very many devices."""
    sign_ins: list[dict[str, Any]]
    sign_ins = cognito.control("POST", "/_local/sign-in", count=MANY)["sign_ins"]
    cognito.control("DELETE", "/_local/calls")
    return sign_ins


@pytest.fixture
def api(service: Service, sign_ins: list[dict[str, Any]]) -> Api:
    """The API, called from one of them."""
    return Api(service.url, sign_ins[CURRENT]["access_token"])


def test_links_lead_to_each_device_once_and_in_order(
    api: Api, sign_ins: list[dict[str, Any]]
) -> None:
    path, sizes, ids = "/devices?limit=30", [], []
    while path:
        page = api.get(path)
        assert page.status_code == 200
        sizes.append(len(page.json()["items"]))
        ids += [it["id"] for it in page.json()["items"]]
        following = page.links.get("next")
        assert (following is None) == (page.json()["nextCursor"] is None)
        path = urljoin(path, following["url"]) if following else ""
    assert sizes == [30, 30, 30, 30, 10]
    assert ids == [it["device_key"] for it in sign_ins]


def test_forgetting_all_reads_each_page_and_forgets_each_device_once_the_current_one_last(
    cognito: RunningCognito, api: Api, sign_ins: list[dict[str, Any]]
) -> None:
    report = api.delete("/devices?scope=all").json()
    *others, last = report["forgotten"]
    assert report["failed"] == []
    assert last == sign_ins[CURRENT]["device_key"]
    assert {*others, last} == {it["device_key"] for it in sign_ins}
    calls = cognito.control("GET", "/_local/calls")
    assert (calls["ListDevices"], calls["ForgetDevice"]) == (3, MANY)
    assert api.get("/devices").json()["items"] == []
