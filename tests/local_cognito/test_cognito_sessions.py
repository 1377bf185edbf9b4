"""Refresh, revocation, sign-out, and what Cognito says to an access token it does not accept."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from local_cognito import seed
from local_cognito.process import RunningCognito

INVALID_REFRESH = "NotAuthorizedException: Invalid Refresh Token"
INVALID_ACCESS = "NotAuthorizedException: Invalid Access Token"
REVOKED = "NotAuthorizedException: Access Token has been revoked"
SignedIn = dict[str, Any]


@pytest.fixture
def device(cognito: RunningCognito) -> SignedIn:
    signed_in: SignedIn = cognito.control("POST", "/_local/sign-in")
    return signed_in


@pytest.fixture(params=["REFRESH_TOKEN_AUTH", "REFRESH_TOKEN", "GetTokensFromRefreshToken"])
def refresh(request: pytest.FixtureRequest, idp: Any) -> Callable[..., dict[str, Any]]:
    """Each way that clients refresh: Amplify's is the last."""

    def go(token: str, device_key: str | None = None, client_id: str = seed.CLIENT_ID) -> Any:
        if request.param == "GetTokensFromRefreshToken":
            key = {"DeviceKey": device_key} if device_key else {}
            return idp.get_tokens_from_refresh_token(RefreshToken=token, ClientId=client_id, **key)[
                "AuthenticationResult"
            ]
        key = {"DEVICE_KEY": device_key} if device_key else {}
        return idp.initiate_auth(
            AuthFlow=request.param,
            ClientId=client_id,
            AuthParameters={"REFRESH_TOKEN": token} | key,
        )["AuthenticationResult"]

    return go


def test_the_device_refreshes(idp: Any, device: SignedIn, refresh: Callable[..., Any]) -> None:
    result = refresh(device["refresh_token"], device["device_key"])
    assert "RefreshToken" not in result
    idp.get_device(AccessToken=result["AccessToken"], DeviceKey=device["device_key"])


@pytest.mark.parametrize("key", [None, "us-east-1_0000"])
def test_who_is_not_the_device_does_not_refresh(
    device: SignedIn, refresh: Callable[..., Any], refused: Callable[..., str], key: str | None
) -> None:
    assert refused(refresh, device["refresh_token"], key) == INVALID_REFRESH


def test_another_client_does_not_refresh(
    device: SignedIn, refresh: Callable[..., Any], refused: Callable[..., str]
) -> None:
    other = seed.OTHER_CLIENT_ID
    error = refused(refresh, device["refresh_token"], device["device_key"], other)
    assert error == INVALID_REFRESH


def test_a_forgotten_device_does_not_refresh(
    idp: Any, device: SignedIn, refresh: Callable[..., Any], refused: Callable[..., str]
) -> None:
    idp.forget_device(AccessToken=device["access_token"], DeviceKey=device["device_key"])
    assert refused(refresh, device["refresh_token"], device["device_key"]) == INVALID_REFRESH


def test_a_device_that_was_never_confirmed_refreshes_unnamed(
    sign_in: Callable[..., Any], refresh: Callable[..., Any]
) -> None:
    signed_in = sign_in(username=seed.DEMO2_USERNAME, password=seed.DEMO2_PASSWORD)
    assert "AccessToken" in refresh(signed_in.result["RefreshToken"])


def test_a_refresh_token_is_not_made_up(
    refresh: Callable[..., Any], refused: Callable[..., str]
) -> None:
    assert refused(refresh, "a.b.c.d.e") == INVALID_REFRESH


def test_signing_out_everywhere_ends_all_of_the_users_tokens_and_nobody_elses(
    cognito: RunningCognito, idp: Any, refused: Callable[..., str]
) -> None:
    here, there = cognito.control("POST", "/_local/sign-in", count=2)["sign_ins"]
    other = cognito.control("POST", "/_local/sign-in", username="demo2")
    idp.global_sign_out(AccessToken=here["access_token"])
    assert refused(idp.list_devices, AccessToken=here["access_token"]) == REVOKED
    assert refused(idp.list_devices, AccessToken=there["access_token"]) == REVOKED
    assert refused(idp.get_user, AccessToken=there["access_token"]) == REVOKED
    idp.list_devices(AccessToken=other["access_token"])


def test_signing_out_everywhere_ends_refreshing(
    idp: Any, device: SignedIn, refresh: Callable[..., Any], refused: Callable[..., str]
) -> None:
    idp.global_sign_out(AccessToken=device["access_token"])
    error = refused(refresh, device["refresh_token"], device["device_key"])
    assert error == "NotAuthorizedException: Refresh Token has been revoked"


def test_signing_out_everywhere_forgets_no_device(
    cognito: RunningCognito, idp: Any, device: SignedIn
) -> None:
    idp.global_sign_out(AccessToken=device["access_token"])
    token = cognito.control("POST", "/_local/tokens")["token"]
    listed = idp.list_devices(AccessToken=token)["Devices"]
    assert [one["DeviceKey"] for one in listed] == [device["device_key"]]


def test_an_administrator_signs_a_user_out(
    idp: Any, device: SignedIn, refused: Callable[..., str]
) -> None:
    idp.admin_user_global_sign_out(UserPoolId=seed.POOL_ID, Username=seed.DEMO_USERNAME)
    assert refused(idp.list_devices, AccessToken=device["access_token"]) == REVOKED


def test_revoking_a_refresh_token_ends_the_sign_in_it_belongs_to_and_no_other(
    cognito: RunningCognito, idp: Any, refused: Callable[..., str]
) -> None:
    here, there = cognito.control("POST", "/_local/sign-in", count=2)["sign_ins"]
    idp.revoke_token(Token=here["refresh_token"], ClientId=seed.CLIENT_ID)
    assert refused(idp.list_devices, AccessToken=here["access_token"]) == REVOKED
    idp.list_devices(AccessToken=there["access_token"])


def test_an_access_token_is_not_revoked(
    idp: Any, device: SignedIn, refused: Callable[..., str]
) -> None:
    error = refused(idp.revoke_token, Token=device["access_token"], ClientId=seed.CLIENT_ID)
    assert error.startswith("UnsupportedTokenTypeException")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"exp": 1}, "Access Token has expired"),
        ({"scope": "openid"}, "Access Token does not have required scopes"),
        ({"scope": None}, "Access Token does not have required scopes"),
        ({"token_use": "id"}, "Invalid Access Token"),
        ({"client_id": "nobody"}, "Invalid Access Token"),
        ({"client_id": None}, "Invalid Access Token"),
        ({"iss": "https://example.com"}, "Invalid Access Token"),
        ({"exp": None}, "Invalid Access Token"),
        ({"origin_jti": None}, "Access Token has been revoked"),
    ],
)
def test_a_token_with_wrong_claims_is_refused(
    cognito: RunningCognito,
    idp: Any,
    refused: Callable[..., str],
    changed: dict[str, Any],
    message: str,
) -> None:
    token = cognito.control("POST", "/_local/tokens", claims=changed)["token"]
    assert refused(idp.list_devices, AccessToken=token) == f"NotAuthorizedException: {message}"


@pytest.mark.parametrize("header", [{"alg": "none"}, {"alg": "HS256"}, {"kid": "x"}, {"kid": None}])
def test_a_forged_token_is_refused(
    cognito: RunningCognito, idp: Any, refused: Callable[..., str], header: dict[str, Any]
) -> None:
    token = cognito.control("POST", "/_local/tokens", header=header)["token"]
    assert refused(idp.list_devices, AccessToken=token) == INVALID_ACCESS


@pytest.mark.parametrize("token", ["x", "a.b.c", "eyJhbGciOiJSUzI1NiJ9.e30.AA", "...."])
def test_garbage_is_refused(idp: Any, refused: Callable[..., str], token: str) -> None:
    assert refused(idp.list_devices, AccessToken=token) == INVALID_ACCESS


def test_an_id_token_is_no_access_token(
    idp: Any, device: SignedIn, refused: Callable[..., str]
) -> None:
    assert refused(idp.list_devices, AccessToken=device["id_token"]) == INVALID_ACCESS


def test_a_token_expires_when_the_client_says(cognito: RunningCognito, idp: Any) -> None:
    idp.update_user_pool_client(
        UserPoolId=seed.POOL_ID,
        ClientId=seed.CLIENT_ID,
        AccessTokenValidity=10,
        TokenValidityUnits={"AccessToken": "minutes"},
    )
    assert cognito.control("POST", "/_local/sign-in")["expires_in"] == 600


def test_a_deleted_users_token_finds_no_user(
    idp: Any, device: SignedIn, refused: Callable[..., str]
) -> None:
    idp.admin_delete_user(UserPoolId=seed.POOL_ID, Username=seed.DEMO_USERNAME)
    error = refused(idp.list_devices, AccessToken=device["access_token"])
    assert error == "UserNotFoundException: User does not exist."


def test_a_disabled_users_token_is_refused(
    idp: Any, device: SignedIn, refused: Callable[..., str]
) -> None:
    idp.admin_disable_user(UserPoolId=seed.POOL_ID, Username=seed.DEMO_USERNAME)
    error = refused(idp.list_devices, AccessToken=device["access_token"])
    assert error == "NotAuthorizedException: User is disabled."


def test_a_user_who_must_reset_the_password_is_told_so(
    idp: Any, device: SignedIn, refused: Callable[..., str]
) -> None:
    owner = {"UserPoolId": seed.POOL_ID, "Username": seed.DEMO_USERNAME}
    verified = [
        {"Name": "email", "Value": "demo@example.com"},
        {"Name": "email_verified", "Value": "true"},
    ]
    idp.admin_update_user_attributes(**owner, UserAttributes=verified)
    idp.admin_reset_user_password(**owner)
    error = refused(idp.list_devices, AccessToken=device["access_token"])
    assert error.startswith("PasswordResetRequiredException")


def test_tokens_of_motos_admin_sign_in_are_good_here(idp: Any) -> None:
    result = idp.admin_initiate_auth(
        UserPoolId=seed.POOL_ID,
        ClientId=seed.CLIENT_ID,
        AuthFlow="ADMIN_USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": seed.DEMO2_USERNAME, "PASSWORD": seed.DEMO2_PASSWORD},
    )["AuthenticationResult"]
    assert idp.list_devices(AccessToken=result["AccessToken"])["Devices"] == []
    assert idp.get_user(AccessToken=result["AccessToken"])["Username"] == seed.DEMO2_USERNAME


def test_auth_time_stays_when_a_token_is_refreshed(cognito: RunningCognito, idp: Any) -> None:
    made = cognito.control("POST", "/_local/tokens")["claims"]
    assert made["auth_time"] == pytest.approx(time.time(), abs=5)
