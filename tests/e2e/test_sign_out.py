"""POST /devices/sign-out ends every session of the user, on every device."""

from typing import Any

import pytest

from local_cognito import seed
from local_cognito.process import RunningCognito
from tests.e2e.api import Api, code_of
from tests.e2e.real_clients import cognito_idp
from tests.servers import Service


@pytest.fixture
def sign_ins(cognito: RunningCognito) -> list[dict[str, Any]]:
    """The demo user, signed in from three devices."""
    answer: list[dict[str, Any]] = cognito.control("POST", "/_local/sign-in", count=3)["sign_ins"]
    return answer


def refreshes(cognito: RunningCognito, sign_in: dict[str, Any]) -> bool:
    """Whether the device still gets new tokens."""
    with cognito_idp(cognito.url) as idp:
        try:
            idp.initiate_auth(
                AuthFlow="REFRESH_TOKEN_AUTH",
                ClientId=seed.CLIENT_ID,
                AuthParameters={
                    "REFRESH_TOKEN": sign_in["refresh_token"],
                    "DEVICE_KEY": sign_in["device_key"],
                },
            )
        except idp.exceptions.NotAuthorizedException:
            return False
    return True


def test_every_access_token_is_refused(service: Service, sign_ins: list[dict[str, Any]]) -> None:
    apis = [Api(service.url, sign_in["access_token"]) for sign_in in sign_ins]
    assert apis[0].post("/devices/sign-out").status_code == 204
    for api in apis:
        after = api.get("/devices")
        assert (after.status_code, code_of(after)) == (401, "invalid-token")
        assert after.headers["WWW-Authenticate"].startswith('Bearer error="invalid_token"')


def test_no_device_refreshes_its_tokens_any_more(
    cognito: RunningCognito, service: Service, sign_ins: list[dict[str, Any]]
) -> None:
    assert [refreshes(cognito, sign_in) for sign_in in sign_ins] == [True] * 3
    Api(service.url, sign_ins[0]["access_token"]).post("/devices/sign-out").raise_for_status()
    assert [refreshes(cognito, sign_in) for sign_in in sign_ins] == [False] * 3


def test_the_devices_stay_remembered(
    cognito: RunningCognito, service: Service, sign_ins: list[dict[str, Any]]
) -> None:
    Api(service.url, sign_ins[0]["access_token"]).post("/devices/sign-out").raise_for_status()
    later = cognito.control("POST", "/_local/sign-in")
    items = Api(service.url, later["access_token"]).get("/devices").json()["items"]
    assert {it["id"] for it in items} == {it["device_key"] for it in [*sign_ins, later]}


def test_another_users_session_goes_on(
    cognito: RunningCognito, service: Service, sign_ins: list[dict[str, Any]]
) -> None:
    other = cognito.control("POST", "/_local/sign-in", username=seed.DEMO2_USERNAME)
    Api(service.url, sign_ins[0]["access_token"]).post("/devices/sign-out").raise_for_status()
    assert Api(service.url, other["access_token"]).get("/devices/current").status_code == 200
