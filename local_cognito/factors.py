"""Second factors: which of them a sign-in must show, and whether the code is right.

moto knows one TOTP secret for everybody, takes any code, and has no e-mail. Here codes are checked,
and those that a message would bring are read at ``/_local/codes``. MFA preferences and the pool's
MFA settings are ours as well, since moto drops what they say about e-mail.
"""

from __future__ import annotations

import hmac
import json
import secrets
import time

import pyotp
from moto.cognitoidp.models import CognitoIdpUser

from local_cognito.errors import CognitoError, invalid_parameter
from local_cognito.parameters import Params
from local_cognito.pools import Pools, SentCode, TrackedUserPool

SMS, TOTP, EMAIL = "SMS_MFA", "SOFTWARE_TOKEN_MFA", "EMAIL_OTP"
FACTORS = (SMS, TOTP, EMAIL)
# The member of ChallengeResponses that answers the challenge of that name.
CODE_MEMBER = {factor: f"{factor}_CODE" for factor in FACTORS}
DIGITS = {SMS: 6, EMAIL: 8}
# Cognito accepts the step before and the step after, for clocks that are a little off.
STEPS_AROUND = (0, 1, -1)
STEP_SECONDS = 30


def turned_on(pool: TrackedUserPool) -> list[str]:
    """The factors that the pool offers."""
    moto = pool.moto
    has = {
        SMS: bool(moto.sms_mfa_config or pool.config.get("SmsConfiguration")),
        TOTP: bool((moto.token_mfa_config or {}).get("Enabled")),
        EMAIL: bool(pool.email_mfa_config),
    }
    return [factor for factor in FACTORS if has[factor]]


def chosen_by(pool: TrackedUserPool, user: CognitoIdpUser) -> list[str]:
    """The factors that the user has turned on."""
    has = {
        SMS: user.sms_mfa_enabled,
        TOTP: user.software_token_mfa_enabled,
        EMAIL: user.id in pool.email_mfa_users,
    }
    return [factor for factor in FACTORS if has[factor]]


def asked_of(pool: TrackedUserPool, user: CognitoIdpUser) -> list[str] | None:
    """The factors that a sign-in may choose from: None where it needs none, [] to set one up.

    A pool that requires MFA asks a user who has chosen no factor for one that is ready to be used:
    a verified authenticator app, a phone number, an e-mail address.
    """
    if pool.moto.mfa_config == "OFF":
        return None
    offered = turned_on(pool)
    chosen = [factor for factor in chosen_by(pool, user) if factor in offered]
    if user.preferred_mfa_setting in chosen:
        return [user.preferred_mfa_setting]
    if chosen or pool.moto.mfa_config != "ON":
        return chosen or None
    return ready_of(pool, user)


def ready_of(pool: TrackedUserPool, user: CognitoIdpUser) -> list[str]:
    """The factors that the pool offers and the user can show."""
    return [factor for factor in turned_on(pool) if _is_ready(user, factor)]


def _is_ready(user: CognitoIdpUser, factor: str) -> bool:
    if factor == TOTP:
        return user.token_verified
    return bool(address_of(user, factor))


def address_of(user: CognitoIdpUser, factor: str) -> str:
    """Where the factor's code would be sent; empty where the user has no such address."""
    attribute = {SMS: "phone_number", EMAIL: "email"}[factor]
    return str(user.attribute_lookup.get(attribute, ""))


def send_code(pool: TrackedUserPool, user: CognitoIdpUser, factor: str) -> tuple[str, Params]:
    """Draws a code and shows it at ``/_local/codes``: the code, and where Cognito says it went."""
    address = address_of(user, factor)
    code = f"{secrets.randbelow(10 ** DIGITS[factor]):0{DIGITS[factor]}}"
    medium = factor.partition("_")[0]
    with pool.lock:
        pool.sent_codes.append(SentCode(user.username, medium, address, code))
    name, at, domain = address.partition("@")
    masked = f"{name[:1]}***@{domain[:1]}***" if at else f"+*******{address[-4:]}"
    return code, {
        "CODE_DELIVERY_DELIVERY_MEDIUM": medium,
        "CODE_DELIVERY_DESTINATION": masked,
    }


def check_sent_code(expected: str | None, code: str) -> None:
    if expected is None or not _same(expected, code):
        raise CognitoError("CodeMismatchException", "Invalid code or auth state for the user.")


def _same(expected: str, code: str) -> bool:
    return hmac.compare_digest(expected.encode(), code.encode())


# TOTP


def use_totp_code(pool: TrackedUserPool, user: CognitoIdpUser, secret: str, code: str) -> bool:
    """Whether the code is right; a right one is spent.

    Raises ExpiredCodeException for a code that has been used before, at whichever step.
    """
    totp = pyotp.TOTP(secret)
    now = int(time.time()) // STEP_SECONDS
    steps = [now + around for around in STEPS_AROUND]
    step = next((one for one in steps if _same(totp.generate_otp(one), code)), None)
    if step is None:
        return False
    with pool.lock:
        used = pool.used_totp_steps.setdefault((user.id, secret), set())
        if step in used:
            raise CognitoError(
                "ExpiredCodeException", "Your software token has already been used once."
            )
        used.add(step)
    return True


def unused_totp_code(pool: TrackedUserPool, user: CognitoIdpUser) -> str | None:
    """A code of the user's authenticator app that is good now; None without an app, or once the
    codes of all three steps are used."""
    secret = pool.totp_secrets.get(user.id)
    if secret is None:
        return None
    now = int(time.time()) // STEP_SECONDS
    used = pool.used_totp_steps.get((user.id, secret), set())
    free = [now + around for around in STEPS_AROUND if now + around not in used]
    return pyotp.TOTP(secret).generate_otp(free[0]) if free else None


def enrol_totp(pool: TrackedUserPool, user: CognitoIdpUser, secret: str) -> None:
    """The user has verified this secret."""
    with pool.lock:
        pool.unverified_totp_secrets.pop(user.id, None)
        pool.totp_secrets[user.id] = secret
        user.token_verified = True


# Settings


class FactorOperations:
    """The pool's MFA settings and the user's MFA preferences."""

    def __init__(self, pools: Pools) -> None:
        self._pools = pools

    def set_user_pool_mfa_config(self, params: Params, caller_ip: str) -> Params:
        pool = self._pools.pool(params["UserPoolId"])
        pool.moto.mfa_config = params.get("MfaConfiguration", "OFF")
        pool.moto.sms_mfa_config = params.get("SmsMfaConfiguration")
        pool.moto.token_mfa_config = params.get("SoftwareTokenMfaConfiguration")
        pool.email_mfa_config = params.get("EmailMfaConfiguration")
        return self.get_user_pool_mfa_config(params, caller_ip)

    def get_user_pool_mfa_config(self, params: Params, caller_ip: str) -> Params:
        pool = self._pools.pool(params["UserPoolId"])
        answer = {
            "MfaConfiguration": pool.moto.mfa_config,
            "SmsMfaConfiguration": pool.moto.sms_mfa_config,
            "SoftwareTokenMfaConfiguration": pool.moto.token_mfa_config,
            "EmailMfaConfiguration": pool.email_mfa_config,
        }
        return {name: value for name, value in answer.items() if value}

    def set_user_mfa_preference(self, params: Params, caller_ip: str) -> Params:
        signed_in = self._pools.signed_in(params["AccessToken"])
        return _set_preference(signed_in.pool, signed_in.user, params)

    def admin_set_user_mfa_preference(self, params: Params, caller_ip: str) -> Params:
        pool = self._pools.pool(params["UserPoolId"])
        return _set_preference(pool, pool.get_user(params["Username"]), params)


def _set_preference(pool: TrackedUserPool, user: CognitoIdpUser, params: Params) -> Params:
    settings = {
        SMS: params.get("SMSMfaSettings"),
        TOTP: params.get("SoftwareTokenMfaSettings"),
        EMAIL: params.get("EmailMfaSettings"),
    }
    for factor, setting in settings.items():
        if setting is None:
            continue
        enabled = bool(setting.get("Enabled"))
        if enabled and factor == TOTP and not user.token_verified:
            raise invalid_parameter("User has not verified software token mfa")
        if enabled and factor != TOTP and not address_of(user, factor):
            raise invalid_parameter(f"User does not have delivery config set to turn on {factor}")
        set_enabled(pool, user, factor, enabled)
        if setting.get("PreferredMfa"):
            user.preferred_mfa_setting = factor
        elif user.preferred_mfa_setting == factor:
            user.preferred_mfa_setting = None
    return {}


def set_enabled(pool: TrackedUserPool, user: CognitoIdpUser, factor: str, enabled: bool) -> None:
    if factor == SMS:
        user.sms_mfa_enabled = enabled
    elif factor == TOTP:
        user.software_token_mfa_enabled = enabled
    elif enabled:
        pool.email_mfa_users.add(user.id)
    else:
        pool.email_mfa_users.discard(user.id)


def as_json(factors: list[str]) -> str:
    """As MFAS_CAN_SETUP and MFAS_CAN_CHOOSE hold them: a JSON list in a string."""
    return json.dumps(factors, separators=(",", ":"))
