"""After the sign-in: tokens out, tokens renewed, tokens revoked.

A refresh token is bound to the device that signed in: once that device is confirmed, only who
names it may refresh, and once it is forgotten nobody may (`shared/cognito.md`, "Tokens").
"""

from __future__ import annotations

from local_cognito.devices import authenticated, find_device
from local_cognito.errors import CognitoError, invalid_refresh_token, not_found
from local_cognito.parameters import Params
from local_cognito.pools import Pools, TrackedUserPool, check_may_sign_in
from local_cognito.tokens import TokenFamily


def tokens_of(pool: TrackedUserPool, family: TokenFamily) -> Params:
    """The AuthenticationResult of a sign-in."""
    return _renewed(pool, family) | {"RefreshToken": family.refresh_token}


def _renewed(pool: TrackedUserPool, family: TokenFamily) -> Params:
    """The AuthenticationResult of a refresh: the refresh token stays the same, and unsaid."""
    return {
        "AccessToken": pool.keys.sign(pool.access_claims(family)),
        "IdToken": pool.keys.sign(pool.id_claims(family)),
        "ExpiresIn": pool.lifetime(family.client_id, "AccessToken"),
        "TokenType": "Bearer",
    }


def refresh(
    pool: TrackedUserPool, client_id: str, token: str, device_key: str | None, caller_ip: str
) -> Params:
    """Raises NotAuthorizedException: "Invalid Refresh Token" (unknown, another client's, another
    device's or a forgotten one's), "Refresh Token has been revoked" or "... has expired"."""
    family = pool.live_family(token, client_id)
    _check_device(pool, family, device_key)
    user = pool.find_user(family.username)
    if user is None or user.id != family.sub:
        raise invalid_refresh_token()
    check_may_sign_in(user)
    device = find_device(pool, family.sub, family.device_key or "")
    if device is not None:
        authenticated(device, caller_ip)
    pool.session_tracking.record_activity(family)
    return _renewed(pool, family)


def _check_device(pool: TrackedUserPool, family: TokenFamily, device_key: str | None) -> None:
    bound_to = family.device_key
    if device_key is not None and device_key != bound_to:
        raise invalid_refresh_token()
    if bound_to is None or bound_to in pool.device_offers:
        # No device, or one that was offered and that the client never confirmed.
        return
    if device_key is None or find_device(pool, family.sub, bound_to) is None:
        raise invalid_refresh_token()


class SessionOperations:
    """GetTokensFromRefreshToken, RevokeToken, and signing out everywhere."""

    def __init__(self, pools: Pools) -> None:
        self._pools = pools

    def get_tokens_from_refresh_token(self, params: Params, caller_ip: str) -> Params:
        pool, client = self._pools.client(params["ClientId"])
        _check_client_secret(client.generate_secret, client.secret, params)
        token, device_key = params["RefreshToken"], params.get("DeviceKey")
        return {"AuthenticationResult": refresh(pool, client.id, token, device_key, caller_ip)}

    def revoke_token(self, params: Params, caller_ip: str) -> Params:
        """Revokes a refresh token and the access tokens of the same sign-in.

        A token that is not there is no error (RFC 7009, 2.2); an access token is
        UnsupportedTokenTypeException.
        """
        pool, client = self._pools.client(params["ClientId"])
        _check_client_secret(client.generate_secret, client.secret, params)
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
        signed_in = self._pools.signed_in(params["AccessToken"])
        signed_in.pool.revoke_families_of(signed_in.user.id)
        return {}

    def admin_user_global_sign_out(self, params: Params, caller_ip: str) -> Params:
        pool = self._pools.pool(params["UserPoolId"])
        pool.revoke_families_of(pool.get_user(params["Username"]).id)
        return {}


def _check_client_secret(has_secret: bool, secret: str, params: Params) -> None:
    if has_secret and params.get("ClientSecret") != secret:
        raise not_found("Client secret does not match.")
