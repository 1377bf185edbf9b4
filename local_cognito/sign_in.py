"""Sign-in: InitiateAuth, RespondToAuthChallenge and their Admin forms.

The order of the steps is Cognito's: password, then the second factor, then the device. A
remembered device comes before the second factor, and in its place, where the pool says
ChallengeRequiredOnNewDevice (`docs/cognito.md`, "Sign-in with a device").
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Hashable, Iterable

from moto.cognitoidp.models import CognitoIdpUserPoolClient
from moto.cognitoidp.utils import check_secret_hash

from local_cognito import assurance, factors, passwords, srp
from local_cognito.attempt import Attempt, needed
from local_cognito.challenges import SignIn
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
from local_cognito.factors import EMAIL, FACTORS, TOTP
from local_cognito.parameters import Params
from local_cognito.pools import Device, Pools, TrackedUserPool, check_may_sign_in
from local_cognito.sessions import refresh, rotation_of, tokens_of

# Without ExplicitAuthFlows a client may do what AWS lets it by default.
DEFAULT_FLOWS = ("ALLOW_USER_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH", "ALLOW_CUSTOM_AUTH")
# AuthFlow → the members of ExplicitAuthFlows that allow it, new and old.
FLOW_PERMISSION = {
    "USER_SRP_AUTH": ("ALLOW_USER_SRP_AUTH",),
    "USER_PASSWORD_AUTH": ("ALLOW_USER_PASSWORD_AUTH", "USER_PASSWORD_AUTH"),
    "ADMIN_USER_PASSWORD_AUTH": ("ALLOW_ADMIN_USER_PASSWORD_AUTH", "ADMIN_NO_SRP_AUTH"),
    "ADMIN_NO_SRP_AUTH": ("ALLOW_ADMIN_USER_PASSWORD_AUTH", "ADMIN_NO_SRP_AUTH"),
    "USER_AUTH": ("ALLOW_USER_AUTH",),
    "CUSTOM_AUTH": ("ALLOW_CUSTOM_AUTH", "CUSTOM_AUTH_FLOW_ONLY"),
    "REFRESH_TOKEN_AUTH": ("ALLOW_REFRESH_TOKEN_AUTH",),
    "REFRESH_TOKEN": ("ALLOW_REFRESH_TOKEN_AUTH",),
}
# AWS has two sentences: this one for passwords, another for all other flows.
NOT_ENABLED = {"USER_PASSWORD_AUTH": "USER_PASSWORD_AUTH flow not enabled for this client"}
ADMIN_PASSWORD_FLOWS = ("ADMIN_USER_PASSWORD_AUTH", "ADMIN_NO_SRP_AUTH")
# The first factors of USER_AUTH that are here; WEB_AUTHN, EMAIL_OTP and SMS_OTP are not offered.
FIRST_FACTORS = ("PASSWORD", "PASSWORD_SRP")


class SignInOperations:
    """InitiateAuth and RespondToAuthChallenge, for users and for administrators."""

    def __init__(self, pools: Pools) -> None:
        self._pools = pools
        self._answers: dict[str, Callable[[Attempt, Params], Params]] = {
            "SELECT_CHALLENGE": answer_select_challenge,
            "PASSWORD": answer_password,
            "PASSWORD_SRP": answer_password_srp,
            "PASSWORD_VERIFIER": answer_password_verifier,
            "CUSTOM_CHALLENGE": answer_custom_challenge,
            "NEW_PASSWORD_REQUIRED": answer_new_password,
            "SELECT_MFA_TYPE": answer_select_mfa_type,
            "MFA_SETUP": answer_mfa_setup,
            "DEVICE_SRP_AUTH": answer_device_srp,
            "DEVICE_PASSWORD_VERIFIER": answer_device_password_verifier,
            **dict.fromkeys(FACTORS, answer_second_factor),
        }

    def initiate_auth(self, params: Params, caller_ip: str) -> Params:
        pool, client = self._pools.client(params["ClientId"])
        if params["AuthFlow"] in ADMIN_PASSWORD_FLOWS:
            raise invalid_parameter("Initiate Auth method not supported.")
        flow = params["AuthFlow"]
        _check_flow_allowed(
            client, flow, NOT_ENABLED.get(flow, f"{flow} is not enabled for the client.")
        )
        return self._initiate(pool, client, params, caller_ip)

    def admin_initiate_auth(self, params: Params, caller_ip: str) -> Params:
        pool = self._pools.pool(params["UserPoolId"])
        client = pool.client(params["ClientId"])
        if params["AuthFlow"] == "USER_PASSWORD_AUTH":
            raise invalid_parameter("Initiate Auth method not supported.")
        _check_flow_allowed(client, params["AuthFlow"], "Auth flow not enabled for this client")
        return self._initiate(pool, client, params, caller_ip)

    def _initiate(
        self,
        pool: TrackedUserPool,
        client: CognitoIdpUserPoolClient,
        params: Params,
        caller_ip: str,
    ) -> Params:
        flow, given = params["AuthFlow"], params.get("AuthParameters", {})
        if flow.startswith("REFRESH_TOKEN"):
            return _refresh(pool, client, given, caller_ip)
        username = needed(given, "USERNAME")
        _check_secret_hash(client, [username], given)
        sign_in = SignIn(client.id, username, given.get("DEVICE_KEY"), caller_ip)
        attempt = Attempt(pool, client, sign_in)
        if flow == "CUSTOM_AUTH":
            return _start_custom(attempt, given)
        if flow == "USER_AUTH":
            return self._start_choice(attempt, given)
        if flow == "USER_SRP_AUTH":
            return passwords.start_srp(attempt, needed(given, "SRP_A"))
        return answer_password(attempt, given)

    def _start_choice(self, attempt: Attempt, given: Params) -> Params:
        """USER_AUTH. The sign-in of an ACCESS_TOKEN counts towards TARGET_ACR_VALUES."""
        token = given.get("ACCESS_TOKEN")
        earlier = self._pools.signed_in(token).family if token is not None else None
        step_up = assurance.asked_for(attempt.pool, given, earlier)
        attempt.sign_in.step_up = step_up
        if step_up is None or step_up.earlier is None:
            return _start_choice(attempt, given)
        user = attempt.pool.find_user(attempt.sign_in.username)
        if user is None or user.id != step_up.earlier.sub:
            raise invalid_parameter("USERNAME is not the user of ACCESS_TOKEN.")
        attempt.sign_in.username = user.username
        attempt.sign_in.methods |= step_up.earlier.methods
        if assurance.PASSWORD in attempt.sign_in.methods:
            return next_step(attempt)
        return _start_choice(attempt, given)

    def respond_to_auth_challenge(self, params: Params, caller_ip: str) -> Params:
        pool, client = self._pools.client(params["ClientId"])
        return self._respond(pool, client, params, caller_ip)

    def admin_respond_to_auth_challenge(self, params: Params, caller_ip: str) -> Params:
        pool = self._pools.pool(params["UserPoolId"])
        return self._respond(pool, pool.client(params["ClientId"]), params, caller_ip)

    def _respond(
        self,
        pool: TrackedUserPool,
        client: CognitoIdpUserPoolClient,
        params: Params,
        caller_ip: str,
    ) -> Params:
        name, given = params["ChallengeName"], dict(params.get("ChallengeResponses", {}))
        answer = self._answers.get(name)
        if answer is None:
            raise invalid_parameter(f"{name} is not a challenge of this user pool.")
        username = needed(given, "USERNAME")
        _check_secret_hash(client, [username], given)
        key = _challenge_key(client.id, params, given)
        challenge = pool.challenges.take(key, name)
        if challenge.sign_in.client_id != client.id:
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
        return needed(given, "PASSWORD_CLAIM_SECRET_BLOCK")
    if "Session" in params:
        return str(params["Session"])
    if params["ChallengeName"] == "DEVICE_SRP_AUTH":
        return _device_step_key(client_id, given["USERNAME"], needed(given, "DEVICE_KEY"))
    raise invalid_parameter("Missing required parameter Session")


def _device_step_key(client_id: str, username: str, device_key: str) -> Hashable:
    return ("DEVICE_SRP_AUTH", client_id, username, device_key)


def _check_flow_allowed(client: CognitoIdpUserPoolClient, flow: str, refusal: str) -> None:
    allowed = client.extended_config.get("ExplicitAuthFlows") or DEFAULT_FLOWS
    if not set(FLOW_PERMISSION[flow]) & set(allowed):
        raise invalid_parameter(refusal)


def _check_secret_hash(
    client: CognitoIdpUserPoolClient, usernames: Iterable[str], given: Params
) -> None:
    """SECRET_HASH must be that of one of the names, where the client has a secret."""
    if not client.generate_secret:
        return
    given_hash = given.get("SECRET_HASH")
    if not given_hash:
        raise not_authorized(
            f"Client {client.id} is configured with secret but SECRET_HASH was not received"
        )
    if not any(check_secret_hash(client.secret, client.id, one, given_hash) for one in usernames):
        raise not_authorized(f"Unable to verify secret hash for client {client.id}")


# The first step


def _refresh(
    pool: TrackedUserPool, client: CognitoIdpUserPoolClient, given: Params, caller_ip: str
) -> Params:
    if rotation_of(client) is not None:
        raise CognitoError(
            "UnsupportedOperationException",
            "Refresh token rotation is enabled for the client: use GetTokensFromRefreshToken",
        )
    token = needed(given, "REFRESH_TOKEN")
    if client.generate_secret:
        family = pool.live_family(token, client.id)
        _check_secret_hash(client, (family.username, family.sub), given)
    result = refresh(pool, client, token, given.get("DEVICE_KEY"), caller_ip)
    return {"ChallengeParameters": {}, "AuthenticationResult": result}


def _start_choice(attempt: Attempt, given: Params) -> Params:
    """USER_AUTH: the preferred challenge if it can be put now, or a choice of all there are."""
    preferred = given.get("PREFERRED_CHALLENGE")
    if preferred == "PASSWORD" and "PASSWORD" in given:
        return answer_password(attempt, given)
    if preferred == "PASSWORD_SRP" and "SRP_A" in given:
        return answer_password_srp(attempt, given)
    known = attempt.pool.find_user(attempt.sign_in.username)
    if known is None and not attempt.hides_missing_users:
        raise no_such_user()
    if preferred in FIRST_FACTORS:
        return attempt.ask(preferred, {})
    asked = attempt.ask("SELECT_CHALLENGE", {})
    return asked | {"AvailableChallenges": list(FIRST_FACTORS)}


def answer_select_challenge(attempt: Attempt, given: Params) -> Params:
    chosen = needed(given, "ANSWER")
    if chosen == "PASSWORD" and "PASSWORD" in given:
        return answer_password(attempt, given)
    if chosen == "PASSWORD_SRP" and "SRP_A" in given:
        return answer_password_srp(attempt, given)
    if chosen in FIRST_FACTORS:
        return attempt.ask(chosen, {})
    attempt.reopen()
    raise invalid_parameter(f"{chosen} is not available for the user.")


def _start_custom(attempt: Attempt, given: Params) -> Params:
    """CUSTOM_AUTH: SRP before the trigger's challenge where the client begins so, or at once."""
    if attempt.pool.custom_auth_answer is None:
        raise invalid_parameter("Custom auth lambda trigger is not configured for the user pool.")
    attempt.sign_in.custom = True
    if given.get("CHALLENGE_NAME") == "SRP_A":
        return passwords.start_srp(attempt, needed(given, "SRP_A"))
    attempt.sign_in.offers_device = False
    attempt.sign_in.username = attempt.user.username
    check_may_sign_in(attempt.user)
    return next_step(attempt)


# The password


def answer_password(attempt: Attempt, given: Params) -> Params:
    passwords.check_plain_password(attempt, needed(given, "PASSWORD"))
    attempt.sign_in.methods.add(assurance.PASSWORD)
    return next_step(attempt)


def answer_password_srp(attempt: Attempt, given: Params) -> Params:
    return passwords.start_srp(attempt, needed(given, "SRP_A"))


def answer_password_verifier(attempt: Attempt, given: Params) -> Params:
    """A device that is gone fails the step, and the client may repeat it without the device.

    amazon-cognito-identity-js and Amplify send the very same proof again, so the challenge stays.
    """
    passwords.check_srp_password(attempt, given)
    attempt.sign_in.methods.add(assurance.PASSWORD)
    attempt.sign_in.device_key = given.get("DEVICE_KEY", attempt.sign_in.device_key)
    try:
        return next_step(attempt)
    except CognitoError as error:
        if error.type == "ResourceNotFoundException":
            attempt.sign_in.device_key = None
            attempt.reopen()
        raise


def answer_new_password(attempt: Attempt, given: Params) -> Params:
    passwords.set_new_password(attempt, given)
    return next_step(attempt)


def answer_custom_challenge(attempt: Attempt, given: Params) -> Params:
    expected = attempt.pool.custom_auth_answer or ""
    if not hmac.compare_digest(expected.encode(), needed(given, "ANSWER").encode()):
        raise wrong_password()
    attempt.sign_in.custom_done = True
    return next_step(attempt)


# What comes after the password


def next_step(attempt: Attempt) -> Params:
    """Asks for what is still to be proved, or hands out the tokens."""
    user, sign_in, pool = attempt.user, attempt.sign_in, attempt.pool
    if user.status == "FORCE_CHANGE_PASSWORD":
        return passwords.ask_new_password(attempt)
    if sign_in.custom and not sign_in.custom_done:
        return attempt.ask("CUSTOM_CHALLENGE", {"USERNAME": user.username})
    device = _known_device(attempt)
    remembered = device is not None and device.remembered
    device_replaces_mfa = remembered and bool(
        (pool.device_configuration or {}).get("ChallengeRequiredOnNewDevice")
    )
    if towards := _factors_towards_target(attempt):
        return _ask_second_factor(attempt, towards)
    shown = sign_in.methods & set(assurance.METHODS.values())
    if not (sign_in.custom or shown or device_replaces_mfa):
        choice = factors.asked_of(pool, user)
        if choice is not None:
            return _ask_second_factor(attempt, choice)
    if device is not None and remembered and not sign_in.device_done:
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


def _finish(attempt: Attempt, device: Device | None) -> Params:
    """The tokens, and a new device to confirm where the pool tracks devices."""
    pool, user, sign_in = attempt.pool, attempt.user, attempt.sign_in
    methods, auth_time = frozenset(sign_in.methods), None
    if sign_in.step_up and (earlier := sign_in.step_up.earlier):
        auth_time = earlier.auth_time if methods == earlier.methods else None
    if device is not None or not sign_in.offers_device or pool.device_configuration is None:
        if device is not None:
            authenticated(device, sign_in.caller_ip)
        key = device.key if device is not None else None
        return tokens_of(pool, pool.open_family(sign_in.client_id, user, methods, key, auth_time))
    confirmable = not sign_in.under_alias
    family, metadata = offer_device(pool, sign_in.client_id, user, methods, confirmable=confirmable)
    return tokens_of(pool, family) | {"NewDeviceMetadata": metadata}


# The second factor


def _factors_towards_target(attempt: Attempt) -> list[str]:
    """What a step-up still asks for, from a remembered device too."""
    if attempt.sign_in.step_up is None:
        return []
    ready = factors.ready_of(attempt.pool, attempt.user)
    return assurance.factors_towards(
        attempt.sign_in.step_up.levels, ready, frozenset(attempt.sign_in.methods)
    )


def _ask_second_factor(attempt: Attempt, choice: list[str]) -> Params:
    if not choice:
        offered = factors.as_json(factors.turned_on(attempt.pool))
        return attempt.ask("MFA_SETUP", _about(attempt) | {"MFAS_CAN_SETUP": offered})
    if len(choice) > 1:
        offered = factors.as_json(choice)
        return attempt.ask("SELECT_MFA_TYPE", _about(attempt) | {"MFAS_CAN_CHOOSE": offered})
    return _ask_for_code(attempt, choice[0])


def _ask_for_code(attempt: Attempt, factor: str) -> Params:
    if factor == TOTP:
        return attempt.ask(TOTP, _about(attempt) | {"FRIENDLY_DEVICE_NAME": "TOTP device"})
    code, delivery = factors.send_code(attempt.pool, attempt.user, factor)
    return attempt.ask(factor, _about(attempt) | delivery, code=code)


def _about(attempt: Attempt) -> Params:
    return {"USER_ID_FOR_SRP": attempt.user.username}


def answer_select_mfa_type(attempt: Attempt, given: Params) -> Params:
    chosen = needed(given, "ANSWER")
    offered = _factors_towards_target(attempt) or factors.asked_of(attempt.pool, attempt.user)
    if chosen not in (offered or ()):
        attempt.reopen()
        raise CognitoError("MFAMethodNotFoundException", f"{chosen} is not set up for the user")
    return _ask_for_code(attempt, chosen)


def answer_second_factor(attempt: Attempt, given: Params) -> Params:
    """A wrong code may be corrected in the same session, however often."""
    pool, user, factor = attempt.pool, attempt.user, attempt.challenge.name
    code = needed(given, factors.CODE_MEMBER[factor])
    try:
        if factor == TOTP:
            if not factors.use_totp_code(pool, user, pool.totp_secrets[user.id], code):
                raise CognitoError("CodeMismatchException", "Invalid code received for user")
        else:
            factors.check_sent_code(attempt.challenge.code, code)
    except CognitoError:
        attempt.reopen()
        raise
    check_may_sign_in(user)
    if factor == EMAIL:
        user.update_attributes([{"Name": "email_verified", "Value": "true"}])
    attempt.sign_in.methods.add(assurance.METHODS[factor])
    return next_step(attempt)


def answer_mfa_setup(attempt: Attempt, given: Params) -> Params:
    """Comes after VerifySoftwareToken, which gave the session of this answer, or brings an EMAIL.

    Amplify sets up e-mail so. A phone number can only be set before the next sign-in.
    """
    pool, user = attempt.pool, attempt.user
    if "EMAIL" in given and EMAIL in factors.turned_on(pool):
        user.update_attributes([{"Name": "email", "Value": given["EMAIL"]}])
        factors.set_enabled(pool, user, EMAIL, True)
        return _ask_for_code(attempt, EMAIL)
    if not user.token_verified:
        attempt.reopen()
        raise invalid_parameter("User has not verified software token mfa")
    factors.set_enabled(pool, user, TOTP, True)
    attempt.sign_in.methods.add(assurance.METHODS[TOTP])
    return next_step(attempt)


# The device


def answer_device_srp(attempt: Attempt, given: Params) -> Params:
    device = _named_device(attempt, given)
    exchange = srp.Server(device.verifier, passwords.public_a_of(needed(given, "SRP_A")))
    secret_block = passwords.new_secret_block()
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
    if not passwords.signature_is_right(attempt, given, device.group_key, device.key):
        raise wrong_password()
    check_may_sign_in(attempt.user)
    attempt.sign_in.device_done = True
    return next_step(attempt)


def _named_device(attempt: Attempt, given: Params) -> Device:
    """The device of the answer, which must be the one that was asked."""
    if needed(given, "DEVICE_KEY") != attempt.sign_in.device_key:
        raise no_such_device()
    device = _known_device(attempt)
    if device is None:
        raise no_such_device()
    return device
