"""Refresh, revocation, sign-out, and what Cognito says to an access token it does not accept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pycognito.aws_srp import AWSSRP

from local_cognito import seed
from tests.local_cognito.clients import Aws

OWNER = {"UserPoolId": seed.POOL_ID, "Username": seed.DEMO_USERNAME}
CLIENT = {"UserPoolId": seed.POOL_ID, "ClientId": seed.CLIENT_ID}
INVALID_REFRESH = "NotAuthorizedException: Invalid Refresh Token"
INVALID_ACCESS = "NotAuthorizedException: Invalid Access Token"
UNVERIFIABLE = "NotAuthorizedException: Could not verify signature for Access Token"
REVOKED = "NotAuthorizedException: Access Token has been revoked"
SignedIn = dict[str, Any]


@pytest.fixture(params=["REFRESH_TOKEN_AUTH", "REFRESH_TOKEN", "GetTokensFromRefreshToken"])
def refresh(aws: Aws, request: pytest.FixtureRequest) -> Callable[..., dict[str, Any]]:
    """Each way that clients refresh: Amplify's is the last."""

    def go(token: str, device_key: str | None = None, client_id: str = seed.CLIENT_ID) -> Any:
        if request.param == "GetTokensFromRefreshToken":
            key = {"DeviceKey": device_key} if device_key else {}
            return aws.idp.get_tokens_from_refresh_token(
                RefreshToken=token, ClientId=client_id, **key
            )["AuthenticationResult"]
        key = {"DEVICE_KEY": device_key} if device_key else {}
        return aws.idp.initiate_auth(
            AuthFlow=request.param,
            ClientId=client_id,
            AuthParameters={"REFRESH_TOKEN": token} | key,
        )["AuthenticationResult"]

    return go


# Refresh


def test_the_device_refreshes(aws: Aws, device: SignedIn, refresh: Callable[..., Any]) -> None:
    result = refresh(device["refresh_token"], device["device_key"])
    assert "RefreshToken" not in result
    aws.idp.get_device(AccessToken=result["AccessToken"], DeviceKey=device["device_key"])


@pytest.mark.parametrize("key", [None, "us-east-1_0000"])
def test_a_caller_that_does_not_name_the_device_does_not_refresh(
    aws: Aws, device: SignedIn, refresh: Callable[..., Any], key: str | None
) -> None:
    assert aws.refused(refresh, device["refresh_token"], key) == INVALID_REFRESH


def test_another_client_does_not_refresh(
    aws: Aws, device: SignedIn, refresh: Callable[..., Any]
) -> None:
    other = seed.OTHER_CLIENT_ID
    error = aws.refused(refresh, device["refresh_token"], device["device_key"], other)
    assert error == INVALID_REFRESH


def test_a_device_refreshes_neither_before_it_is_confirmed_nor_after_it_is_forgotten(
    aws: Aws, refresh: Callable[..., Any]
) -> None:
    device = aws.on_device(track=False)
    params = {"AccessToken": device["access_token"], "DeviceKey": device["device_key"]}
    for key in (None, device["device_key"]):
        assert aws.refused(refresh, device["refresh_token"], key) == INVALID_REFRESH
    verifier = {"Salt": "AQ==", "PasswordVerifier": "Ag=="}
    aws.idp.confirm_device(**params, DeviceSecretVerifierConfig=verifier)
    assert "AccessToken" in refresh(device["refresh_token"], device["device_key"])
    aws.idp.forget_device(**params)
    assert aws.refused(refresh, device["refresh_token"], device["device_key"]) == INVALID_REFRESH


def test_a_refresh_token_is_not_made_up(aws: Aws, refresh: Callable[..., Any]) -> None:
    assert aws.refused(refresh, "a.b.c.d.e") == INVALID_REFRESH


# Clients with a secret


@pytest.fixture
def confidential(aws: Aws) -> dict[str, str]:
    """A client with a secret, and what it makes of its secret for demo2."""
    made = aws.admin.create_user_pool_client(
        UserPoolId=seed.POOL_ID,
        ClientName="confidential",
        GenerateSecret=True,
        ExplicitAuthFlows=seed.AUTH_FLOWS,
    )["UserPoolClient"]
    secret_hash = AWSSRP.get_secret_hash("demo2", made["ClientId"], made["ClientSecret"])
    return {"id": made["ClientId"], "secret": made["ClientSecret"], "hash": secret_hash}


def test_a_client_with_a_secret_proves_it_to_refresh_and_to_revoke(
    aws: Aws, confidential: dict[str, str]
) -> None:
    made = aws.on_device(username="demo2", client_id=confidential["id"])
    token, device_key = made["refresh_token"], made["device_key"]
    given = {"REFRESH_TOKEN": token, "DEVICE_KEY": device_key}
    by_flow = {"ClientId": confidential["id"], "AuthFlow": "REFRESH_TOKEN_AUTH"}
    error = aws.refused(aws.idp.initiate_auth, **by_flow, AuthParameters=given)
    assert error.endswith("is configured with secret but SECRET_HASH was not received")
    aws.idp.initiate_auth(**by_flow, AuthParameters=given | {"SECRET_HASH": confidential["hash"]})

    renewal = {"ClientId": confidential["id"], "RefreshToken": token, "DeviceKey": device_key}
    error = aws.refused(aws.idp.get_tokens_from_refresh_token, **renewal)
    assert error.startswith("NotAuthorizedException")
    aws.idp.get_tokens_from_refresh_token(**renewal, ClientSecret=confidential["secret"])

    revocation = {"ClientId": confidential["id"], "Token": token}
    error = aws.refused(aws.idp.revoke_token, **revocation, ClientSecret="x" * 24)
    assert error.startswith("UnauthorizedException")
    aws.idp.revoke_token(**revocation, ClientSecret=confidential["secret"])
    assert aws.refused(aws.idp.list_devices, AccessToken=made["access_token"]) == REVOKED


def test_an_unknown_client_is_an_error_of_the_operations_own_model(
    aws: Aws, device: SignedIn
) -> None:
    token = device["refresh_token"]
    error = aws.refused(
        aws.idp.get_tokens_from_refresh_token, ClientId="nobody", RefreshToken=token
    )
    assert error.startswith("ResourceNotFoundException")
    error = aws.refused(aws.idp.revoke_token, ClientId="nobody", Token=token)
    assert error.startswith("InvalidParameterException")


# Rotation


@pytest.fixture
def rotate(aws: Aws, device: SignedIn) -> Callable[..., Any]:
    """Has the client rotate refresh tokens, with a grace; renews the device's."""

    def go(token: str, grace: int = 0) -> Any:
        rotation = {"Feature": "ENABLED", "RetryGracePeriodSeconds": grace}
        aws.admin.update_user_pool_client(**CLIENT, RefreshTokenRotation=rotation)
        return aws.idp.get_tokens_from_refresh_token(
            RefreshToken=token, ClientId=seed.CLIENT_ID, DeviceKey=device["device_key"]
        )["AuthenticationResult"]

    return go


def test_rotation_gives_a_new_refresh_token_and_spends_the_old_one(
    aws: Aws, device: SignedIn, rotate: Callable[..., Any]
) -> None:
    old = device["refresh_token"]
    new = rotate(old)["RefreshToken"]
    assert new != old
    assert aws.refused(rotate, old).startswith("RefreshTokenReuseException")
    assert rotate(new)["RefreshToken"] not in (old, new)


def test_in_its_grace_an_old_refresh_token_gives_the_new_one_again(
    device: SignedIn, rotate: Callable[..., Any]
) -> None:
    new = rotate(device["refresh_token"], grace=60)["RefreshToken"]
    assert rotate(device["refresh_token"], grace=60)["RefreshToken"] == new


def test_where_tokens_rotate_the_refresh_flow_is_refused(
    aws: Aws, device: SignedIn, rotate: Callable[..., Any]
) -> None:
    token = rotate(device["refresh_token"])["RefreshToken"]
    given = {"REFRESH_TOKEN": token, "DEVICE_KEY": device["device_key"]}
    error = aws.refused(aws.begin, "REFRESH_TOKEN_AUTH", **given)
    assert error.startswith("UnsupportedOperationException")


# Revocation


def test_signing_out_everywhere_ends_all_of_the_users_tokens_and_nobody_elses(aws: Aws) -> None:
    here, there = aws.on_device(count=2)["sign_ins"]
    other = aws.on_device(username="demo2")
    aws.idp.global_sign_out(AccessToken=here["access_token"])
    assert aws.refused(aws.idp.list_devices, AccessToken=here["access_token"]) == REVOKED
    assert aws.refused(aws.idp.list_devices, AccessToken=there["access_token"]) == REVOKED
    assert aws.refused(aws.idp.get_user, AccessToken=there["access_token"]) == REVOKED
    aws.idp.list_devices(AccessToken=other["access_token"])


def test_signing_out_everywhere_ends_refreshing(
    aws: Aws, device: SignedIn, refresh: Callable[..., Any]
) -> None:
    aws.idp.global_sign_out(AccessToken=device["access_token"])
    error = aws.refused(refresh, device["refresh_token"], device["device_key"])
    assert error == "NotAuthorizedException: Refresh Token has been revoked"


def test_signing_out_everywhere_forgets_no_device(aws: Aws, device: SignedIn) -> None:
    aws.idp.global_sign_out(AccessToken=device["access_token"])
    token = aws.control("POST", "/_local/tokens")["token"]
    listed = aws.idp.list_devices(AccessToken=token)["Devices"]
    assert [one["DeviceKey"] for one in listed] == [device["device_key"]]


def test_an_administrator_signs_a_user_out(aws: Aws, device: SignedIn) -> None:
    aws.admin.admin_user_global_sign_out(**OWNER)
    assert aws.refused(aws.idp.list_devices, AccessToken=device["access_token"]) == REVOKED


def test_revoking_a_refresh_token_ends_the_sign_in_it_belongs_to_and_no_other(aws: Aws) -> None:
    here, there = aws.on_device(count=2)["sign_ins"]
    aws.idp.revoke_token(Token=here["refresh_token"], ClientId=seed.CLIENT_ID)
    assert aws.refused(aws.idp.list_devices, AccessToken=here["access_token"]) == REVOKED
    aws.idp.list_devices(AccessToken=there["access_token"])


def test_an_access_token_is_not_revoked(aws: Aws, device: SignedIn) -> None:
    error = aws.refused(aws.idp.revoke_token, Token=device["access_token"], ClientId=seed.CLIENT_ID)
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
    aws: Aws, changed: dict[str, Any], message: str
) -> None:
    token = aws.control("POST", "/_local/tokens", claims=changed)["token"]
    assert (
        aws.refused(aws.idp.list_devices, AccessToken=token) == f"NotAuthorizedException: {message}"
    )


@pytest.mark.parametrize("header", [{"alg": "none"}, {"alg": "HS256"}, {"kid": "x"}, {"kid": None}])
def test_a_forged_token_is_refused(aws: Aws, header: dict[str, Any]) -> None:
    token = aws.control("POST", "/_local/tokens", header=header)["token"]
    assert aws.refused(aws.idp.list_devices, AccessToken=token) == UNVERIFIABLE


@pytest.mark.parametrize("token", ["x", "a.b.c", "eyJhbGciOiJSUzI1NiJ9.e30.AA"])
def test_garbage_is_refused(aws: Aws, token: str) -> None:
    assert aws.refused(aws.idp.list_devices, AccessToken=token) == INVALID_ACCESS


def test_an_id_token_is_no_access_token(aws: Aws, device: SignedIn) -> None:
    assert aws.refused(aws.idp.list_devices, AccessToken=device["id_token"]) == INVALID_ACCESS


def test_a_token_expires_when_the_client_says(aws: Aws) -> None:
    aws.admin.update_user_pool_client(
        **CLIENT,
        AccessTokenValidity=10,
        TokenValidityUnits={"AccessToken": "minutes"},
    )
    assert aws.on_device()["expires_in"] == 600


def test_a_deleted_users_token_is_refused_within_each_operations_model(
    aws: Aws, device: SignedIn
) -> None:
    aws.admin.admin_delete_user(**OWNER)
    error = aws.refused(aws.idp.list_devices, AccessToken=device["access_token"])
    assert error == "UserNotFoundException: User does not exist."
    assert aws.refused(aws.idp.global_sign_out, AccessToken=device["access_token"]) == REVOKED


def test_a_disabled_users_token_is_refused(aws: Aws, device: SignedIn) -> None:
    aws.admin.admin_disable_user(**OWNER)
    error = aws.refused(aws.idp.list_devices, AccessToken=device["access_token"])
    assert error == "NotAuthorizedException: User is disabled."


def test_a_user_who_must_reset_the_password_is_told_so(aws: Aws, device: SignedIn) -> None:
    verified = [
        {"Name": "email", "Value": "demo@example.com"},
        {"Name": "email_verified", "Value": "true"},
    ]
    aws.admin.admin_update_user_attributes(**OWNER, UserAttributes=verified)
    aws.admin.admin_reset_user_password(**OWNER)
    error = aws.refused(aws.idp.list_devices, AccessToken=device["access_token"])
    assert error.startswith("PasswordResetRequiredException")
