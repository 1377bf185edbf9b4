"""Refresh, revocation, sign-out, and what Cognito says to an access token it does not accept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pycognito.aws_srp import AWSSRP

from local_cognito import seed
from tests.local_cognito.clients import DEMO_USER, POOL, REVOKED, Aws

INVALID_REFRESH = "NotAuthorizedException: Invalid Refresh Token"
SignedIn = dict[str, Any]
Refresh = Callable[..., dict[str, Any]]


@pytest.fixture(params=["REFRESH_TOKEN_AUTH", "REFRESH_TOKEN", "GetTokensFromRefreshToken"])
def refresh(aws: Aws, request: pytest.FixtureRequest) -> Refresh:
    """Each way that clients refresh: Amplify's is the last."""

    def go(token: str, device_key: str | None, client_id: str = seed.CLIENT_ID) -> Any:
        if request.param != "GetTokensFromRefreshToken":
            key = {"DEVICE_KEY": device_key} if device_key else {}
            answer = aws.begin(request.param, client_id, REFRESH_TOKEN=token, **key)
        else:
            key = {"DeviceKey": device_key} if device_key else {}
            answer = aws.idp.get_tokens_from_refresh_token(
                RefreshToken=token, ClientId=client_id, **key
            )
        return answer["AuthenticationResult"]

    return go


# Refresh


def test_the_device_refreshes(aws: Aws, device: SignedIn, refresh: Refresh) -> None:
    result = refresh(device["refresh_token"], device["device_key"])
    assert "RefreshToken" not in result
    assert aws.devices(result["AccessToken"]) == [device["device_key"]]


def test_nobody_else_refreshes(aws: Aws, device: SignedIn, refresh: Refresh) -> None:
    token, key = device["refresh_token"], device["device_key"]
    for given in ((token, None), (token, "us-east-1_0"), ("a.b.c.d.e", key)):
        assert aws.refused(refresh, *given) == INVALID_REFRESH
    assert aws.refused(refresh, token, key, seed.OTHER_CLIENT_ID) == INVALID_REFRESH


# Clients with a secret


def test_a_client_with_a_secret_proves_it_to_refresh_and_to_revoke(aws: Aws) -> None:
    client = aws.admin.create_user_pool_client(
        **POOL, ClientName="confidential", GenerateSecret=True, ExplicitAuthFlows=seed.AUTH_FLOWS
    )["UserPoolClient"]
    client_id, secret = client["ClientId"], {"ClientSecret": client["ClientSecret"]}
    made = aws.on_device(username="demo2", client_id=client_id)
    token, device_key = made["refresh_token"], made["device_key"]

    given = {"REFRESH_TOKEN": token, "DEVICE_KEY": device_key}
    error = aws.refused(aws.begin, "REFRESH_TOKEN_AUTH", client_id, **given)
    assert error.endswith("is configured with secret but SECRET_HASH was not received")
    given["SECRET_HASH"] = AWSSRP.get_secret_hash("demo2", client_id, client["ClientSecret"])
    aws.begin("REFRESH_TOKEN_AUTH", client_id, **given)

    renewal = {"ClientId": client_id, "RefreshToken": token, "DeviceKey": device_key}
    error = aws.refused(aws.idp.get_tokens_from_refresh_token, **renewal)
    assert error.startswith("NotAuthorizedException")
    aws.idp.get_tokens_from_refresh_token(**renewal, **secret)

    revocation = {"ClientId": client_id, "Token": token}
    error = aws.refused(aws.idp.revoke_token, **revocation, ClientSecret="x" * 24)
    assert error.startswith("UnauthorizedException")
    aws.idp.revoke_token(**revocation, **secret)
    assert aws.why_refused(made["access_token"]) == REVOKED


def test_an_unknown_client_is_an_error_of_the_operations_own_model(aws: Aws) -> None:
    renew, revoke = aws.idp.get_tokens_from_refresh_token, aws.idp.revoke_token
    error = aws.refused(renew, ClientId="nobody", RefreshToken="x")
    assert error.startswith("ResourceNotFoundException")
    error = aws.refused(revoke, ClientId="nobody", Token="x")
    assert error.startswith("InvalidParameterException")


# Rotation


def test_where_refresh_tokens_rotate_one_is_replaced_and_good_for_its_grace_alone(
    aws: Aws, device: SignedIn
) -> None:
    def rotate(token: str, grace: int) -> str:
        rotation = {"Feature": "ENABLED", "RetryGracePeriodSeconds": grace}
        aws.update_client(RefreshTokenRotation=rotation)
        result = aws.idp.get_tokens_from_refresh_token(
            RefreshToken=token, ClientId=seed.CLIENT_ID, DeviceKey=device["device_key"]
        )["AuthenticationResult"]
        return str(result["RefreshToken"])

    old = device["refresh_token"]
    new = rotate(old, grace=0)
    assert aws.refused(rotate, old, grace=0).startswith("RefreshTokenReuseException")
    newer = rotate(new, grace=60)
    assert len({old, new, newer}) == 3
    assert rotate(new, grace=60) == newer
    given = {"REFRESH_TOKEN": newer, "DEVICE_KEY": device["device_key"]}
    error = aws.refused(aws.begin, "REFRESH_TOKEN_AUTH", **given)
    assert error.startswith("UnsupportedOperationException")


# Revocation


def test_an_administrator_signs_one_user_out_everywhere_and_forgets_no_device(
    aws: Aws, refresh: Refresh
) -> None:
    here, there = aws.on_device(count=2)["sign_ins"]
    other = aws.on_device(username="demo2")
    aws.admin.admin_user_global_sign_out(**DEMO_USER)
    for one in (here, there):
        assert aws.why_refused(one["access_token"]) == REVOKED
        error = aws.refused(refresh, one["refresh_token"], one["device_key"])
        assert error == "NotAuthorizedException: Refresh Token has been revoked"
    assert aws.devices(other["access_token"]) == [other["device_key"]]
    token = aws.control("POST", "/_local/tokens")["token"]
    assert aws.devices(token) == [here["device_key"], there["device_key"]]


# Access tokens


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"claims": {"exp": 1}}, "Access Token has expired"),
        ({"claims": {"scope": None}}, "Access Token does not have required scopes"),
        ({"claims": {"token_use": "id"}}, "Invalid Access Token"),
        ({"claims": {"client_id": "nobody"}}, "Invalid Access Token"),
        ({"claims": {"iss": "https://example.com"}}, "Invalid Access Token"),
        ({"claims": {"exp": None}}, "Invalid Access Token"),
        ({"claims": {"origin_jti": None}}, "Access Token has been revoked"),
        ({"header": {"alg": "none"}}, "Could not verify signature for Access Token"),
        ({"header": {"kid": "x"}}, "Could not verify signature for Access Token"),
    ],
)
def test_a_token_with_changed_claims_or_header_is_refused(
    aws: Aws, changed: Any, message: str
) -> None:
    token = aws.control("POST", "/_local/tokens", **changed)["token"]
    assert aws.why_refused(token) == f"NotAuthorizedException: {message}"


def test_a_token_expires_when_the_client_says(aws: Aws) -> None:
    aws.update_client(AccessTokenValidity=10, TokenValidityUnits={"AccessToken": "minutes"})
    assert aws.on_device()["expires_in"] == 600


def test_a_deleted_users_token_is_refused_within_each_operations_model(
    aws: Aws, device: SignedIn
) -> None:
    aws.admin.admin_delete_user(**DEMO_USER)
    error = aws.why_refused(device["access_token"])
    assert error == "UserNotFoundException: User does not exist."
    assert aws.refused(aws.idp.global_sign_out, AccessToken=device["access_token"]) == REVOKED


def test_a_user_who_may_not_sign_in_is_refused_too(aws: Aws, device: SignedIn) -> None:
    verified = {"email": "demo@example.com", "email_verified": "true"}
    attributes = [{"Name": name, "Value": value} for name, value in verified.items()]
    aws.admin.admin_update_user_attributes(**DEMO_USER, UserAttributes=attributes)
    aws.admin.admin_reset_user_password(**DEMO_USER)
    assert aws.why_refused(device["access_token"]).startswith("PasswordResetRequiredException")
    aws.admin.admin_disable_user(**DEMO_USER)
    error = aws.why_refused(device["access_token"])
    assert error == "NotAuthorizedException: User is disabled."
