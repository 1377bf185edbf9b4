"""AssociateSoftwareToken and VerifySoftwareToken: setting up an authenticator app."""

from __future__ import annotations

import time

import pyotp
from moto.cognitoidp.models import CognitoIdpUser

from local_cognito import factors
from local_cognito.challenges import Challenge, SignIn, new_session
from local_cognito.errors import CognitoError, invalid_parameter, invalid_session
from local_cognito.parameters import Params
from local_cognito.pools import Pools, TrackedUserPool

SETUP_SECONDS = 180


class TotpOperations:
    """Set-up by a signed-in user, or in the MFA_SETUP challenge."""

    def __init__(self, pools: Pools) -> None:
        self._pools = pools

    def associate(self, params: Params, caller_ip: str) -> Params:
        pool, user, sign_in = self._who(params)
        if factors.TOTP not in factors.turned_on(pool):
            raise CognitoError(
                "SoftwareTokenMFANotFoundException",
                "Software Token MFA has not been enabled by the userPool.",
            )
        secret = pyotp.random_base32()
        with pool.lock:
            pool.unverified_totp_secrets[user.id] = secret
        return {"SecretCode": secret} | _next_session(pool, sign_in)

    def verify(self, params: Params, caller_ip: str) -> Params:
        """The code that verifies is spent: it does not sign in as well."""
        pool, user, sign_in = self._who(params)
        secret = pool.unverified_totp_secrets.get(user.id)
        if secret is None:
            raise invalid_parameter("User has not requested software token mfa association")
        if not factors.use_totp_code(pool, user, secret, params["UserCode"]):
            if sign_in is not None:
                _open(pool, sign_in, params["Session"])
            raise CognitoError(
                "EnableSoftwareTokenMFAException",
                "Code mismatch and fail enable Software Token MFA",
            )
        factors.enrol_totp(pool, user, secret)
        return {"Status": "SUCCESS"} | _next_session(pool, sign_in)

    def _who(self, params: Params) -> tuple[TrackedUserPool, CognitoIdpUser, SignIn | None]:
        if "AccessToken" in params:
            signed_in = self._pools.signed_in(params["AccessToken"])
            return signed_in.pool, signed_in.user, None
        if "Session" not in params:
            raise invalid_parameter("Either AccessToken or Session is required")
        for pool in self._pools.all():
            if pool.challenges.holds(params["Session"]):
                sign_in = pool.challenges.take(params["Session"], "MFA_SETUP").sign_in
                return pool, pool.get_user(sign_in.username), sign_in
        raise invalid_session()


def _next_session(pool: TrackedUserPool, sign_in: SignIn | None) -> Params:
    if sign_in is None:
        return {}
    session = new_session()
    _open(pool, sign_in, session)
    return {"Session": session}


def _open(pool: TrackedUserPool, sign_in: SignIn, session: str) -> None:
    pool.challenges.open(Challenge("MFA_SETUP", sign_in, time.time() + SETUP_SECONDS), session)
