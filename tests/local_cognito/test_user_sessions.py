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
from local_cognito.process import ControlError
from tests.local_cognito.clients import Aws

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
def here(aws: Aws) -> SignIn:
    """The sign-in of whoever calls."""
    signed_in: SignIn = aws.control("POST", "/_local/sign-in", user_agent=CHROME)
    return signed_in


@pytest.fixture
def there(aws: Aws, here: SignIn) -> SignIn:
    """Another sign-in of the same user, a later one."""
    signed_in: SignIn = aws.control("POST", "/_local/sign-in")
    return signed_in


@pytest.fixture
def managed_login(aws: Aws, here: SignIn) -> Call:
    """A sign-in of that user at the managed login: an SSO session, and apps' tokens."""
    return partial(aws.control, "POST", "/_local/managed-login")


@pytest.fixture
def revoke(aws: Aws, here: SignIn) -> Call:
    """RevokeUserSession by the token of `here`."""

    def go(session_id: str, linked: str | None = None) -> Any:
        how = {"RevokeAssociatedSessions": linked} if linked else {}
        return aws.idp.revoke_user_session(
            AccessToken=here["access_token"], SessionId=session_id, **how
        )

    return go


def sessions(aws: Aws, signed_in: SignIn) -> list[Session]:
    return list(aws.idp.list_user_sessions(AccessToken=signed_in["access_token"])["Sessions"])


def own(aws: Aws, signed_in: SignIn) -> Session:
    """The session that the access token of a sign-in belongs to."""
    (current,) = [one for one in sessions(aws, signed_in) if one["IsCurrentSession"]]
    return current


def refresh(aws: Aws, signed_in: SignIn) -> Any:
    key = {"DeviceKey": signed_in["device_key"]} if signed_in["device_key"] else {}
    return aws.idp.get_tokens_from_refresh_token(
        RefreshToken=signed_in["refresh_token"], ClientId=seed.CLIENT_ID, **key
    )


def configure(aws: Aws, tracking: str = "ENABLED", most: int = 20, pool: str = seed.POOL_ID) -> Any:
    return aws.admin.set_user_pool_session_configuration(
        UserPoolId=pool, UserSessionTracking=tracking, TokenSession={"MaxPerUser": most}
    )


# Listing


def test_a_sign_in_is_a_token_session(aws: Aws, here: SignIn) -> None:
    session = own(aws, here)
    assert re.fullmatch(r"tkn[a-z0-9]{25}", session["SessionId"])
    assert session["SessionType"] == "TOKEN"
    assert session["ClientId"] == seed.CLIENT_ID
    assert session["CreateDate"] == session["LastActiveDate"]
    assert session["CreateDate"].timestamp() == pytest.approx(time.time(), abs=60)
    assert session["LastIPAddress"] == "127.0.0.1"
    assert session["LastLocation"] == {"Country": "unknown"}
    assert "OriginSessionId" not in session


def test_every_sign_in_of_the_user_is_listed_and_one_is_the_callers(
    aws: Aws, here: SignIn, there: SignIn
) -> None:
    assert [one["IsCurrentSession"] for one in sessions(aws, here)] == [True, False]
    assert [one["IsCurrentSession"] for one in sessions(aws, there)] == [False, True]


def test_another_users_sessions_are_not_listed(aws: Aws, here: SignIn) -> None:
    other = aws.control("POST", "/_local/sign-in", username=seed.DEMO2_USERNAME)
    assert len(sessions(aws, other)) == 1


def test_a_real_sign_in_has_what_its_headers_say(aws: Aws) -> None:
    client = boto3.client(
        "cognito-idp",
        region_name=seed.REGION,
        endpoint_url=aws.url,
        config=Config(signature_version=UNSIGNED, user_agent=CHROME),
    )
    answer = client.initiate_auth(
        AuthFlow="USER_PASSWORD_AUTH",
        ClientId=seed.NO_DEVICES_CLIENT_ID,
        AuthParameters={"USERNAME": seed.DEMO2_USERNAME, "PASSWORD": seed.DEMO2_PASSWORD},
    )
    (session,) = sessions(aws, {"access_token": answer["AuthenticationResult"]["AccessToken"]})
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
    aws: Aws, user_agent: str, device_type: str
) -> None:
    signed_in = aws.control("POST", "/_local/sign-in", user_agent=user_agent)
    assert own(aws, signed_in)["DeviceType"] == device_type


def test_a_refresh_tells_where_the_session_is_now(aws: Aws, here: SignIn) -> None:
    before = own(aws, here)
    refresh(aws, here)
    after = own(aws, here)
    assert after["SessionId"] == before["SessionId"]
    assert after["LastActiveDate"] > after["CreateDate"] == before["CreateDate"]
    assert before["DeviceType"] == "Chrome 126, Windows 10"
    assert after["DeviceType"].startswith("Boto3")


def test_a_refreshed_access_token_is_of_the_same_session(
    aws: Aws, here: SignIn, there: SignIn
) -> None:
    renewed = refresh(aws, here)["AuthenticationResult"]["AccessToken"]
    assert own(aws, {"access_token": renewed})["SessionId"] == own(aws, here)["SessionId"]


def test_a_location_is_told_by_address(aws: Aws, here: SignIn) -> None:
    aws.control("POST", "/_local/location", country="Austria")
    aws.control("POST", "/_local/location", address="192.0.2.7", city="Lisbon", country="Portugal")
    there = aws.control("POST", "/_local/sign-in", address="192.0.2.7")
    elsewhere = aws.control("POST", "/_local/sign-in", address="192.0.2.8")
    assert own(aws, there)["LastIPAddress"] == "192.0.2.7"
    assert own(aws, there)["LastLocation"] == {"City": "Lisbon", "Country": "Portugal"}
    assert own(aws, elsewhere)["LastLocation"] == {"Country": "Austria"}


def test_pages_hold_125_sessions(aws: Aws, here: SignIn, managed_login: Call) -> None:
    """A hundred token sessions are the most, so that a second page is made of SSO sessions."""
    for _ in range(124):
        managed_login()
    configure(aws, most=1)
    last = managed_login()["sign_ins"][0]["access_token"]
    first_page = aws.idp.list_user_sessions(AccessToken=last)
    second_page = aws.idp.list_user_sessions(AccessToken=last, NextToken=first_page["NextToken"])
    assert (len(first_page["Sessions"]), len(second_page["Sessions"])) == (125, 1)
    assert "NextToken" not in second_page
    ids = {one["SessionId"] for one in first_page["Sessions"] + second_page["Sessions"]}
    assert len(ids) == 126


def test_a_garbled_page_token_is_refused(aws: Aws, here: SignIn) -> None:
    error = aws.refused(aws.idp.list_user_sessions, AccessToken=here["access_token"], NextToken="x")
    assert error == "InvalidParameterException: Invalid pagination token."


# Ending one


def test_the_tokens_of_an_ended_session_fail_at_once(
    aws: Aws, here: SignIn, there: SignIn, revoke: Call
) -> None:
    revoke(own(aws, there)["SessionId"])
    assert aws.refused(aws.idp.get_user, AccessToken=there["access_token"]) == REVOKED
    assert aws.refused(refresh, aws, there) == REFRESH_REVOKED
    assert len(sessions(aws, here)) == 1
    refresh(aws, here)


def test_the_callers_own_session_is_refused(aws: Aws, here: SignIn, revoke: Call) -> None:
    error = aws.refused(revoke, own(aws, here)["SessionId"])
    assert error == "InvalidParameterException: The current session can't be revoked."
    own(aws, here)


def test_an_unknown_session_an_ended_one_and_another_users_are_not_found(
    aws: Aws, there: SignIn, revoke: Call
) -> None:
    ended = own(aws, there)["SessionId"]
    revoke(ended)
    other = own(aws, aws.control("POST", "/_local/sign-in", username=seed.DEMO2_USERNAME))
    for session_id in ("tkn" + "0" * 25, ended, other["SessionId"]):
        assert aws.refused(revoke, session_id) == NO_SESSION


def test_a_session_that_was_signed_out_is_not_listed(aws: Aws, here: SignIn, there: SignIn) -> None:
    aws.idp.revoke_token(Token=there["refresh_token"], ClientId=seed.CLIENT_ID)
    assert len(sessions(aws, here)) == 1
    aws.idp.global_sign_out(AccessToken=here["access_token"])
    assert aws.admin.admin_list_user_sessions(**DEMO)["Sessions"] == []


# Managed login


def test_a_managed_login_is_an_sso_session_and_the_token_sessions_through_it(
    aws: Aws, managed_login: Call
) -> None:
    answer = managed_login(count=2, user_agent=CHROME)
    _, sso, first, second = sessions(aws, answer["sign_ins"][0])
    assert re.fullmatch(r"sso[a-z0-9]{25}", sso["SessionId"])
    assert (sso["SessionType"], sso["SessionId"]) == ("SSO", answer["session_id"])
    assert sso["IsCurrentSession"] is False
    assert sso["DeviceType"] == "Chrome 126, Windows 10"
    assert "OriginSessionId" not in sso
    assert first["OriginSessionId"] == second["OriginSessionId"] == sso["SessionId"]
    assert answer["sign_ins"][0]["device_key"] is None


def test_a_second_app_comes_through_the_same_sso_session(aws: Aws, managed_login: Call) -> None:
    sso = managed_login()["session_id"]
    again = managed_login(session_id=sso, client_id=seed.OTHER_CLIENT_ID)
    through = [
        one for one in sessions(aws, again["sign_ins"][0]) if one.get("OriginSessionId") == sso
    ]
    assert [one["ClientId"] for one in through] == [seed.CLIENT_ID, seed.OTHER_CLIENT_ID]


def test_a_rotated_refresh_token_is_activity_of_the_sso_session(
    aws: Aws, managed_login: Call
) -> None:
    rotation = {"Feature": "ENABLED", "RetryGracePeriodSeconds": 0}
    aws.admin.update_user_pool_client(
        **POOL, ClientId=seed.CLIENT_ID, RefreshTokenRotation=rotation
    )
    (signed_in,) = managed_login()["sign_ins"]
    before = sessions(aws, signed_in)
    refresh(aws, signed_in)
    after = sessions(aws, signed_in)
    assert after[1]["SessionType"] == "SSO"
    assert after[1]["LastActiveDate"] > before[1]["LastActiveDate"]


def test_a_session_that_is_not_an_sso_one_brings_no_app(
    aws: Aws, here: SignIn, managed_login: Call
) -> None:
    with pytest.raises(ControlError, match="not an SSO session"):
        managed_login(session_id=own(aws, here)["SessionId"])


@pytest.mark.parametrize(("linked", "left"), [(None, ["TOKEN"] * 3), ("LINKED", ["TOKEN"])])
def test_an_sso_session_takes_its_token_sessions_along_if_linked(
    aws: Aws, here: SignIn, managed_login: Call, revoke: Call, linked: str | None, left: list[str]
) -> None:
    revoke(managed_login(count=2)["session_id"], linked)
    assert [one["SessionType"] for one in sessions(aws, here)] == left


@pytest.mark.parametrize(
    ("linked", "left"), [("NONE", ["TOKEN", "SSO", "TOKEN"]), ("LINKED", ["TOKEN", "TOKEN"])]
)
def test_a_token_session_takes_its_sso_session_along_if_linked_and_no_sibling(
    aws: Aws, here: SignIn, managed_login: Call, revoke: Call, linked: str, left: list[str]
) -> None:
    revoke(own(aws, managed_login(count=2)["sign_ins"][0])["SessionId"], linked)
    assert [one["SessionType"] for one in sessions(aws, here)] == left


@pytest.mark.parametrize(("linked", "left"), [("NONE", ["TOKEN", "SSO"]), ("LINKED", ["TOKEN"])])
def test_a_revoked_token_takes_its_sso_session_along_if_linked(
    aws: Aws, here: SignIn, managed_login: Call, linked: str, left: list[str]
) -> None:
    aws.idp.revoke_token(
        Token=managed_login()["sign_ins"][0]["refresh_token"],
        ClientId=seed.CLIENT_ID,
        RevokeAssociatedSessions=linked,
    )
    assert [one["SessionType"] for one in sessions(aws, here)] == left


# The administrator, and the pool


def test_an_administrator_sees_and_ends_any_session(aws: Aws, here: SignIn) -> None:
    (session,) = aws.admin.admin_list_user_sessions(**DEMO)["Sessions"]
    assert session["IsCurrentSession"] is False
    other = POOL | {"Username": seed.DEMO2_USERNAME, "SessionId": session["SessionId"]}
    assert aws.refused(aws.admin.admin_revoke_user_session, **other) == NO_SESSION
    aws.admin.admin_revoke_user_session(**DEMO, SessionId=session["SessionId"])
    assert aws.refused(aws.idp.get_user, AccessToken=here["access_token"]) == REVOKED


def test_the_least_recently_used_session_makes_room_for_a_new_one(
    aws: Aws, here: SignIn, there: SignIn
) -> None:
    configure(aws, most=2)
    refresh(aws, here)
    aws.control("POST", "/_local/sign-in")
    assert aws.refused(aws.idp.get_user, AccessToken=there["access_token"]) == REVOKED
    aws.idp.get_user(AccessToken=here["access_token"])


def test_tracking_is_off_in_a_new_pool(aws: Aws) -> None:
    pool_id = aws.admin.create_user_pool(PoolName="new")["UserPool"]["Id"]
    configuration = aws.admin.get_user_pool_session_configuration(UserPoolId=pool_id)
    assert configuration["UserSessionTracking"] == "DISABLED"
    assert configuration["TokenSession"] == {"MaxPerUser": 20}
    aws.admin.admin_create_user(UserPoolId=pool_id, Username="ada", MessageAction="SUPPRESS")
    error = aws.refused(aws.admin.admin_list_user_sessions, UserPoolId=pool_id, Username="ada")
    assert error == NOT_TRACKED


def test_while_tracking_is_off_nothing_is_listed_or_ended_and_tokens_live(
    aws: Aws, here: SignIn, revoke: Call, managed_login: Call
) -> None:
    session_id = own(aws, here)["SessionId"]
    answer = configure(aws, "DISABLED", most=5)
    assert (answer["UserSessionTracking"], answer["TokenSession"]["MaxPerUser"]) == ("DISABLED", 5)
    assert aws.refused(sessions, aws, here) == NOT_TRACKED
    assert aws.refused(revoke, session_id) == NOT_TRACKED
    assert managed_login()["session_id"] is None
    refresh(aws, here)
    configure(aws)
    assert sessions(aws, here) == []


@pytest.mark.parametrize("tier", ["LITE", "ESSENTIALS", "PLUS"])
def test_tracking_needs_the_tier_essentials_or_plus(aws: Aws, tier: str) -> None:
    pool_id = aws.admin.create_user_pool(PoolName="new", UserPoolTier=tier)["UserPool"]["Id"]
    if tier == "LITE":
        error = aws.refused(configure, aws, pool=pool_id)
        assert error.startswith("FeatureUnavailableInTierException")
    else:
        assert configure(aws, pool=pool_id)["UserSessionTracking"] == "ENABLED"
