"""TOTP that is checked. moto knows one secret for everybody and, unless told, takes any code.

AssociateSoftwareToken and VerifySoftwareToken are ours; SetUserMFAPreference, which only sets the
flags that we read here, stays moto's.
"""

from __future__ import annotations

import time

import pyotp
from moto.cognitoidp.models import CognitoIdpUser

from local_cognito.challenges import Challenge, SignIn, new_session
from local_cognito.errors import CognitoError, invalid_parameter, invalid_session
from local_cognito.parameters import Params
from local_cognito.pools import Pools, TrackedUserPool

# Cognito accepts the step before and the step after, for clocks that are a little off.
VALID_STEPS_AROUND = 1
SETUP_SECONDS = 180


def code_is_right(secret: str | None, code: str) -> bool:
    return secret is not None and pyotp.TOTP(secret).verify(code, valid_window=VALID_STEPS_AROUND)


def must_set_up(pool: TrackedUserPool, user: CognitoIdpUser) -> bool:
    return pool.mfa_config == "ON" and not user.token_verified


def is_asked_for(pool: TrackedUserPool, user: CognitoIdpUser) -> bool:
    """A pool that requires MFA asks everybody; one that allows it, those who chose it."""
    if pool.mfa_config == "ON":
        return True
    return pool.mfa_config == "OPTIONAL" and user.software_token_mfa_enabled


def enrol(pool: TrackedUserPool, user: CognitoIdpUser, secret: str) -> None:
    """The user has verified this secret and prefers TOTP from now on."""
    pool.totp_secrets[user.id] = secret
    user.token_verified = True
    user.software_token_mfa_enabled = True
    user.preferred_mfa_setting = "SOFTWARE_TOKEN_MFA"


class TotpOperations:
    """Set-up of an authenticator app, by a signed-in user or in the MFA_SETUP challenge."""

    def __init__(self, pools: Pools) -> None:
        self._pools = pools

    def associate(self, params: Params, caller_ip: str) -> Params:
        pool, user, sign_in = self._who(params)
        secret = pyotp.random_base32()
        with pool.lock:
            pool.unverified_totp_secrets[user.id] = secret
        return {"SecretCode": secret} | self._next_session(pool, sign_in)

    def verify(self, params: Params, caller_ip: str) -> Params:
        pool, user, sign_in = self._who(params)
        with pool.lock:
            secret = pool.unverified_totp_secrets.get(user.id)
        if secret is None:
            raise invalid_parameter("User has not requested software token mfa association")
        if not code_is_right(secret, params["UserCode"]):
            if sign_in is not None:
                self._open(pool, sign_in, params["Session"])
            raise CognitoError("EnableSoftwareTokenMFAException", "Code mismatch")
        with pool.lock:
            del pool.unverified_totp_secrets[user.id]
            pool.totp_secrets[user.id] = secret
            user.token_verified = True
            user.software_token_mfa_enabled |= sign_in is not None
        return {"Status": "SUCCESS"} | self._next_session(pool, sign_in)

    def _who(self, params: Params) -> tuple[TrackedUserPool, CognitoIdpUser, SignIn | None]:
        if "AccessToken" in params:
            signed_in = self._pools.signed_in(params["AccessToken"])
            return signed_in.pool, signed_in.user, None
        if "Session" not in params:
            raise invalid_parameter("Either AccessToken or Session is required")
        for pool in self._pools.all():
            challenge = pool.challenges.take(params["Session"], "MFA_SETUP")
            if challenge is not None:
                user = pool.get_user(challenge.sign_in.username)
                return pool, user, challenge.sign_in
        raise invalid_session()

    def _next_session(self, pool: TrackedUserPool, sign_in: SignIn | None) -> Params:
        if sign_in is None:
            return {}
        session = new_session()
        self._open(pool, sign_in, session)
        return {"Session": session}

    def _open(self, pool: TrackedUserPool, sign_in: SignIn, session: str) -> None:
        expires_at = time.time() + SETUP_SECONDS
        pool.challenges.open(Challenge("MFA_SETUP", sign_in, expires_at), session)
