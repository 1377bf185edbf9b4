"""The password: proved by SRP or sent as it is; the lock after wrong ones; a new one."""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import re
import secrets
import time
from datetime import UTC, datetime

from moto.cognitoidp.models import CognitoIdpUser

from local_cognito import srp
from local_cognito.attempt import Attempt, needed
from local_cognito.errors import (
    invalid_parameter,
    no_such_user,
    not_authorized,
    user_is_disabled,
    wrong_password,
)
from local_cognito.parameters import Params
from local_cognito.pools import TrackedUserPool, WrongPasswords, check_may_sign_in

MAX_CLOCK_SKEW_SECONDS = 300
# The Developer Guide, "Lockout behavior for failed sign-in attempts": the nth wrong password locks
# the user out for 2^(n-5) seconds, at most for about 15 minutes.
WRONG_PASSWORDS_ALLOWED = 5
MAX_LOCK_SECONDS = 900

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
# "EEE MMM d HH:mm:ss UTC yyyy": no leading zero on the day, whatever the client's language.
TIMESTAMP = re.compile(
    rf"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) (?P<month>{'|'.join(MONTHS)}) (?P<day>[1-9]\d?) "
    r"(?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d) UTC (?P<year>\d{4})"
)
PUBLIC_A = re.compile(r"[0-9a-fA-F]{1,770}")
ATTRIBUTE_PREFIX = "userAttributes."

# A user's salt is the same at every sign-in, and so is that of a user who does not exist.
SALT_KEY = secrets.token_bytes(32)


# Lock-out


def check_not_locked(pool: TrackedUserPool, user: CognitoIdpUser) -> None:
    if pool.wrong_passwords.get(user.id, WrongPasswords()).locked_until > time.time():
        raise not_authorized("Password attempts exceeded")


def count_wrong_password(pool: TrackedUserPool, user: CognitoIdpUser) -> None:
    with pool.lock:
        wrong = pool.wrong_passwords.setdefault(user.id, WrongPasswords())
        wrong.count += 1
        if wrong.count >= WRONG_PASSWORDS_ALLOWED:
            seconds = 2 ** (wrong.count - WRONG_PASSWORDS_ALLOWED)
            wrong.locked_until = time.time() + min(seconds, MAX_LOCK_SECONDS)


# The password as it is


def check_plain_password(attempt: Attempt, password: str) -> None:
    user = attempt.pool.find_user(attempt.sign_in.username)
    if user is None:
        raise wrong_password() if attempt.hides_missing_users else no_such_user()
    attempt.sign_in.username = user.username
    if not user.enabled:
        raise user_is_disabled()
    check_not_locked(attempt.pool, user)
    if not hmac.compare_digest((user.password or "").encode(), password.encode()):
        count_wrong_password(attempt.pool, user)
        raise wrong_password()
    check_may_sign_in(user)
    attempt.pool.wrong_passwords.pop(user.id, None)


# SRP


def start_srp(attempt: Attempt, public_a_hex: str) -> Params:
    """PASSWORD_VERIFIER. A client that hides missing users gets it for those as well."""
    public_a = public_a_of(public_a_hex)
    user = attempt.pool.find_user(attempt.sign_in.username)
    if user is None:
        if not attempt.hides_missing_users:
            raise no_such_user()
        verifier = srp.verifier("", attempt.sign_in.username, secrets.token_hex(), 1)
    else:
        if not user.enabled:
            raise user_is_disabled()
        attempt.sign_in.username = user.username
        salt = _salt_of(attempt)
        verifier = srp.verifier(attempt.pool.srp_group, user.username, user.password or "", salt)
    exchange = srp.Server(verifier, public_a)
    secret_block = new_secret_block()
    parameters = {
        "USERNAME": attempt.sign_in.username,
        "USER_ID_FOR_SRP": attempt.sign_in.username,
        "SALT": f"{_salt_of(attempt):x}",
        "SRP_B": f"{exchange.public_b:x}",
        "SECRET_BLOCK": secret_block,
    }
    return attempt.ask("PASSWORD_VERIFIER", parameters, secret_block, exchange=exchange)


def check_srp_password(attempt: Attempt, given: Params) -> None:
    user = attempt.pool.find_user(attempt.sign_in.username)
    if user is not None:
        check_not_locked(attempt.pool, user)
    if not signature_is_right(attempt, given, attempt.pool.srp_group, attempt.sign_in.username):
        if user is not None:
            count_wrong_password(attempt.pool, user)
        raise wrong_password()
    check_may_sign_in(attempt.user)
    attempt.pool.wrong_passwords.pop(attempt.user.id, None)


def _salt_of(attempt: Attempt) -> int:
    name = f"{attempt.pool.id}/{attempt.sign_in.username}".encode()
    return int.from_bytes(hmac.digest(SALT_KEY, name, "sha256")[:16], "big")


def public_a_of(text: str) -> int:
    if not PUBLIC_A.fullmatch(text):
        raise invalid_parameter("SRP_A is not a hexadecimal number of the group")
    public_a = int(text, 16)
    if public_a % srp.N == 0:
        raise invalid_parameter("SRP_A must not be zero modulo N")
    return public_a


def new_secret_block() -> str:
    """Opaque to the client; real ones are some 900 bytes of ciphertext."""
    return base64.b64encode(secrets.token_bytes(384)).decode()


def signature_is_right(attempt: Attempt, given: Params, group: str, identity: str) -> bool:
    """Whether PASSWORD_CLAIM_SIGNATURE proves the password or the device's secret.

    Raises InvalidParameterException or NotAuthorizedException about the TIMESTAMP.
    """
    timestamp = needed(given, "TIMESTAMP")
    _check_timestamp(timestamp)
    secret_block_text = needed(given, "PASSWORD_CLAIM_SECRET_BLOCK")
    claimed_text = needed(given, "PASSWORD_CLAIM_SIGNATURE")
    try:
        secret_block = base64.b64decode(secret_block_text, validate=True)
        claimed = base64.b64decode(claimed_text, validate=True)
        key = attempt.exchange.key()
    except (binascii.Error, srp.PublicValueError):
        return False
    expected = srp.signature(key, group, identity, secret_block, timestamp)
    return hmac.compare_digest(expected, claimed)


def _check_timestamp(timestamp: str) -> None:
    match = TIMESTAMP.fullmatch(timestamp)
    if match is None:
        raise invalid_parameter("TIMESTAMP format should be EEE MMM d HH:mm:ss z yyyy in english.")
    try:
        claimed = datetime(
            int(match["year"]),
            MONTHS.index(match["month"]) + 1,
            int(match["day"]),
            int(match["hour"]),
            int(match["minute"]),
            int(match["second"]),
            tzinfo=UTC,
        )
    except ValueError:
        raise invalid_parameter("TIMESTAMP is an impossible date.") from None
    if abs(claimed.timestamp() - time.time()) > MAX_CLOCK_SKEW_SECONDS:
        raise not_authorized("TIMESTAMP is too far from the time at Cognito.")


# A temporary password


def ask_new_password(attempt: Attempt) -> Params:
    """NEW_PASSWORD_REQUIRED, with what the user has and what the pool still requires."""
    user = attempt.user
    attributes = {name: value for name, value in user.attribute_lookup.items() if name != "sub"}
    missing = [f"{ATTRIBUTE_PREFIX}{name}" for name in _missing_attributes(attempt, attributes)]
    parameters = {
        "USERNAME": user.username,
        "USER_ID_FOR_SRP": user.username,
        "requiredAttributes": json.dumps(missing),
        "userAttributes": json.dumps(attributes),
    }
    return attempt.ask("NEW_PASSWORD_REQUIRED", parameters)


def _missing_attributes(attempt: Attempt, attributes: Params) -> list[str]:
    schema = attempt.pool.moto.schema_attributes.values()
    return [
        one.name
        for one in schema
        if one.required and one.name != "sub" and not attributes.get(one.name)
    ]


def set_new_password(attempt: Attempt, given: Params) -> None:
    """Sets password and attributes; whatever is refused leaves the session open.

    Raises InvalidParameterException about attributes, and moto's InvalidPasswordException.
    """
    user = attempt.user
    new = {
        name.removeprefix(ATTRIBUTE_PREFIX): value
        for name, value in given.items()
        if name.startswith(ATTRIBUTE_PREFIX)
    }
    required = {name for name, one in attempt.pool.moto.schema_attributes.items() if one.required}
    try:
        password = needed(given, "NEW_PASSWORD")
        for name in new:
            if name in required and user.attribute_lookup.get(name):
                raise invalid_parameter(f"Cannot modify an already provided {name}")
        for name in _missing_attributes(attempt, user.attribute_lookup | new):
            raise invalid_parameter(f"Invalid attributes given, {name} is missing")
        attempt.pool.moto.backend.admin_set_user_password(
            attempt.pool.id, user.username, password, permanent=True
        )
    except Exception:
        attempt.reopen()
        raise
    user.update_attributes([{"Name": name, "Value": value} for name, value in new.items()])
