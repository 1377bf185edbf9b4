"""Users' sessions: where a user is signed in, and how such a sign-in is ended."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config

from local_cognito import seed
from local_cognito.process import ControlError, RunningCognito

CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/126.0.0.0 Safari/537.36"
)
NO_SESSION = "ResourceNotFoundException: Session does not exist."
REVOKED = "NotAuthorizedException: Access Token has been revoked"
REFRESH_REVOKED = "NotAuthorizedException: Refresh Token has been revoked"
NOT_TRACKED = "OperationNotEnabledException: Session tracking is not enabled for the user pool."
POOL = {"UserPoolId": seed.POOL_ID}
DEMO = POOL | {"Username": seed.DEMO_USERNAME}
SignIn = dict[str, Any]
Session = dict[str, Any]
Call = Callable[..., Any]


@pytest.fixture
def here(cognito: RunningCognito) -> SignIn:
    """The sign-in of whoever calls."""
    signed_in: SignIn = cognito.control("POST", "/_local/sign-in", user_agent=CHROME)
    return signed_in


@pytest.fixture
def there(cognito: RunningCognito, here: SignIn) -> SignIn:
    """Another sign-in of the same user, a later one."""
    signed_in: SignIn = cognito.control("POST", "/_local/sign-in")
    return signed_in


@pytest.fixture
def managed_login(cognito: RunningCognito, here: SignIn) -> Call:
    """A sign-in of that user at the managed login: an SSO session, and apps' tokens."""
    return partial(cognito.control, "POST", "/_local/managed-login")


@pytest.fixture
def revoke(idp: Any, here: SignIn) -> Call:
    """RevokeUserSession by the token of `here`."""

    def go(session_id: str, linked: str | None = None) -> Any:
        how = {"RevokeAssociatedSessions": linked} if linked else {}
        return idp.revoke_user_session(
            AccessToken=here["access_token"], SessionId=session_id, **how
        )

    return go


def sessions(idp: Any, signed_in: SignIn) -> list[Session]:
    return list(idp.list_user_sessions(AccessToken=signed_in["access_token"])["Sessions"])


def own(idp: Any, signed_in: SignIn) -> Session:
    """The session that the access token of a sign-in belongs to."""
    (current,) = [one for one in sessions(idp, signed_in) if one["IsCurrentSession"]]
    return current


def refresh(idp: Any, signed_in: SignIn) -> Any:
    key = {"DeviceKey": signed_in["device_key"]} if signed_in["device_key"] else {}
    return idp.get_tokens_from_refresh_token(
        RefreshToken=signed_in["refresh_token"], ClientId=seed.CLIENT_ID, **key
    )


def configure(idp: Any, tracking: str = "ENABLED", most: int = 20, pool: str = seed.POOL_ID) -> Any:
    return idp.set_user_pool_session_configuration(
        UserPoolId=pool, UserSessionTracking=tracking, TokenSession={"MaxPerUser": most}
    )


# Listing


def test_a_sign_in_is_a_token_session(idp: Any, here: SignIn) -> None:
    session = own(idp, here)
    assert re.fullmatch(r"tkn[a-z0-9]{25}", session["SessionId"])
    assert session["SessionType"] == "TOKEN"
    assert session["ClientId"] == seed.CLIENT_ID
    assert session["CreateDate"] == session["LastActiveDate"]
    assert session["CreateDate"].timestamp() == pytest.approx(time.time(), abs=60)
    assert session["LastIPAddress"] == "127.0.0.1"
    assert session["LastLocation"] == {"Country": "unknown"}
    assert "OriginSessionId" not in session


def test_every_sign_in_of_the_user_is_listed_and_one_is_the_callers(
    idp: Any, here: SignIn, there: SignIn
) -> None:
    assert [one["IsCurrentSession"] for one in sessions(idp, here)] == [True, False]
    assert [one["IsCurrentSession"] for one in sessions(idp, there)] == [False, True]


def test_another_users_sessions_are_not_listed(
    cognito: RunningCognito, idp: Any, here: SignIn
) -> None:
    other = cognito.control("POST", "/_local/sign-in", username=seed.DEMO2_USERNAME)
    assert len(sessions(idp, other)) == 1


def test_a_real_sign_in_has_what_its_headers_say(cognito: RunningCognito, idp: Any) -> None:
    client = boto3.client(
        "cognito-idp",
        region_name=seed.REGION,
        endpoint_url=cognito.url,
        config=Config(signature_version=UNSIGNED, user_agent=CHROME),
    )
    answer = client.initiate_auth(
        AuthFlow="USER_PASSWORD_AUTH",
        ClientId=seed.NO_DEVICES_CLIENT_ID,
        AuthParameters={"USERNAME": seed.DEMO2_USERNAME, "PASSWORD": seed.DEMO2_PASSWORD},
    )
    (session,) = sessions(idp, {"access_token": answer["AuthenticationResult"]["AccessToken"]})
    assert session["DeviceType"] == "Chrome 126, Windows 10"
    client.close()


@pytest.mark.parametrize(
    ("user_agent", "device_type"),
    [
        ("okhttp/4.12.0", "okhttp 4"),
        ("Boto3/1.44.5 ua/2.1 os/linux#5.15 lang/python#3.11.7", "Boto3 1, Linux"),
        ("aws-amplify/6.15.0 auth/2", "unknown"),
        ("", "unknown"),
    ],
)
def test_the_device_type_is_what_a_parser_makes_of_the_user_agent(
    cognito: RunningCognito, idp: Any, user_agent: str, device_type: str
) -> None:
    signed_in = cognito.control("POST", "/_local/sign-in", user_agent=user_agent)
    assert own(idp, signed_in)["DeviceType"] == device_type


def test_a_refresh_tells_where_the_session_is_now(idp: Any, here: SignIn) -> None:
    before = own(idp, here)
    refresh(idp, here)
    after = own(idp, here)
    assert after["SessionId"] == before["SessionId"]
    assert after["LastActiveDate"] > after["CreateDate"] == before["CreateDate"]
    assert before["DeviceType"] == "Chrome 126, Windows 10"
    assert after["DeviceType"].startswith("Boto3")


def test_a_refreshed_access_token_is_of_the_same_session(
    idp: Any, here: SignIn, there: SignIn
) -> None:
    renewed = refresh(idp, here)["AuthenticationResult"]["AccessToken"]
    assert own(idp, {"access_token": renewed})["SessionId"] == own(idp, here)["SessionId"]


def test_a_location_is_told_by_address(cognito: RunningCognito, idp: Any, here: SignIn) -> None:
    cognito.control("POST", "/_local/location", country="Austria")
    cognito.control(
        "POST", "/_local/location", address="192.0.2.7", city="Lisbon", country="Portugal"
    )
    there = cognito.control("POST", "/_local/sign-in", address="192.0.2.7")
    elsewhere = cognito.control("POST", "/_local/sign-in", address="192.0.2.8")
    assert own(idp, there)["LastIPAddress"] == "192.0.2.7"
    assert own(idp, there)["LastLocation"] == {"City": "Lisbon", "Country": "Portugal"}
    assert own(idp, elsewhere)["LastLocation"] == {"Country": "Austria"}


def test_pages_hold_125_sessions(idp: Any, here: SignIn, managed_login: Call) -> None:
    """A hundred token sessions are the most, so that a second page is made of SSO sessions."""
    for _ in range(124):
        managed_login()
    configure(idp, most=1)
    last = managed_login()["sign_ins"][0]["access_token"]
    first_page = idp.list_user_sessions(AccessToken=last)
    second_page = idp.list_user_sessions(AccessToken=last, NextToken=first_page["NextToken"])
    assert (len(first_page["Sessions"]), len(second_page["Sessions"])) == (125, 1)
    assert "NextToken" not in second_page
    ids = {one["SessionId"] for one in first_page["Sessions"] + second_page["Sessions"]}
    assert len(ids) == 126


def test_a_garbled_page_token_is_refused(idp: Any, here: SignIn, refused: Call) -> None:
    error = refused(idp.list_user_sessions, AccessToken=here["access_token"], NextToken="x")
    assert error == "InvalidParameterException: Invalid pagination token."


# Ending one


def test_the_tokens_of_an_ended_session_fail_at_once(
    idp: Any, here: SignIn, there: SignIn, revoke: Call, refused: Call
) -> None:
    revoke(own(idp, there)["SessionId"])
    assert refused(idp.get_user, AccessToken=there["access_token"]) == REVOKED
    assert refused(refresh, idp, there) == REFRESH_REVOKED
    assert len(sessions(idp, here)) == 1
    refresh(idp, here)


def test_the_callers_own_session_is_refused(
    idp: Any, here: SignIn, revoke: Call, refused: Call
) -> None:
    error = refused(revoke, own(idp, here)["SessionId"])
    assert error == "InvalidParameterException: The current session can't be revoked."
    own(idp, here)


def test_an_unknown_session_an_ended_one_and_another_users_are_not_found(
    cognito: RunningCognito, idp: Any, there: SignIn, revoke: Call, refused: Call
) -> None:
    ended = own(idp, there)["SessionId"]
    revoke(ended)
    other = own(idp, cognito.control("POST", "/_local/sign-in", username=seed.DEMO2_USERNAME))
    for session_id in ("tkn" + "0" * 25, ended, other["SessionId"]):
        assert refused(revoke, session_id) == NO_SESSION


def test_a_session_that_was_signed_out_is_not_listed(idp: Any, here: SignIn, there: SignIn) -> None:
    idp.revoke_token(Token=there["refresh_token"], ClientId=seed.CLIENT_ID)
    assert len(sessions(idp, here)) == 1
    idp.global_sign_out(AccessToken=here["access_token"])
    assert idp.admin_list_user_sessions(**DEMO)["Sessions"] == []


# Managed login


def test_a_managed_login_is_an_sso_session_and_the_token_sessions_through_it(
    idp: Any, managed_login: Call
) -> None:
    answer = managed_login(count=2, user_agent=CHROME)
    _, sso, first, second = sessions(idp, answer["sign_ins"][0])
    assert re.fullmatch(r"sso[a-z0-9]{25}", sso["SessionId"])
    assert (sso["SessionType"], sso["SessionId"]) == ("SSO", answer["session_id"])
    assert sso["IsCurrentSession"] is False
    assert sso["DeviceType"] == "Chrome 126, Windows 10"
    assert "OriginSessionId" not in sso
    assert first["OriginSessionId"] == second["OriginSessionId"] == sso["SessionId"]
    assert answer["sign_ins"][0]["device_key"] is None


def test_a_second_app_comes_through_the_same_sso_session(idp: Any, managed_login: Call) -> None:
    sso = managed_login()["session_id"]
    again = managed_login(session_id=sso, client_id=seed.OTHER_CLIENT_ID)
    through = [
        one for one in sessions(idp, again["sign_ins"][0]) if one.get("OriginSessionId") == sso
    ]
    assert [one["ClientId"] for one in through] == [seed.CLIENT_ID, seed.OTHER_CLIENT_ID]


def test_a_session_that_is_not_an_sso_one_brings_no_app(
    idp: Any, here: SignIn, managed_login: Call
) -> None:
    with pytest.raises(ControlError, match="not an SSO session"):
        managed_login(session_id=own(idp, here)["SessionId"])


@pytest.mark.parametrize(("linked", "left"), [(None, ["TOKEN"] * 3), ("LINKED", ["TOKEN"])])
def test_an_sso_session_takes_its_token_sessions_along_if_linked(
    idp: Any, here: SignIn, managed_login: Call, revoke: Call, linked: str | None, left: list[str]
) -> None:
    revoke(managed_login(count=2)["session_id"], linked)
    assert [one["SessionType"] for one in sessions(idp, here)] == left


@pytest.mark.parametrize(
    ("linked", "left"), [("NONE", ["TOKEN", "SSO", "TOKEN"]), ("LINKED", ["TOKEN", "TOKEN"])]
)
def test_a_token_session_takes_its_sso_session_along_if_linked_and_no_sibling(
    idp: Any, here: SignIn, managed_login: Call, revoke: Call, linked: str, left: list[str]
) -> None:
    revoke(own(idp, managed_login(count=2)["sign_ins"][0])["SessionId"], linked)
    assert [one["SessionType"] for one in sessions(idp, here)] == left


@pytest.mark.parametrize(("linked", "left"), [("NONE", ["TOKEN", "SSO"]), ("LINKED", ["TOKEN"])])
def test_a_revoked_token_takes_its_sso_session_along_if_linked(
    idp: Any, here: SignIn, managed_login: Call, linked: str, left: list[str]
) -> None:
    idp.revoke_token(
        Token=managed_login()["sign_ins"][0]["refresh_token"],
        ClientId=seed.CLIENT_ID,
        RevokeAssociatedSessions=linked,
    )
    assert [one["SessionType"] for one in sessions(idp, here)] == left


# The administrator, and the pool


def test_an_administrator_sees_and_ends_any_session(idp: Any, here: SignIn, refused: Call) -> None:
    (session,) = idp.admin_list_user_sessions(**DEMO)["Sessions"]
    assert session["IsCurrentSession"] is False
    other = POOL | {"Username": seed.DEMO2_USERNAME, "SessionId": session["SessionId"]}
    assert refused(idp.admin_revoke_user_session, **other) == NO_SESSION
    idp.admin_revoke_user_session(**DEMO, SessionId=session["SessionId"])
    assert refused(idp.get_user, AccessToken=here["access_token"]) == REVOKED


def test_the_least_recently_used_session_makes_room_for_a_new_one(
    cognito: RunningCognito, idp: Any, here: SignIn, there: SignIn, refused: Call
) -> None:
    configure(idp, most=2)
    refresh(idp, here)
    cognito.control("POST", "/_local/sign-in")
    assert refused(idp.get_user, AccessToken=there["access_token"]) == REVOKED
    idp.get_user(AccessToken=here["access_token"])


def test_tracking_is_off_in_a_new_pool(idp: Any, refused: Call) -> None:
    pool_id = idp.create_user_pool(PoolName="new")["UserPool"]["Id"]
    configuration = idp.get_user_pool_session_configuration(UserPoolId=pool_id)
    assert configuration["UserSessionTracking"] == "DISABLED"
    assert configuration["TokenSession"] == {"MaxPerUser": 20}
    idp.admin_create_user(UserPoolId=pool_id, Username="ada", MessageAction="SUPPRESS")
    error = refused(idp.admin_list_user_sessions, UserPoolId=pool_id, Username="ada")
    assert error == NOT_TRACKED


def test_while_tracking_is_off_nothing_is_listed_or_ended_and_tokens_live(
    idp: Any, here: SignIn, revoke: Call, managed_login: Call, refused: Call
) -> None:
    session_id = own(idp, here)["SessionId"]
    answer = configure(idp, "DISABLED", most=5)
    assert (answer["UserSessionTracking"], answer["TokenSession"]["MaxPerUser"]) == ("DISABLED", 5)
    assert refused(sessions, idp, here) == NOT_TRACKED
    assert refused(revoke, session_id) == NOT_TRACKED
    assert managed_login()["session_id"] is None
    refresh(idp, here)
    configure(idp)
    assert sessions(idp, here) == []


@pytest.mark.parametrize("tier", ["LITE", "ESSENTIALS", "PLUS"])
def test_tracking_needs_the_tier_essentials_or_plus(idp: Any, refused: Call, tier: str) -> None:
    pool_id = idp.create_user_pool(PoolName="new", UserPoolTier=tier)["UserPool"]["Id"]
    if tier == "LITE":
        error = refused(configure, idp, pool=pool_id)
        assert error.startswith("FeatureUnavailableInTierException")
    else:
        assert configure(idp, pool=pool_id)["UserSessionTracking"] == "ENABLED"
