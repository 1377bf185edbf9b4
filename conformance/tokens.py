"""Tokens: claims, keys, refreshing and revoking."""

from __future__ import annotations

import re

from conformance.probe import ANYTHING, names, probe, refusal, yes
from conformance.target import Target, claims_of

BOUND = re.compile(r"NotAuthorizedException: Invalid Refresh Token\.?")
REVOKED = "NotAuthorizedException: Access Token has been revoked"
CLAIMS = [
    *("auth_time", "client_id", "device_key", "event_id", "exp", "iat", "iss", "jti"),
    *("origin_jti", "scope", "sub", "token_use", "username"),
]


@probe(
    "token-claims",
    "An access token has these claims, and acr and amr where AWS has rolled them out.",
    "Developer Guide, Understanding the access token",
    names(CLAIMS),
    names([*CLAIMS, "acr", "amr"]),
    undocumented=True,
)
def claims(target: Target) -> str:
    tokens = target.by_password(target.always, target.user(target.always))
    return names(claims_of(tokens["AccessToken"]))


@probe(
    "token-scope",
    "A sign-in by the API has the scope aws.cognito.signin.user.admin, and no other.",
    "Developer Guide, Understanding the access token",
    "aws.cognito.signin.user.admin",
)
def scope(target: Target) -> str:
    tokens = target.by_password(target.always, target.user(target.always))
    return str(claims_of(tokens["AccessToken"])["scope"])


@probe(
    "token-key-set",
    "The issuer has a set of two RSA keys, one of which signed.",
    "Developer Guide, Verifying JSON web tokens",
    "200; keys: 2; kty: RSA; signed: yes",
)
def key_set(target: Target) -> str:
    tokens = target.by_password(target.always, target.user(target.always))
    answer = target.key_set_of(claims_of(tokens["AccessToken"])["iss"])
    keys = answer.json()["keys"]
    signed = _header_of(tokens["AccessToken"])["kid"] in [one["kid"] for one in keys]
    kinds = names({one["kty"] for one in keys})
    return f"{answer.status_code}; keys: {len(keys)}; kty: {kinds}; signed: {yes(signed)}"


def _header_of(token: str) -> dict[str, str]:
    return claims_of(f".{token}")


@probe(
    "token-other-issuer",
    "The key address of the other issuer is 403 while the pool has not switched.",
    "aws-jwt-verify 279",
    "403",
    "200",
    undocumented=True,
)
def other_issuer(target: Target) -> str:
    tokens = target.by_password(target.always, target.user(target.always))
    issuer = claims_of(tokens["AccessToken"])["iss"]
    other = issuer.replace("//cognito-idp", "//issuer-cognito-idp")
    return str(target.key_set_of(other).status_code)


@probe(
    "token-refresh-before-confirm",
    "A refresh token renews nothing before its new device is confirmed.",
    "amplify-android 2506; amplify-js 2962",
    BOUND,
)
def refresh_before_confirm(target: Target) -> str:
    tokens = target.by_password(target.always, target.user(target.always))
    key = tokens["NewDeviceMetadata"]["DeviceKey"]
    return refusal(lambda: target.refresh(target.always, tokens, key))


@probe(
    "token-refresh-needs-device",
    "A refresh of a confirmed device names the device.",
    "amplify-js 2962",
    re.compile(r"with: no error; without: NotAuthorizedException: Invalid Refresh Token\.?"),
)
def refresh_needs_device(target: Target) -> str:
    tokens = target.by_password(target.always, target.user(target.always))
    key = target.confirm(tokens).key
    named = refusal(lambda: target.refresh(target.always, tokens, key))
    unnamed = refusal(lambda: target.refresh(target.always, tokens, None))
    return f"with: {named}; without: {unnamed}"


@probe(
    "token-refresh-after-forget",
    "A refresh token renews nothing after ForgetDevice.",
    "amplify-android 2506",
    BOUND,
)
def refresh_after_forget(target: Target) -> str:
    tokens = target.by_password(target.always, target.user(target.always))
    key = target.confirm(tokens).key
    target.idp.forget_device(AccessToken=tokens["AccessToken"], DeviceKey=key)
    return refusal(lambda: target.refresh(target.always, tokens, key))


@probe(
    "token-after-sign-out",
    "GlobalSignOut revokes access tokens at once, and refresh tokens.",
    "Developer Guide, Revoking tokens",
    re.compile(rf"{REVOKED}; NotAuthorizedException: Refresh Token has been revoked"),
)
def after_sign_out(target: Target) -> str:
    tokens = target.by_password(target.always, target.user(target.always))
    key = target.confirm(tokens).key
    target.idp.global_sign_out(AccessToken=tokens["AccessToken"])
    access = refusal(target.idp.list_devices, AccessToken=tokens["AccessToken"])
    return f"{access}; {refusal(lambda: target.refresh(target.always, tokens, key))}"


@probe(
    "token-devices-after-sign-out",
    "GlobalSignOut forgets no device.",
    "Developer Guide, Working with user devices",
    "1",
)
def devices_after_sign_out(target: Target) -> str:
    user = target.user(target.always)
    tokens = target.by_password(target.always, user)
    target.confirm(tokens)
    target.idp.global_sign_out(AccessToken=tokens["AccessToken"])
    return str(len(target.listed(target.by_password(target.always, user))))


@probe(
    "token-revoked",
    "RevokeToken revokes the access tokens of the same sign-in.",
    "API reference, RevokeToken",
    REVOKED,
)
def revoked(target: Target) -> str:
    tokens = target.by_password(target.always, target.user(target.always))
    target.idp.revoke_token(Token=tokens["RefreshToken"], ClientId=target.always.any_client)
    return refusal(target.idp.list_devices, AccessToken=tokens["AccessToken"])


@probe(
    "token-forged",
    "A token whose signature does not verify, and one that is none, are NotAuthorizedException.",
    "amplify-js; the messages are quoted in many reports",
    "NotAuthorizedException: Could not verify signature for Access Token; "
    "NotAuthorizedException: Invalid Access Token",
    re.compile(r"NotAuthorizedException: [^;]*; NotAuthorizedException: .*"),
    undocumented=True,
)
def forged(target: Target) -> str:
    token = target.by_password(target.always, target.user(target.always))["AccessToken"]
    head, payload, signature = token.split(".")
    changed = f"{head}.{payload}.{signature[:10]}{signature[:-10][::-1]}"
    answers = (refusal(target.idp.list_devices, AccessToken=it) for it in (changed, "a.b.c"))
    return "; ".join(answers)


@probe(
    "token-of-id",
    "An ID token is no access token.",
    "Developer Guide, Understanding user pool JSON web tokens",
    re.compile(r"NotAuthorizedException: .*"),
)
def of_id(target: Target) -> str:
    token = target.by_password(target.always, target.user(target.always))["IdToken"]
    return refusal(target.idp.list_devices, AccessToken=token)


@probe(
    "token-of-deleted-user",
    "The token of a deleted user is refused.",
    "botocore model: UserNotFoundException, NotAuthorizedException",
    re.compile(r"UserNotFoundException: .*"),
    re.compile(r"NotAuthorizedException: .*"),
    undocumented=True,
)
def of_deleted_user(target: Target) -> str:
    user = target.user(target.always)
    token = target.by_password(target.always, user)["AccessToken"]
    target.admin.admin_delete_user(UserPoolId=target.always.id, Username=user.name)
    return refusal(target.idp.list_devices, AccessToken=token)


@probe(
    "token-of-disabled-user",
    "The token of a disabled user is refused.",
    "API reference, AdminDisableUser; the message is not documented",
    re.compile(r"NotAuthorizedException: .*"),
    ANYTHING,
    undocumented=True,
)
def of_disabled_user(target: Target) -> str:
    user = target.user(target.always)
    token = target.by_password(target.always, user)["AccessToken"]
    target.admin.admin_disable_user(UserPoolId=target.always.id, Username=user.name)
    return refusal(target.idp.list_devices, AccessToken=token)
