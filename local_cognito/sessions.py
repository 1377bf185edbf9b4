"""After the sign-in: tokens out, tokens renewed, tokens revoked.

A refresh token is bound to the device that signed in. It renews nothing before ConfirmDevice and
after ForgetDevice, and in between only for a caller that names the device (`docs/cognito.md`,
"Tokens").
"""

from __future__ import annotations

import time

from moto.cognitoidp.models import CognitoIdpUserPoolClient

from local_cognito.devices import authenticated, find_device
from local_cognito.errors import (
    CognitoError,
    invalid_parameter,
    invalid_refresh_token,
    not_authorized,
    revoked_access_token,
)
from local_cognito.parameters import Params
from local_cognito.pools import Pools, TrackedUserPool, check_may_sign_in
from local_cognito.tokens import TokenFamily


def tokens_of(pool: TrackedUserPool, family: TokenFamily) -> Params:
    """The AuthenticationResult of a sign-in."""
    return _renewed(pool, family) | {"RefreshToken": family.refresh_token}


def _renewed(pool: TrackedUserPool, family: TokenFamily) -> Params:
    """The AuthenticationResult of a refresh without rotation: no refresh token in it."""
    return {
        "AccessToken": pool.keys.sign(pool.access_claims(family)),
        "IdToken": pool.keys.sign(pool.id_claims(family)),
        "ExpiresIn": pool.lifetime(family.client_id, "AccessToken"),
        "TokenType": "Bearer",
    }


def rotation_of(client: CognitoIdpUserPoolClient) -> Params | None:
    """RefreshTokenRotation of a client that rotates refresh tokens; None of one that does not."""
    rotation: Params = client.extended_config.get("RefreshTokenRotation") or {}
    return rotation if rotation.get("Feature") == "ENABLED" else None


def refresh(
    pool: TrackedUserPool,
    client: CognitoIdpUserPoolClient,
    token: str,
    device_key: str | None,
    caller_ip: str,
) -> Params:
    """New tokens. Where the client rotates, a new refresh token too.

    Raises NotAuthorizedException: "Invalid Refresh Token" (unknown, another client's, of a device
    that is not named, not confirmed or forgotten), "Refresh Token has been revoked" or "... has
    expired"; RefreshTokenReuseException when rotation has replaced the token.
    """
    family = pool.live_family(token, client.id)
    _check_device(pool, family, device_key)
    user = pool.find_user(family.username)
    if user is None or user.id != family.sub:
        raise invalid_refresh_token()
    check_may_sign_in(user)
    rotation = rotation_of(client)
    with pool.lock:
        good_until = family.replaced.get(token)
        if good_until is not None and good_until < time.time():
            raise CognitoError("RefreshTokenReuseException", "Refresh Token has been rotated out")
        if rotation is not None and good_until is None:
            family.rotate(rotation.get("RetryGracePeriodSeconds", 0))
            pool.families_by_refresh_token[family.refresh_token] = family
    device = find_device(pool, family.sub, family.device_key or "")
    if device is not None:
        authenticated(device, caller_ip)
    pool.session_tracking.record_activity(family, rotated=rotation is not None)
    return _renewed(pool, family) if rotation is None else tokens_of(pool, family)


def _check_device(pool: TrackedUserPool, family: TokenFamily, device_key: str | None) -> None:
    if device_key != family.device_key:
        raise invalid_refresh_token()
    if device_key is not None and find_device(pool, family.sub, device_key) is None:
        raise invalid_refresh_token()


class SessionOperations:
    """GetTokensFromRefreshToken, RevokeToken, and signing out everywhere."""

    def __init__(self, pools: Pools) -> None:
        self._pools = pools

    def get_tokens_from_refresh_token(self, params: Params, caller_ip: str) -> Params:
        pool, client = self._pools.client(params["ClientId"])
        if not _secret_is_right(client, params):
            raise not_authorized(f"Unable to verify client secret for client {client.id}")
        token, device_key = params["RefreshToken"], params.get("DeviceKey")
        return {"AuthenticationResult": refresh(pool, client, token, device_key, caller_ip)}

    def revoke_token(self, params: Params, caller_ip: str) -> Params:
        """Revokes a refresh token and the access tokens of the same sign-in.

        An unknown token is no error (RFC 7009, 2.2). The model of RevokeToken has neither
        ResourceNotFoundException nor NotAuthorizedException.
        """
        try:
            pool, client = self._pools.client(params["ClientId"])
        except CognitoError as error:
            raise invalid_parameter(error.message) from None
        if not _secret_is_right(client, params):
            raise CognitoError("UnauthorizedException", "Invalid client secret")
        if client.extended_config.get("EnableTokenRevocation") is False:
            raise CognitoError(
                "UnsupportedOperationException", "Token revocation is not enabled for the client"
            )
        token = params["Token"]
        if token.count(".") == 2:
            raise CognitoError("UnsupportedTokenTypeException", "Unsupported token type")
        with pool.lock:
            family = pool.families_by_refresh_token.get(token)
            if family is not None and family.client_id == client.id:
                if params.get("RevokeAssociatedSessions") == "LINKED":
                    pool.session_tracking.end_origin(family)
                family.revoked = True
        return {}

    def global_sign_out(self, params: Params, caller_ip: str) -> Params:
        """Its model has no UserNotFoundException: a deleted user's token is a revoked one."""
        try:
            signed_in = self._pools.signed_in(params["AccessToken"])
        except CognitoError as error:
            if error.type == "UserNotFoundException":
                raise revoked_access_token() from None
            raise
        signed_in.pool.revoke_families_of(signed_in.user.id)
        return {}

    def admin_user_global_sign_out(self, params: Params, caller_ip: str) -> Params:
        pool = self._pools.pool(params["UserPoolId"])
        pool.revoke_families_of(pool.get_user(params["Username"]).id)
        return {}


def _secret_is_right(client: CognitoIdpUserPoolClient, params: Params) -> bool:
    return not client.generate_secret or params.get("ClientSecret") == client.secret
