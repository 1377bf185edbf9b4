"""`/sessions`, over gunicorn and the local Cognito: who is signed in where, and ending it."""

from typing import Any

import pytest

from local_cognito.process import RunningCognito
from tests.calls import assert_problem
from tests.e2e.api import Api
from tests.local_cognito.clients import Aws
from tests.servers import Service

MAC = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/142.0.0.0 Safari/537.36"
)
LINUX = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"
SCRIPT = "Boto3/1.44.5 md/Botocore#1.44.5 ua/2.1 os/linux#6.8 lang/python#3.13"

SignIn = dict[str, Any]


@pytest.fixture
def sign_ins(cognito: RunningCognito) -> list[SignIn]:
    """The demo user in two browsers and a script; the first one calls."""
    return [
        cognito.control("POST", "/_local/sign-in", user_agent=agent)
        for agent in (MAC, LINUX, SCRIPT)
    ]


@pytest.fixture
def api(service: Service, sign_ins: list[SignIn]) -> Api:
    return Api(service.url, sign_ins[0]["access_token"])


def listed(api: Api) -> list[dict[str, Any]]:
    answer = api.get("/sessions")
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def is_signed_in(service: Service, sign_in: SignIn) -> bool:
    answer = Api(service.url, sign_in["access_token"]).get("/devices")
    return answer.status_code == 200


def test_two_browsers_and_a_script_are_three_sessions_and_one_is_current(api: Api) -> None:
    shown = [(one["displayName"], one["current"], one["sessionType"]) for one in listed(api)]
    assert shown == [
        ("Chrome on macOS", True, "token"),
        ("Firefox on Linux", False, "token"),
        ("Linux", False, "token"),
    ]


def test_an_ended_session_loses_its_tokens_at_once_and_the_others_live(
    aws: Aws, service: Service, api: Api, sign_ins: list[SignIn]
) -> None:
    ended = listed(api)[1]["id"]
    assert api.delete(f"/sessions/{ended}").status_code == 204
    assert [is_signed_in(service, one) for one in sign_ins] == [True, False, True]
    refreshed = [aws.refreshes(one["refresh_token"], one["device_key"]) for one in sign_ins]
    assert refreshed == [True, False, True]
    assert ended not in {one["id"] for one in listed(api)}
    assert_problem(api.delete(f"/sessions/{ended}"), 404, "session-not-found")


def test_the_callers_own_session_is_not_ended(api: Api) -> None:
    assert_problem(api.delete(f"/sessions/{listed(api)[0]['id']}"), 409, "current-session")
    assert len(listed(api)) == 3


def test_a_hosted_ui_user_has_no_device_and_is_signed_out_with_the_managed_login(
    cognito: RunningCognito, service: Service
) -> None:
    (sign_in,) = cognito.control("POST", "/_local/managed-login")["sign_ins"]
    hosted = Api(service.url, sign_in["access_token"])
    assert_problem(hosted.get("/devices/current"), 404, "no-current-device")
    sso, own = listed(hosted)
    assert (sso["sessionType"], sso["current"]) == ("sso", False)
    assert (own["sessionType"], own["current"]) == ("token", True)
    assert own["originSessionId"] == sso["id"]
    assert hosted.delete(f"/sessions/{sso['id']}?linked=true").status_code == 204
    assert not is_signed_in(service, sign_in)
