"""Sessions: where a user is signed in."""

from __future__ import annotations

import re
from dataclasses import replace

from conformance.probe import ANYTHING, names, probe, refusal, scrubbed, yes
from conformance.target import Answer, Target

USER_AGENTS = {
    "Chrome on Windows": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 "
    "(KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
    "Edge on Windows": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 "
    "(KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36 Edg/126.0.0.0",
    "Safari on macOS": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/17.5 Safari/605.1.15",
    "Firefox on Linux": "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0",
    "Safari on iPhone": "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) "
    "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
    "Chrome on Android": "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 "
    "(KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36",
    "Amplify on Android": "aws-sdk-kotlin/1.2.0 ua/2.1 api/cognito-identity-provider#1.2.0 "
    "os/android#14 lang/kotlin#1.9.0",
    "Amplify on iOS": "amplify-swift/2.40.0 aws-sdk-swift/0.40.0 api/cognitoidentityprovider/1.0 "
    "os/iOS/17.5.0 lang/swift/5.9",
    "Python": "Boto3/1.44.1 md/Botocore#1.44.1 ua/2.0 os/linux#6.1 lang/python#3.12.4",
    "made up": "my-app",
}
GONE = re.compile(r"ResourceNotFoundException: .*")


def _sessions(target: Target, tokens: Answer) -> list[Answer]:
    listed: list[Answer] = target.idp.list_user_sessions(AccessToken=tokens["AccessToken"])[
        "Sessions"
    ]
    return listed


def _listed(target: Target, tokens: Answer, amount: int) -> list[Answer]:
    target.eventually(lambda: len(_sessions(target, tokens)) >= amount)
    return _sessions(target, tokens)


@probe(
    "session-members",
    "A session has these members, and no device key.",
    "botocore model, SessionDescriptionType",
    re.compile(
        r"ClientId, CreateDate, DeviceType, IsCurrentSession, LastActiveDate, LastIPAddress, "
        r"LastLocation, (OriginSessionId, )?SessionId, SessionType"
    ),
)
def members(target: Target) -> str:
    tokens = target.by_password(target.always, target.user(target.always))
    return names(_listed(target, tokens, 1)[0])


@probe(
    "session-id",
    "A session of a sign-in by the API is a token session, and the caller's own one is marked.",
    "botocore model, SessionIdType",
    "TOKEN; id: yes; current: yes",
)
def session_id(target: Target) -> str:
    tokens = target.by_password(target.always, target.user(target.always))
    (session,) = _listed(target, tokens, 1)
    form = re.fullmatch(r"tkn[a-z0-9]{25}", session["SessionId"])
    kind, current = session["SessionType"], session["IsCurrentSession"]
    return f"{kind}; id: {yes(form)}; current: {yes(current)}"


@probe(
    "session-own",
    "RevokeUserSession refuses the caller's own session.",
    "Developer Guide, Managing user sessions; the kind of error is not documented",
    re.compile(r"(InvalidParameter|NotAuthorized|OperationNotEnabled)Exception: .*"),
    GONE,
    undocumented=True,
)
def own(target: Target) -> str:
    tokens = target.by_password(target.always, target.user(target.always))
    (session,) = _listed(target, tokens, 1)
    return refusal(
        target.idp.revoke_user_session,
        AccessToken=tokens["AccessToken"],
        SessionId=session["SessionId"],
    )


@probe(
    "session-ended",
    "RevokeUserSession revokes the session's access token at once; a second one finds nothing.",
    "Developer Guide, Managing user sessions",
    re.compile(
        r"NotAuthorizedException: Access Token has been revoked; ResourceNotFoundException: .*"
    ),
    re.compile(r"NotAuthorizedException: Access Token has been revoked; no error"),
    undocumented=True,
)
def ended(target: Target) -> str:
    user = target.user(target.always)
    there, here = (target.by_password(target.always, user) for _ in "ab")
    other = next(one for one in _listed(target, here, 2) if not one["IsCurrentSession"])
    ask = {"AccessToken": here["AccessToken"], "SessionId": other["SessionId"]}
    target.idp.revoke_user_session(**ask, RevokeAssociatedSessions="LINKED")
    was = refusal(target.idp.list_devices, AccessToken=there["AccessToken"])
    return f"{was}; {refusal(target.idp.revoke_user_session, **ask)}"


@probe(
    "session-unknown",
    "RevokeUserSession of a session that is not the user's is ResourceNotFoundException.",
    "botocore model",
    GONE,
)
def unknown(target: Target) -> str:
    tokens = target.by_password(target.always, target.user(target.always))
    return refusal(
        target.idp.revoke_user_session,
        AccessToken=tokens["AccessToken"],
        SessionId="tkn" + "a" * 25,
    )


@probe(
    "session-rotation",
    "Rotation of the refresh token keeps the session; the replaced token is refused.",
    "botocore model, RefreshTokenReuseException; that the session stays is not documented",
    re.compile(r"sessions: 1, same: yes; RefreshTokenReuseException: .*"),
    re.compile(r"sessions: [12], same: no; RefreshTokenReuseException: .*"),
    undocumented=True,
)
def rotation(target: Target) -> str:
    pool = target.always
    rotating = replace(
        pool,
        any_client=target.make_client(
            {"UserPoolId": pool.id, "ClientName": "rotating"},
            ExplicitAuthFlows=["ALLOW_ADMIN_USER_PASSWORD_AUTH"],
            RefreshTokenRotation={"Feature": "ENABLED", "RetryGracePeriodSeconds": 0},
        ),
    )
    tokens = target.by_password(rotating, target.user(pool))
    device = target.confirm(tokens)
    before = _current(target, tokens)["SessionId"]
    ask = {"ClientId": rotating.any_client, "DeviceKey": device.key}
    ask["RefreshToken"] = tokens["RefreshToken"]
    renewed = target.idp.get_tokens_from_refresh_token(**ask)["AuthenticationResult"]
    after = _current(target, renewed)["SessionId"]
    left = len(_sessions(target, renewed))
    reused = refusal(target.idp.get_tokens_from_refresh_token, **ask)
    return f"sessions: {left}, same: {yes(before == after)}; {reused}"


@probe(
    "session-most",
    "Past MaxPerUser the least recently used session goes.",
    "botocore model, MaxSessionsPerUserType",
    "NotAuthorizedException: Access Token has been revoked; left: 1",
)
def most(target: Target) -> str:
    pool = target.from_template("always")
    _configure(target, pool.id, "ENABLED", 1)
    user = target.user(pool)
    first, second = (target.by_password(pool, user) for _ in "ab")
    was = refusal(target.idp.list_devices, AccessToken=first["AccessToken"])
    return f"{was}; left: {len(_sessions(target, second))}"


def _configure(target: Target, pool_id: str, tracking: str, most_per_user: int) -> None:
    target.admin.set_user_pool_session_configuration(
        UserPoolId=pool_id,
        UserSessionTracking=tracking,
        TokenSession={"MaxPerUser": most_per_user},
    )


@probe(
    "session-tracking-off",
    "While tracking is off, ListUserSessions says so or lists nothing.",
    "not documented",
    re.compile(
        r"(OperationNotEnabled|InvalidParameter|ResourceNotFound|NotAuthorized)Exception: .*"
    ),
    "no error",
    undocumented=True,
)
def off(target: Target) -> str:
    pool = target.from_template("always")
    _configure(target, pool.id, "DISABLED", 20)
    tokens = target.by_password(pool, target.user(pool))
    return refusal(target.idp.list_user_sessions, AccessToken=tokens["AccessToken"])


@probe(
    "session-device-type",
    "DeviceType is made of the User-Agent: operating system, and browser or app.",
    "botocore model; its form is not documented",
    ANYTHING,
    undocumented=True,
)
def device_types(target: Target) -> str:
    """`docs/device-names.md` reads whatever comes."""
    user = target.user(target.always)
    seen = []
    for name, user_agent in USER_AGENTS.items():
        _, tokens = target.as_program(user_agent).by_srp(target.always, user)
        one = _current(target, tokens)
        seen.append(f"{name}: {scrubbed(one['DeviceType'])}")
        target.idp.revoke_token(Token=tokens["RefreshToken"], ClientId=target.always.srp_client)
    return "; ".join(seen)


def _current(target: Target, tokens: Answer) -> Answer:
    def mine() -> list[Answer]:
        return [one for one in _sessions(target, tokens) if one["IsCurrentSession"]]

    target.eventually(lambda: bool(mine()))
    return mine()[0]


@probe(
    "session-client-default",
    "An app client's SSO session is valid for 60 minutes until it is set.",
    "botocore model, GetUserPoolClientSessionConfiguration",
    "60",
)
def client_default(target: Target) -> str:
    answer = target.admin.get_user_pool_client_session_configuration(
        UserPoolId=target.always.id, ClientId=target.always.any_client
    )
    return str(answer["SSOSession"]["MaxValidityMinutes"])


@probe(
    "session-tier",
    "Session tracking needs the Essentials or the Plus tier.",
    "botocore model",
    re.compile(r"FeatureUnavailableInTierException: .*"),
)
def tier(target: Target) -> str:
    pool_id = target.make_pool("lite", UserPoolTier="LITE")
    return refusal(lambda: _configure(target, pool_id, "ENABLED", 20))
