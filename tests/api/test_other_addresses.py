"""What there is besides /devices and /sessions, as the settings say, and under which path."""

import json
from collections.abc import Iterator

import pytest
from flask import Flask

from app.domain.errors import ErrorCode, ServiceError
from tests.api.client import ApiClient
from tests.api.conftest import OTHER, THIRD, Start, Token, application, client_of
from tests.api.tokens import SigningKey
from tests.calls import assert_problem


def test_healthz_and_readyz_need_no_token(api: ApiClient) -> None:
    anonymous = api.with_authorization(None)
    assert anonymous.get("/healthz").get_json() == {"status": "ok"}
    assert anonymous.get("/readyz").get_json() == {
        "ready": True,
        "checks": {"accepting": True, "keys": True, "cognito": True},
    }
    assert api.cognito.calls == []


# The contract and its page


@pytest.mark.parametrize(
    ("path", "leads_to"), [("/", "/docs"), ("/docs/", "/docs"), ("/openapi.yaml", "/openapi.json")]
)
def test_what_people_try_leads_on(api: ApiClient, path: str, leads_to: str) -> None:
    response = api.with_authorization(None).get(path)
    assert (response.status_code, response.headers["Location"]) == (302, leads_to)


def test_the_page_can_be_turned_off_and_the_contract_stays(start: Start) -> None:
    api = start(DOCS_ENABLED="false")
    for path in ("/docs", "/", "/docs/docs.js"):
        assert_problem(api.get(path), 404, "not-found")
    assert api.get("/openapi.json").status_code == 200


# Metrics


@pytest.mark.parametrize("variables", [{}, {"METRICS_PORT": "9091"}], ids=["default", "own port"])
def test_metrics_are_not_on_the_public_port(start: Start, variables: dict[str, str]) -> None:
    api = start(**variables)
    for path in ("/metrics", "//metrics", "/metrics/"):
        response = api.get("/", environ_overrides={"PATH_INFO": path})
        assert response.status_code == 404


def test_who_asks_for_it_has_metrics_on_the_public_port(start: Start) -> None:
    api = start(PORT="8000", METRICS_PORT="8000").with_authorization(None)
    assert api.get("/metrics").status_code == 200
    assert api.get("/healthz").status_code == 200


# Mounted under a path


@pytest.fixture(scope="module")
def mounted_application(pool_key: SigningKey) -> Iterator[Flask]:
    with application(pool_key, PUBLIC_PATH="/account") as app:
        yield app


@pytest.fixture
def mounted(mounted_application: Flask, token: Token) -> ApiClient:
    return client_of(mounted_application, token())


@pytest.mark.parametrize("prefix", ["/account", ""], ids=["as it came", "removed by the proxy"])
def test_under_a_path_links_and_instances_carry_it_whatever_the_proxy_does(
    mounted: ApiClient, prefix: str
) -> None:
    mounted.cognito.add(OTHER)
    mounted.cognito.add(THIRD)
    page = mounted.get(f"{prefix}/devices?limit=1")
    assert page.headers["Link"].startswith("</account/devices?limit=1&cursor=")
    body = {"deviceKey": "eu-west-1_00ff", "deviceGroupKey": "-AbCd1234"}
    tracked = mounted.post(f"{prefix}/devices", json=body)
    assert tracked.headers["Location"] == "/account/devices/eu-west-1_00ff"
    missing = mounted.get(f"{prefix}/devices/eu-west-1_00aa").get_json(force=True)
    assert missing["instance"] == "/account/devices/eu-west-1_00aa"
    mounted.cognito.fail("forget_device", *[ServiceError(ErrorCode.BLOCKED)] * 3)
    failed = mounted.delete(f"{prefix}/devices?scope=others").get_json()["failed"]
    instances = [one["problem"]["instance"] for one in failed]
    assert instances == [f"/account/devices/{key}" for key in (OTHER, THIRD, "eu-west-1_00ff")]


def test_under_a_path_the_contract_its_page_and_the_probes_are_there(mounted: ApiClient) -> None:
    document = json.loads(mounted.get("/account/openapi.json").data)
    assert document["servers"][0]["url"] == "/account"
    assert mounted.get("/account/").headers["Location"] == "/account/docs"
    assert "/account/docs/" in mounted.get("/account/docs").text
    for path in (
        "/favicon.ico",
        "/account/docs/docs.js",
        "/healthz",
        "/account/healthz",
        "/account/readyz",
    ):
        assert mounted.get(path).status_code == 200
    assert mounted.get("/accounts/devices").status_code == 404
