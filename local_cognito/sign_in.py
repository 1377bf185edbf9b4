"""Sign-in: InitiateAuth and RespondToAuthChallenge, with real SRP for users and for devices.

The order of the steps is Cognito's: password, then the second factor, then the device. A
remembered device comes before the second factor, and in its place, where the pool says
ChallengeRequiredOnNewDevice (`shared/cognito.md`, "Sign-in with a device").
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
import secrets
import time
from collections.abc import Callable, Hashable
from datetime import UTC, datetime

from moto.cognitoidp.models import CognitoIdpUser, CognitoIdpUserPoolClient
from moto.cognitoidp.utils import check_secret_hash

from local_cognito import srp, totp
from local_cognito.challenges import MAX_WRONG_CODES, Challenge, SignIn, new_session
from local_cognito.devices import authenticated, find_device, offer_device
from local_cognito.errors import (
    CognitoError,
    invalid_parameter,
    invalid_session,
    no_such_device,
    no_such_user,
    not_authorized,
    wrong_password,
)
from local_cognito.parameters import Params
from local_cognito.pools import Device, Pools, TrackedUserPool, check_may_sign_in
from local_cognito.sessions import refresh, tokens_of

# Without ExplicitAuthFlows a client may do what AWS lets it by default.
DEFAULT_FLOWS = ["ALLOW_USER_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH", "ALLOW_CUSTOM_AUTH"]
FLOW_PERMISSION = {
    "USER_SRP_AUTH": ("ALLOW_USER_SRP_AUTH", "USER_SRP_AUTH"),
    "USER_PASSWORD_AUTH": ("ALLOW_USER_PASSWORD_AUTH", "USER_PASSWORD_AUTH"),
    "REFRESH_TOKEN_AUTH": ("ALLOW_REFRESH_TOKEN_AUTH", "REFRESH_TOKEN_AUTH"),
    "REFRESH_TOKEN": ("ALLOW_REFRESH_TOKEN_AUTH", "REFRESH_TOKEN_AUTH"),
}
DEFAULT_SESSION_MINUTES = 3
MAX_CLOCK_SKEW_SECONDS = 300

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
# "EEE MMM d HH:mm:ss UTC yyyy": no leading zero on the day, whatever the client's language.
TIMESTAMP = re.compile(
    rf"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) (?P<month>{'|'.join(MONTHS)}) (?P<day>[1-9]\d?) "
    r"(?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d) UTC (?P<year>\d{4})"
)
PUBLIC_A = re.compile(r"[0-9a-fA-F]{1,770}")

# A user's salt is the same at every sign-in, and so is that of a user who does not exist.
SALT_KEY = secrets.token_bytes(32)


class SignInOperations:
    """InitiateAuth and RespondToAuthChallenge."""

    def __init__(self, pools: Pools) -> None:
        self._pools = pools
        self._answers: dict[str, Callable[[Attempt, Params], Params]] = {
            "PASSWORD_VERIFIER": answer_password_verifier,
            "NEW_PASSWORD_REQUIRED": answer_new_password,
            "SOFTWARE_TOKEN_MFA": answer_totp,
            "MFA_SETUP": answer_mfa_setup,
            "DEVICE_SRP_AUTH": answer_device_srp,
            "DEVICE_PASSWORD_VERIFIER": answer_device_password_verifier,
        }

    def initiate_auth(self, params: Params, caller_ip: str) -> Params:
        flow, given = params["AuthFlow"], params.get("AuthParameters", {})
        pool, client = self._pools.client(params["ClientId"])
        if flow not in FLOW_PERMISSION:
            raise invalid_parameter(f"{flow} is not enabled for the client.")
        _check_flow_allowed(client, flow)
        if flow.startswith("REFRESH_TOKEN"):
            token = _needed(given, "REFRESH_TOKEN")
            return {
                "ChallengeParameters": {},
                "AuthenticationResult": refresh(
                    pool, client.id, token, given.get("DEVICE_KEY"), caller_ip
                ),
            }
        username = _needed(given, "USERNAME")
        _check_secret_hash(client, username, given)
        sign_in = SignIn(
            client_id=client.id,
            username=username,
            device_key=given.get("DEVICE_KEY"),
            gives_device=flow == "USER_SRP_AUTH",
            caller_ip=caller_ip,
        )
        attempt = Attempt(pool, client, sign_in)
        if flow == "USER_SRP_AUTH":
            return start_srp(attempt, _needed(given, "SRP_A"))
        return check_plain_password(attempt, _needed(given, "PASSWORD"))

    def respond_to_auth_challenge(self, params: Params, caller_ip: str) -> Params:
        name, given = params["ChallengeName"], dict(params.get("ChallengeResponses", {}))
        pool, client = self._pools.client(params["ClientId"])
        answer = self._answers.get(name)
        if answer is None:
            raise invalid_parameter(f"{name} is not a challenge of this user pool.")
        username = _needed(given, "USERNAME")
        _check_secret_hash(client, username, given)
        key = _challenge_key(client.id, params, given)
        challenge = pool.challenges.take(key, name)
        if challenge is None or challenge.sign_in.client_id != client.id:
            raise invalid_session()
        attempt = Attempt(pool, client, challenge.sign_in, challenge, key)
        attempt.check_username(username)
        challenge.sign_in.caller_ip = caller_ip
        return answer(attempt, given)


def _challenge_key(client_id: str, params: Params, given: Params) -> Hashable:
    """SRP proofs name their challenge by its secret block, everything else by the session.

    pycognito sends no session with DEVICE_SRP_AUTH, so that one is also found by who and what.
    """
    if params["ChallengeName"] in ("PASSWORD_VERIFIER", "DEVICE_PASSWORD_VERIFIER"):
        return _needed(given, "PASSWORD_CLAIM_SECRET_BLOCK")
    if "Session" in params:
        return str(params["Session"])
    if params["ChallengeName"] == "DEVICE_SRP_AUTH":
        return _device_step_key(client_id, given["USERNAME"], _needed(given, "DEVICE_KEY"))
    raise invalid_parameter("Missing required parameter Session")


def _device_step_key(client_id: str, username: str, device_key: str) -> Hashable:
    return ("DEVICE_SRP_AUTH", client_id, username, device_key)


def _needed(given: Params, name: str) -> str:
    value = given.get(name)
    if not value:
        raise invalid_parameter(f"Missing required parameter {name}")
    return str(value)


def _check_flow_allowed(client: CognitoIdpUserPoolClient, flow: str) -> None:
    allowed = client.extended_config.get("ExplicitAuthFlows") or DEFAULT_FLOWS
    if not set(FLOW_PERMISSION[flow]) & set(allowed):
        raise invalid_parameter(f"{flow} flow not enabled for this client")


def _check_secret_hash(client: CognitoIdpUserPoolClient, username: str, given: Params) -> None:
    if not client.generate_secret:
        return
    secret_hash = given.get("SECRET_HASH")
    if not secret_hash:
        raise not_authorized(
            f"Client {client.id} is configured with secret but SECRET_HASH was not received"
        )
    if not check_secret_hash(client.secret, client.id, username, secret_hash):
        raise not_authorized(f"Unable to verify secret hash for client {client.id}")


class Attempt:
    """A sign-in at one step: its pool and client, and the challenge that is being answered."""

    def __init__(
        self,
        pool: TrackedUserPool,
        client: CognitoIdpUserPoolClient,
        sign_in: SignIn,
        challenge: Challenge | None = None,
        key: Hashable = None,
    ) -> None:
        self.pool = pool
        self.client = client
        self.sign_in = sign_in
        self._challenge = challenge
        self._key = key

    @property
    def hides_missing_users(self) -> bool:
        return self.client.extended_config.get("PreventUserExistenceErrors") == "ENABLED"

    @property
    def user(self) -> CognitoIdpUser:
        return self.pool.get_user(self.sign_in.username)

    @property
    def challenge(self) -> Challenge:
        if self._challenge is None:
            raise invalid_session()
        return self._challenge

    @property
    def exchange(self) -> srp.Server:
        if self.challenge.exchange is None:
            raise invalid_session()
        return self.challenge.exchange

    def check_username(self, username: str) -> None:
        """The answer must be about the user who was asked, by any of that user's names."""
        if username == self.sign_in.username:
            return
        user = self.pool.find_user(username)
        if user is None or user.username != self.sign_in.username:
            raise invalid_session()

    def reopen(self) -> None:
        self.pool.challenges.open(self.challenge, self._key)

    def ask(
        self,
        name: str,
        parameters: Params,
        *keys: Hashable,
        exchange: srp.Server | None = None,
    ) -> Params:
        """Opens a challenge, under a session of its own if no key is given."""
        minutes = self.client.extended_config.get("AuthSessionValidity", DEFAULT_SESSION_MINUTES)
        expires_at = time.time() + 60 * int(minutes)
        session = new_session()
        # An SRP proof is found by its secret block alone: no session to hand out.
        by_session = exchange is None
        open_keys = (*keys, session) if by_session else keys
        challenge = Challenge(name, self.sign_in, expires_at, exchange)
        self.pool.challenges.open(challenge, *open_keys)
        asked: Params = {"ChallengeName": name, "ChallengeParameters": parameters}
        return asked | ({"Session": session} if by_session else {})


# The password


def start_srp(attempt: Attempt, public_a_hex: str) -> Params:
    """PASSWORD_VERIFIER, for a user who exists or for one who is only pretended to."""
    public_a = _public_a(public_a_hex)
    user = attempt.pool.find_user(attempt.sign_in.username)
    if user is None:
        if not attempt.hides_missing_users:
            raise no_such_user()
        verifier = srp.verifier("", attempt.sign_in.username, secrets.token_hex(), 1)
    else:
        if not user.enabled:
            raise not_authorized("User is disabled.")
        attempt.sign_in.username = user.username
        salt = _salt_of(attempt)
        verifier = srp.verifier(attempt.pool.srp_group, user.username, user.password or "", salt)
    exchange = srp.Server(verifier, public_a)
    secret_block = _secret_block()
    parameters = {
        "USERNAME": attempt.sign_in.username,
        "USER_ID_FOR_SRP": attempt.sign_in.username,
        "SALT": f"{_salt_of(attempt):x}",
        "SRP_B": f"{exchange.public_b:x}",
        "SECRET_BLOCK": secret_block,
    }
    return attempt.ask("PASSWORD_VERIFIER", parameters, secret_block, exchange=exchange)


def _salt_of(attempt: Attempt) -> int:
    name = f"{attempt.pool.id}/{attempt.sign_in.username}".encode()
    return int.from_bytes(hmac.digest(SALT_KEY, name, "sha256")[:16], "big")


def _public_a(public_a_hex: str) -> int:
    if not PUBLIC_A.fullmatch(public_a_hex):
        raise invalid_parameter("SRP_A is not a hexadecimal number of the group")
    public_a = int(public_a_hex, 16)
    if public_a % srp.N == 0:
        raise invalid_parameter("SRP_A must not be zero modulo N")
    return public_a


def _secret_block() -> str:
    """Opaque to the client; real ones are some 900 bytes of ciphertext."""
    return base64.b64encode(secrets.token_bytes(384)).decode()


def answer_password_verifier(attempt: Attempt, given: Params) -> Params:
    _check_signature(attempt, given, attempt.pool.srp_group, attempt.sign_in.username)
    if "DEVICE_KEY" in given:
        attempt.sign_in.device_key = given["DEVICE_KEY"]
    check_may_sign_in(attempt.user)
    return next_step_after_password(attempt)


def check_plain_password(attempt: Attempt, password: str) -> Params:
    user = attempt.pool.find_user(attempt.sign_in.username)
    if user is None:
        raise wrong_password() if attempt.hides_missing_users else no_such_user()
    attempt.sign_in.username = user.username
    if not user.enabled:
        raise not_authorized("User is disabled.")
    if not hmac.compare_digest((user.password or "").encode(), password.encode()):
        raise wrong_password()
    check_may_sign_in(user)
    return next_step(attempt)


def next_step_after_password(attempt: Attempt) -> Params:
    """A device that is gone fails the step, and the client may repeat it without the device.

    amazon-cognito-identity-js and Amplify send the very same proof again, so the challenge stays.
    """
    try:
        return next_step(attempt)
    except CognitoError as error:
        if error.type == "ResourceNotFoundException":
            attempt.sign_in.device_key = None
            attempt.reopen()
        raise


def _check_signature(attempt: Attempt, given: Params, group: str, identity: str) -> None:
    timestamp = _needed(given, "TIMESTAMP")
    _check_timestamp(timestamp)
    secret_block_text = _needed(given, "PASSWORD_CLAIM_SECRET_BLOCK")
    claimed_text = _needed(given, "PASSWORD_CLAIM_SIGNATURE")
    try:
        secret_block = base64.b64decode(secret_block_text, validate=True)
        claimed = base64.b64decode(claimed_text, validate=True)
        key = attempt.exchange.key()
    except (binascii.Error, srp.PublicValueError):
        raise wrong_password() from None
    expected = srp.signature(key, group, identity, secret_block, timestamp)
    if not hmac.compare_digest(expected, claimed):
        raise wrong_password()


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
        raise invalid_parameter("TIMESTAMP is not a moment that ever was.") from None
    if abs(claimed.timestamp() - time.time()) > MAX_CLOCK_SKEW_SECONDS:
        raise not_authorized("TIMESTAMP is too far from the time at Cognito.")


# What comes after the password


def next_step(attempt: Attempt) -> Params:
    """Asks for what is still to be proved, or hands out the tokens."""
    user, sign_in, pool = attempt.user, attempt.sign_in, attempt.pool
    if user.status == "FORCE_CHANGE_PASSWORD":
        return attempt.ask(
            "NEW_PASSWORD_REQUIRED",
            {"USERNAME": user.username, "requiredAttributes": "[]", "userAttributes": "{}"},
        )
    device = _known_device(attempt)
    device_is_asked = device is not None and device.remembered and not sign_in.device_done
    device_replaces_mfa = (
        device is not None
        and device.remembered
        and bool((pool.device_configuration or {}).get("ChallengeRequiredOnNewDevice"))
    )
    if totp.is_asked_for(pool, user) and not sign_in.mfa_done and not device_replaces_mfa:
        return _ask_second_factor(attempt)
    if device_is_asked and device is not None:
        return attempt.ask(
            "DEVICE_SRP_AUTH",
            {"USERNAME": user.username, "DEVICE_KEY": device.key},
            _device_step_key(sign_in.client_id, user.username, device.key),
        )
    return {"ChallengeParameters": {}, "AuthenticationResult": _finish(attempt, device)}


def _known_device(attempt: Attempt) -> Device | None:
    """The device that the client says it is. One that is not the user's does not exist."""
    if attempt.sign_in.device_key is None:
        return None
    device = find_device(attempt.pool, attempt.user.id, attempt.sign_in.device_key)
    if device is None:
        raise no_such_device()
    return device


def _ask_second_factor(attempt: Attempt) -> Params:
    if totp.must_set_up(attempt.pool, attempt.user):
        return attempt.ask("MFA_SETUP", {"MFAS_CAN_SETUP": '["SOFTWARE_TOKEN_MFA"]'})
    return attempt.ask(
        "SOFTWARE_TOKEN_MFA",
        {"USER_ID_FOR_SRP": attempt.user.username, "FRIENDLY_DEVICE_NAME": "TOTP device"},
    )


def _finish(attempt: Attempt, device: Device | None) -> Params:
    """The tokens. A new device is offered where SRP was used and the pool tracks devices."""
    pool, user, sign_in = attempt.pool, attempt.user, attempt.sign_in
    if device is not None:
        authenticated(device, sign_in.caller_ip)
        return tokens_of(pool, pool.open_family(sign_in.client_id, user, device.key))
    if not sign_in.gives_device or pool.device_configuration is None:
        return tokens_of(pool, pool.open_family(sign_in.client_id, user))
    family, metadata = offer_device(pool, sign_in.client_id, user)
    return tokens_of(pool, family) | {"NewDeviceMetadata": metadata}


def answer_new_password(attempt: Attempt, given: Params) -> Params:
    """moto knows the pool's password policy. InvalidPasswordException leaves the session open."""
    user = attempt.user
    backend = attempt.pool.backend
    try:
        backend._validate_password(attempt.pool.id, _needed(given, "NEW_PASSWORD"))
    except Exception:
        attempt.reopen()
        raise
    backend.admin_set_user_password(
        attempt.pool.id, user.username, given["NEW_PASSWORD"], permanent=True
    )
    return next_step(attempt)


def answer_totp(attempt: Attempt, given: Params) -> Params:
    code = _needed(given, "SOFTWARE_TOKEN_MFA_CODE")
    user, challenge = attempt.user, attempt.challenge
    if not totp.code_is_right(attempt.pool.totp_secrets.get(user.id), code):
        challenge.wrong_codes += 1
        if challenge.wrong_codes < MAX_WRONG_CODES:
            attempt.reopen()
        raise CognitoError("CodeMismatchException", "Invalid code received for user")
    check_may_sign_in(user)
    attempt.sign_in.mfa_done = True
    return next_step(attempt)


def answer_mfa_setup(attempt: Attempt, given: Params) -> Params:
    """Comes after VerifySoftwareToken, which gave the session that this answer carries."""
    if not attempt.user.token_verified:
        raise invalid_parameter("User has not verified software token mfa")
    attempt.sign_in.mfa_done = True
    return next_step(attempt)


# The device


def answer_device_srp(attempt: Attempt, given: Params) -> Params:
    device = _named_device(attempt, given)
    exchange = srp.Server(device.verifier, _public_a(_needed(given, "SRP_A")))
    secret_block = _secret_block()
    parameters = {
        "USERNAME": attempt.user.username,
        "DEVICE_KEY": device.key,
        "SALT": f"{device.salt:x}",
        "SRP_B": f"{exchange.public_b:x}",
        "SECRET_BLOCK": secret_block,
    }
    return attempt.ask("DEVICE_PASSWORD_VERIFIER", parameters, secret_block, exchange=exchange)


def answer_device_password_verifier(attempt: Attempt, given: Params) -> Params:
    device = _named_device(attempt, given)
    _check_signature(attempt, given, device.group_key, device.key)
    check_may_sign_in(attempt.user)
    attempt.sign_in.device_done = True
    return next_step(attempt)


def _named_device(attempt: Attempt, given: Params) -> Device:
    """The device of the answer, which must be the one that was asked."""
    if _needed(given, "DEVICE_KEY") != attempt.sign_in.device_key:
        raise no_such_device()
    device = _known_device(attempt)
    if device is None:
        raise no_such_device()
    return device
