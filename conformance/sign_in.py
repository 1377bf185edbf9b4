"""Signing in with a device, and with a second factor."""

from __future__ import annotations

import re
import time

from conformance.devices import GONE
from conformance.probe import ANYTHING, names, probe, refusal, yes
from conformance.target import PASSWORD, Answer, Target, claims_of

BY_DEVICE = "PASSWORD_VERIFIER, DEVICE_SRP_AUTH, DEVICE_PASSWORD_VERIFIER"


@probe(
    "sign-in-new-device-asks-code",
    "A new device is asked for the second factor.",
    "Developer Guide, Working with user devices",
    "PASSWORD_VERIFIER, SOFTWARE_TOKEN_MFA",
)
def new_device(target: Target) -> str:
    user = target.user(target.always, totp=True)
    return ", ".join(target.by_srp(target.always, user)[0])


@probe(
    "sign-in-remembered-device-skips-code",
    "A remembered device proves itself by SRP in place of the second factor.",
    "Developer Guide, Working with user devices; pycognito",
    BY_DEVICE,
)
def remembered(target: Target) -> str:
    user = target.user(target.always, totp=True)
    device = target.confirm(target.by_srp(target.always, user)[1])
    return ", ".join(target.by_srp(target.always, user, device)[0])


@probe(
    "sign-in-not-remembered-device-asks-code",
    "A tracked device that is not remembered is asked for the second factor.",
    "Developer Guide, Working with user devices",
    "PASSWORD_VERIFIER, SOFTWARE_TOKEN_MFA",
)
def not_remembered(target: Target) -> str:
    user = target.user(target.opt_in, totp=True)
    device = target.confirm(target.by_srp(target.opt_in, user)[1])
    return ", ".join(target.by_srp(target.opt_in, user, device)[0])


@probe(
    "sign-in-forgotten-device",
    "A sign-in with the key of a forgotten device is Device does not exist.",
    "amazon-cognito-identity-js 200",
    GONE,
)
def forgotten(target: Target) -> str:
    user = target.user(target.always)
    tokens = target.by_srp(target.always, user)[1]
    device = target.confirm(tokens)
    target.idp.forget_device(AccessToken=tokens["AccessToken"], DeviceKey=device.key)
    return refusal(lambda: target.by_srp(target.always, user, device))


@probe(
    "sign-in-code-once",
    "A TOTP code can be used once.",
    "Developer Guide, TOTP software token MFA",
    "ExpiredCodeException: Your software token has already been used once.",
)
def code_once(target: Target) -> str:
    user = target.user(target.always, totp=True)
    target.by_password(target.always, user)
    asked = target.begin(target.always, user)
    answers = {
        "USERNAME": asked["ChallengeParameters"].get("USER_ID_FOR_SRP", user.name),
        "SOFTWARE_TOKEN_MFA_CODE": user.last_code or "",
    }
    return refusal(
        target.admin.admin_respond_to_auth_challenge,
        UserPoolId=target.always.id,
        ClientId=target.always.any_client,
        ChallengeName="SOFTWARE_TOKEN_MFA",
        Session=asked["Session"],
        ChallengeResponses=answers,
    )


@probe(
    "sign-in-session-once",
    "The session of a challenge can be used once.",
    "API reference, RespondToAuthChallenge",
    re.compile(r"NotAuthorizedException: Invalid session for the user.*"),
)
def session_once(target: Target) -> str:
    user = target.user(target.always, totp=True)
    asked = target.begin(target.always, user)
    target.finish(target.always, user, asked)
    return refusal(lambda: target.finish(target.always, user, asked))


@probe(
    "sign-in-flow-off",
    "A flow that the client does not allow is refused by its name.",
    "amplify-js; AWS's sentence has two forms",
    "InvalidParameterException: USER_AUTH is not enabled for the client.",
    re.compile(r"InvalidParameterException: .*not enabled.*"),
    undocumented=True,
)
def flow_off(target: Target) -> str:
    return refusal(
        target.idp.initiate_auth,
        ClientId=target.always.srp_client,
        AuthFlow="USER_AUTH",
        AuthParameters={"USERNAME": target.user(target.always).name},
    )


# How strong a sign-in was


@probe(
    "acr-of-password",
    "A password is level 1, by the method pwd.",
    "Developer Guide, Authentication levels with ACR and AMR claims; rolled out since 2026",
    "urn:cognito:loa:1; pwd",
    "None; ",
    undocumented=True,
)
def acr_of_password(target: Target) -> str:
    return _assurance(target.by_password(target.always, target.user(target.always))["AccessToken"])


@probe(
    "acr-of-totp",
    "A password with TOTP is level 4, by pwd, otp and mfa.",
    "Developer Guide, Authentication levels with ACR and AMR claims; rolled out since 2026",
    "urn:cognito:loa:4; mfa, otp, pwd",
    "None; ",
    undocumented=True,
)
def acr_of_totp(target: Target) -> str:
    user = target.user(target.always, totp=True)
    return _assurance(target.by_password(target.always, user)["AccessToken"])


@probe(
    "acr-of-device",
    "A device in place of the code has no word of its own.",
    "not documented: amr has no value for it",
    "urn:cognito:loa:1; pwd",
    "None; ",
    ANYTHING,
    undocumented=True,
)
def acr_of_device(target: Target) -> str:
    user = target.user(target.always, totp=True)
    device = target.confirm(target.by_srp(target.always, user)[1])
    return _assurance(target.by_srp(target.always, user, device)[1]["AccessToken"])


@probe(
    "acr-kept-at-refresh",
    "A refresh keeps auth_time, acr and amr.",
    "Developer Guide, Authentication levels with ACR and AMR claims",
    "same",
)
def acr_kept(target: Target) -> str:
    user = target.user(target.always)
    tokens = target.by_password(target.always, user)
    device = target.confirm(tokens)
    time.sleep(1.1)  # auth_time has whole seconds
    renewed = target.refresh(target.always, tokens, device.key)
    before, after = claims_of(tokens["AccessToken"]), claims_of(renewed["AccessToken"])
    kept = ("auth_time", "acr", "amr")
    differ = [name for name in kept if before.get(name) != after.get(name)]
    return names(differ) or "same"


@probe(
    "step-up-asks-remembered-device",
    "USER_AUTH with a target of level 4 asks a remembered device for the code.",
    "not documented: botocore's model says that Cognito attempts the level",
    "SOFTWARE_TOKEN_MFA",
    ANYTHING,
    undocumented=True,
)
def step_up(target: Target) -> str:
    user = target.user(target.always, totp=True)
    device = target.confirm(target.by_srp(target.always, user)[1])
    given = {
        "PREFERRED_CHALLENGE": "PASSWORD",
        "PASSWORD": PASSWORD,
        "DEVICE_KEY": device.key,
        "TARGET_ACR_VALUES": "urn:cognito:loa:4",
    }
    asked: list[str] = []
    error = refusal(
        lambda: asked.append(
            target.begin(target.always, user, "USER_AUTH", **given).get("ChallengeName", "tokens")
        )
    )
    return asked[0] if asked else error


@probe(
    "step-up-level-already-reached",
    "With an ACCESS_TOKEN that has reached the target nothing is asked, and auth_time stays.",
    "not documented: botocore's model says that the token's methods are credited",
    "tokens; auth_time stays",
    ANYTHING,
    undocumented=True,
)
def already_reached(target: Target) -> str:
    return _with_token(target, MAX_AGE="300")


@probe(
    "step-up-max-age-exceeded",
    "With an ACCESS_TOKEN older than MAX_AGE the sign-in starts anew.",
    "botocore model, AuthParameters",
    "SELECT_CHALLENGE",
    re.compile(r"PASSWORD\w*"),
)
def max_age_exceeded(target: Target) -> str:
    return _with_token(target, MAX_AGE="0")


def _with_token(target: Target, **given: str) -> str:
    """What USER_AUTH asks of a user at level 1 whose token is some seconds old, for level 1."""
    user = target.user(target.always)
    token = target.by_password(target.always, user)["AccessToken"]
    target.pace.wait(1.1)  # auth_time has whole seconds
    given |= {"ACCESS_TOKEN": token, "TARGET_ACR_VALUES": "urn:cognito:loa:1"}
    answers: list[Answer] = []
    error = refusal(lambda: answers.append(target.begin(target.always, user, "USER_AUTH", **given)))
    if not answers:
        return error
    if "AuthenticationResult" not in answers[0]:
        return str(answers[0].get("ChallengeName"))
    renewed = claims_of(answers[0]["AuthenticationResult"]["AccessToken"])
    stays = renewed.get("auth_time") == claims_of(token).get("auth_time")
    return f"tokens; auth_time {'stays' if stays else 'is new'}"


@probe(
    "step-up-by-not-remembered-device",
    "A device that is no longer remembered is asked for the code, and keeps its key.",
    "Developer Guide, Working with user devices",
    "PASSWORD_VERIFIER, SOFTWARE_TOKEN_MFA; same device: yes",
)
def no_longer_remembered(target: Target) -> str:
    user = target.user(target.always, totp=True)
    tokens = target.by_srp(target.always, user)[1]
    device = target.confirm(tokens)
    target.idp.update_device_status(
        AccessToken=tokens["AccessToken"],
        DeviceKey=device.key,
        DeviceRememberedStatus="not_remembered",
    )
    challenges, again = target.by_srp(target.always, user, device)
    same = claims_of(again["AccessToken"]).get("device_key") == device.key
    return f"{', '.join(challenges)}; same device: {yes(same)}"


@probe(
    "step-up-unknown-level",
    "A target without a level of the pool is an error.",
    "botocore model, AuthParameters; the kind of error is not documented",
    re.compile(r"InvalidParameterException: .*"),
    re.compile(r"\w+Exception: .*"),
    undocumented=True,
)
def unknown_level(target: Target) -> str:
    user = target.user(target.always)
    return refusal(
        lambda: target.begin(target.always, user, "USER_AUTH", TARGET_ACR_VALUES="urn:made-up")
    )


def _assurance(token: str) -> str:
    claims = claims_of(token)
    return f"{claims.get('acr')}; {names(claims.get('amr') or ())}"


@probe(
    "sign-in-device-key-claim",
    "The access token names the device that signed in, and goes on naming it when it is forgotten.",
    "amplify-js 13244",
    "new: yes; remembered: yes; after ForgetDevice: yes",
)
def device_key_claim(target: Target) -> str:
    user = target.user(target.always)
    tokens = target.by_srp(target.always, user)[1]
    device = target.confirm(tokens)
    again = target.by_srp(target.always, user, device)[1]["AccessToken"]
    target.idp.forget_device(AccessToken=again, DeviceKey=device.key)
    works = refusal(target.idp.list_devices, AccessToken=again) == "no error"
    facts = {
        "new": claims_of(tokens["AccessToken"]).get("device_key") == device.key,
        "remembered": claims_of(again).get("device_key") == device.key,
        "after ForgetDevice": works,
    }
    return "; ".join(f"{name}: {yes(fact)}" for name, fact in facts.items())
