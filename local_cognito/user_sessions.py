"""The operations on sessions: by the user's access token, by an administrator, and their set-up.

Cognito's model says what they take and answer. Not documented, and chosen here: what the user's
operations answer while tracking is off (OperationNotEnabledException, which the model describes as
"not available for the current user pool configuration"), and how Cognito refuses to end the
caller's own session (InvalidParameterException).
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

from moto.cognitoidp.models import CognitoIdpUser

from local_cognito.errors import CognitoError, invalid_parameter, not_found
from local_cognito.parameters import Params
from local_cognito.pools import Pools, TrackedUserPool
from local_cognito.session_tracking import DEFAULT_SSO_MAX_VALIDITY_MINUTES, UserSession

MAX_PAGE = 125
TIERS_WITH_SESSIONS = ("ESSENTIALS", "PLUS")


class UserSessionOperations:
    """List, revoke, and the pool's session configuration."""

    def __init__(self, pools: Pools) -> None:
        self._pools = pools

    # By access token

    def list_user_sessions(self, params: Params, caller_ip: str) -> Params:
        signed_in = self._pools.signed_in(params["AccessToken"])
        _check_tracked(signed_in.pool)
        current = signed_in.pool.session_tracking.of_family(signed_in.family)
        return _page(signed_in.pool, signed_in.user, params.get("NextToken"), current)

    def revoke_user_session(self, params: Params, caller_ip: str) -> Params:
        """The caller's own session is refused as the target. As a session that is linked to the
        target it ends: the model excludes it in the first place alone."""
        signed_in = self._pools.signed_in(params["AccessToken"])
        _check_tracked(signed_in.pool)
        session = _find(signed_in.pool, signed_in.user, params["SessionId"])
        if session.family is signed_in.family:
            raise invalid_parameter("The current session can't be revoked.")
        _revoke(signed_in.pool, session, params)
        return {}

    # By an administrator

    def admin_list_user_sessions(self, params: Params, caller_ip: str) -> Params:
        pool, user = self._named(params)
        return _page(pool, user, params.get("NextToken"), current=None)

    def admin_revoke_user_session(self, params: Params, caller_ip: str) -> Params:
        pool, user = self._named(params)
        _revoke(pool, _find(pool, user, params["SessionId"]), params)
        return {}

    def set_user_pool_session_configuration(self, params: Params, caller_ip: str) -> Params:
        pool = self._pools.pool(params["UserPoolId"])
        _check_tier(pool)
        pool.session_tracking.configure(
            params["UserSessionTracking"] == "ENABLED", params["TokenSession"]["MaxPerUser"]
        )
        return self.get_user_pool_session_configuration(params, caller_ip)

    def get_user_pool_session_configuration(self, params: Params, caller_ip: str) -> Params:
        tracking = self._pools.pool(params["UserPoolId"]).session_tracking
        return {
            "UserPoolId": params["UserPoolId"],
            "UserSessionTracking": "ENABLED" if tracking.enabled else "DISABLED",
            "TokenSession": {"MaxPerUser": tracking.max_per_user},
        }

    def set_user_pool_client_session_configuration(self, params: Params, caller_ip: str) -> Params:
        pool = self._pools.pool(params["UserPoolId"])
        client = pool.client(params["ClientId"])
        _check_tier(pool)
        _check_tracked(pool)
        minutes = params["SSOSession"]["MaxValidityMinutes"]
        pool.session_tracking.sso_max_validity_minutes[client.id] = minutes
        return self.get_user_pool_client_session_configuration(params, caller_ip)

    def get_user_pool_client_session_configuration(self, params: Params, caller_ip: str) -> Params:
        pool = self._pools.pool(params["UserPoolId"])
        client = pool.client(params["ClientId"])
        _check_tracked(pool)
        minutes = pool.session_tracking.sso_max_validity_minutes.get(
            client.id, DEFAULT_SSO_MAX_VALIDITY_MINUTES
        )
        return {
            "UserPoolId": pool.id,
            "ClientId": client.id,
            "SSOSession": {"MaxValidityMinutes": minutes},
        }

    def _named(self, params: Params) -> tuple[TrackedUserPool, CognitoIdpUser]:
        pool = self._pools.pool(params["UserPoolId"])
        user = pool.get_user(params["Username"])
        _check_tracked(pool)
        return pool, user


def _check_tier(pool: TrackedUserPool) -> None:
    # AWS makes a pool an Essentials one unless told otherwise.
    if pool.config.get("UserPoolTier", "ESSENTIALS") not in TIERS_WITH_SESSIONS:
        raise CognitoError(
            "FeatureUnavailableInTierException",
            "Session tracking is not available in the user pool's feature plan.",
        )


def _check_tracked(pool: TrackedUserPool) -> None:
    if not pool.session_tracking.enabled:
        raise CognitoError(
            "OperationNotEnabledException", "Session tracking is not enabled for the user pool."
        )


def _find(pool: TrackedUserPool, user: CognitoIdpUser, session_id: str) -> UserSession:
    session = pool.session_tracking.find(user.id, session_id)
    if session is None:
        raise not_found("Session does not exist.")
    return session


def _revoke(pool: TrackedUserPool, session: UserSession, params: Params) -> None:
    with pool.lock:
        if params.get("RevokeAssociatedSessions") == "LINKED":
            for linked in pool.session_tracking.linked(session):
                linked.end()
        session.end()


def _page(
    pool: TrackedUserPool, user: CognitoIdpUser, token: str | None, current: UserSession | None
) -> Params:
    after = 0 if token is None else _read_page_token(token)
    with pool.lock:
        following = [one for one in pool.session_tracking.active(user.id) if one.sequence > after]
        page = following[:MAX_PAGE]
        answer: Params = {"Sessions": [described(one, one is current) for one in page]}
    if len(following) > MAX_PAGE:
        answer["NextToken"] = base64.urlsafe_b64encode(b"%d" % page[-1].sequence).decode()
    return answer


def _read_page_token(token: str) -> int:
    """The sequence number of the last session seen. A session that ends moves no other one."""
    try:
        return int(base64.b64decode(token, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError):
        raise invalid_parameter("Invalid pagination token.") from None


def described(session: UserSession, is_current: bool) -> dict[str, Any]:
    """A SessionDescriptionType. An SSO session has no OriginSessionId."""
    description: dict[str, Any] = {
        "SessionId": session.id,
        "SessionType": "SSO" if session.family is None else "TOKEN",
        "ClientId": session.client_id,
        "CreateDate": round(session.created, 3),
        "LastActiveDate": round(session.last_active, 3),
        "DeviceType": session.caller.device_type,
        "LastIPAddress": session.caller.address,
        "LastLocation": session.location,
        "IsCurrentSession": is_current,
    }
    if session.family is not None:
        description["OriginSessionId"] = session.origin.id if session.origin else None
    return description
