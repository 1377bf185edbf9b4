"""Users' sessions: where a user is signed in, and how such a sign-in is ended."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from local_cognito import seed
from tests.local_cognito.clients import CLIENT, DEMO2_USER, DEMO_USER, REVOKED, Aws

CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/126.0.0.0 Safari/537.36"
)
NO_SESSION = "ResourceNotFoundException: Session does not exist."
NOT_TRACKED = "OperationNotEnabledException: Session tracking is not enabled for the user pool."
SignedIn = dict[str, Any]
Session = dict[str, Any]
Call = Callable[..., Any]


@pytest.fixture
def here(aws: Aws) -> SignedIn:
    """The sign-in of whoever calls."""
    return aws.on_device(user_agent=CHROME)


@pytest.fixture
def there(aws: Aws, here: SignedIn) -> SignedIn:
    """Another sign-in of the same user, a later one."""
    return aws.on_device()


@pytest.fixture
def managed_login(aws: Aws, here: SignedIn) -> Call:
    """A sign-in of that user at the managed login: an SSO session, and apps' tokens."""
    return partial(aws.control, "POST", "/_local/managed-login")


@pytest.fixture
def revoke(aws: Aws, here: SignedIn) -> Call:
    """RevokeUserSession by the token of `here`."""

    def go(session_id: str, linked: str = "NONE") -> Any:
        return aws.idp.revoke_user_session(
            AccessToken=here["access_token"],
            SessionId=session_id,
            RevokeAssociatedSessions=linked,
        )

    return go


def sessions(aws: Aws, signed_in: SignedIn) -> list[Session]:
    return list(aws.idp.list_user_sessions(AccessToken=signed_in["access_token"])["Sessions"])


def own(aws: Aws, signed_in: SignedIn) -> Session:
    """The session that the access token of a sign-in belongs to."""
    (current,) = [one for one in sessions(aws, signed_in) if one["IsCurrentSession"]]
    return current


def refresh(aws: Aws, signed_in: SignedIn) -> Any:
    key = {"DeviceKey": signed_in["device_key"]} if signed_in["device_key"] else {}
    return aws.idp.get_tokens_from_refresh_token(
        RefreshToken=signed_in["refresh_token"], ClientId=seed.CLIENT_ID, **key
    )


def configure(aws: Aws, tracking: str = "ENABLED", most: int = 20, pool: str = seed.POOL_ID) -> Any:
    return aws.admin.set_user_pool_session_configuration(
        UserPoolId=pool, UserSessionTracking=tracking, TokenSession={"MaxPerUser": most}
    )


# Listing


def test_every_sign_in_of_the_user_alone_is_listed_and_one_is_the_callers(
    aws: Aws, here: SignedIn, there: SignedIn
) -> None:
    assert [one["IsCurrentSession"] for one in sessions(aws, here)] == [True, False]
    assert [one["IsCurrentSession"] for one in sessions(aws, there)] == [False, True]
    other = aws.on_device(username=seed.DEMO2_USERNAME)
    assert len(sessions(aws, other)) == 1


def test_a_refresh_tells_where_the_session_is_now(aws: Aws, here: SignedIn) -> None:
    before = own(aws, here)
    renewed = refresh(aws, here)["AuthenticationResult"]["AccessToken"]
    after = own(aws, {"access_token": renewed})
    assert after["SessionId"] == before["SessionId"]
    assert after["LastActiveDate"] > after["CreateDate"] == before["CreateDate"]
    assert before["DeviceType"] == "Chrome 126, Windows 10"
    assert after["DeviceType"].startswith("Boto3")


def test_pages_hold_125_sessions(aws: Aws, here: SignedIn, managed_login: Call) -> None:
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


def test_device_type_and_location_are_made_of_user_agent_and_address(
    aws: Aws, here: SignedIn
) -> None:
    assert own(aws, here)["LastLocation"] == {"Country": "unknown"}
    aws.control("POST", "/_local/location", country="Austria")
    aws.control("POST", "/_local/location", address="192.0.2.7", city="Lisbon", country="Portugal")
    austria, lisbon = {"Country": "Austria"}, {"City": "Lisbon", "Country": "Portugal"}
    for user_agent, address, device_type, location in (
        ("okhttp/4.12.0", "192.0.2.7", "okhttp 4", lisbon),
        ("Boto3/1.44.5 ua/2.1 os/linux#5.15", "192.0.2.8", "Boto3 1, Linux", austria),
        ("aws-amplify/6.15.0 auth/2", "192.0.2.7", "unknown", lisbon),
    ):
        session = own(aws, aws.on_device(user_agent=user_agent, address=address))
        assert (session["DeviceType"], session["LastIPAddress"]) == (device_type, address)
        assert session["LastLocation"] == location


# Ending one


def test_another_users_session_is_not_found(aws: Aws, revoke: Call) -> None:
    other = own(aws, aws.on_device(username=seed.DEMO2_USERNAME))
    assert aws.refused(revoke, other["SessionId"]) == NO_SESSION


def test_a_session_that_was_signed_out_is_not_listed(
    aws: Aws, here: SignedIn, there: SignedIn
) -> None:
    aws.idp.revoke_token(Token=there["refresh_token"], ClientId=seed.CLIENT_ID)
    assert len(sessions(aws, here)) == 1
    aws.idp.global_sign_out(AccessToken=here["access_token"])
    assert aws.admin.admin_list_user_sessions(**DEMO_USER)["Sessions"] == []


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


@pytest.mark.parametrize(
    ("ended", "linked", "left"),
    [
        ("sso", "LINKED", ["TOKEN"]),
        ("token", "NONE", ["TOKEN", "SSO", "TOKEN"]),
        ("token", "LINKED", ["TOKEN", "TOKEN"]),
        ("refresh token", "LINKED", ["TOKEN", "TOKEN"]),
    ],
)
def test_an_sso_session_takes_its_token_sessions_along_and_they_it_if_linked(
    aws: Aws,
    here: SignedIn,
    managed_login: Call,
    revoke: Call,
    ended: str,
    linked: str,
    left: list[str],
) -> None:
    """A token session takes no sibling along."""
    made = managed_login(count=2)
    first = made["sign_ins"][0]
    if ended == "refresh token":
        token, how = first["refresh_token"], {"RevokeAssociatedSessions": linked}
        aws.idp.revoke_token(Token=token, ClientId=seed.CLIENT_ID, **how)
    else:
        revoke(made["session_id"] if ended == "sso" else own(aws, first)["SessionId"], linked)
    assert [one["SessionType"] for one in sessions(aws, here)] == left


# The administrator, and the pool


def test_an_administrator_sees_and_ends_any_session(aws: Aws, here: SignedIn) -> None:
    (session,) = aws.admin.admin_list_user_sessions(**DEMO_USER)["Sessions"]
    assert session["IsCurrentSession"] is False
    other = DEMO2_USER | {"SessionId": session["SessionId"]}
    assert aws.refused(aws.admin.admin_revoke_user_session, **other) == NO_SESSION
    aws.admin.admin_revoke_user_session(**DEMO_USER, SessionId=session["SessionId"])
    assert aws.refused(aws.idp.get_user, AccessToken=here["access_token"]) == REVOKED


def test_tracking_is_off_in_a_new_pool(aws: Aws) -> None:
    pool_id = aws.admin.create_user_pool(PoolName="new")["UserPool"]["Id"]
    configuration = aws.admin.get_user_pool_session_configuration(UserPoolId=pool_id)
    assert configuration["UserSessionTracking"] == "DISABLED"
    assert configuration["TokenSession"] == {"MaxPerUser": 20}
    aws.admin.admin_create_user(UserPoolId=pool_id, Username="ada", MessageAction="SUPPRESS")
    error = aws.refused(aws.admin.admin_list_user_sessions, UserPoolId=pool_id, Username="ada")
    assert error == NOT_TRACKED


def test_while_tracking_is_off_nothing_is_listed_or_ended_and_tokens_live(
    aws: Aws, here: SignedIn, revoke: Call, managed_login: Call
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


def test_a_clients_sso_validity_is_an_hour_until_set_and_sleeps_with_tracking(aws: Aws) -> None:
    def validity() -> Any:
        answer = aws.admin.get_user_pool_client_session_configuration(**CLIENT)
        return answer["SSOSession"]["MaxValidityMinutes"]

    assert validity() == 60
    change = {**CLIENT, "SSOSession": {"MaxValidityMinutes": 0}}
    aws.admin.set_user_pool_client_session_configuration(**change)
    configure(aws, "DISABLED")
    for refused in (
        aws.refused(validity),
        aws.refused(aws.admin.set_user_pool_client_session_configuration, **change),
    ):
        assert refused == NOT_TRACKED
    configure(aws)
    assert validity() == 0
