"""`/_local/*`: what tests and scripts ask of this server. Not Cognito's.

Bodies are JSON objects; unknown members, wrong types and wrong values are 400 with
``{"error": "..."}``. The package's docstring has the table of calls.
"""

from __future__ import annotations

import base64
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import pyotp
from moto.cognitoidp.models import CognitoIdpUser
from moto.core.exceptions import JsonRESTError
from werkzeug.wrappers import Request, Response

from local_cognito import assurance, factors, srp
from local_cognito.caller import Caller, calling, current_caller
from local_cognito.devices import find_device, offer_device, set_remembered, track
from local_cognito.errors import CognitoError
from local_cognito.faults import EVERY_OPERATION, JWKS, KINDS, MAX_SECONDS, Fault
from local_cognito.parameters import operation_names
from local_cognito.pools import ISSUER_HOSTS, TrackedUserPool
from local_cognito.realm import Realm, create_user
from local_cognito.seed import DEMO_USERNAME, POOL_ID, SeedUser
from local_cognito.session_tracking import Location, UserSession
from local_cognito.sessions import tokens_of

Body = dict[str, Any]
MAX_SIGN_INS = 1000
# The types of members, as Python sees JSON.
TEXT, WHOLE, NUMBER, FLAG, OBJECT, ANYTHING = str, int, (int, float), bool, dict, object


class BadRequestError(Exception):
    """The call does not take this body."""


def answer(request: Request, realm: Realm, reset: Callable[[], None]) -> Response:
    """Finds the call by method and path. 404 for no such path, 405 for no such method."""
    if request.path == "/_local/reset" and request.method == "POST":
        reset()
        return _json({"reset": True})
    methods = CALLS.get(request.path)
    if methods is None:
        return _json({"error": f"There is no {request.path}"}, 404)
    call = methods.get(request.method)
    if call is None:
        allowed = ", ".join(methods)
        return _json({"error": f"{request.path} takes {allowed}"}, 405, {"Allow": allowed})
    try:
        return _json(call(realm, _body(request)))
    except BadRequestError as refusal:
        return _json({"error": str(refusal)}, 400)
    except CognitoError as error:
        return _json({"error": f"{error.type}: {error.message}"}, 400)
    except JsonRESTError as error:
        return _json({"error": f"{error.error_type}: {error.message}"}, 400)


def _json(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(
        json.dumps(content), status=status, headers=headers, content_type="application/json"
    )


def _body(request: Request) -> Body:
    try:
        body = json.loads(request.get_data() or b"{}")
    except ValueError:
        raise BadRequestError("The body is not JSON") from None
    if not isinstance(body, dict):
        raise BadRequestError("The body is not a JSON object")
    return body


def _take(body: Body, /, **members: Any) -> None:
    """Checks members and their types, by a table of name → type, or of name → types."""
    unknown = sorted(set(body) - set(members))
    if unknown:
        raise BadRequestError(
            f"Unknown member {unknown[0]!r}; there are {', '.join(sorted(members))}"
        )
    for name, value in body.items():
        wanted = members[name]
        flag_as_number = isinstance(value, bool) and wanted in (WHOLE, NUMBER)
        if value is not None and (flag_as_number or not isinstance(value, wanted)):
            raise BadRequestError(f"{name!r} has the wrong type")


def _between(body: Body, name: str, low: float, high: float) -> None:
    value = body.get(name)
    if value is not None and not low <= value <= high:
        raise BadRequestError(f"{name!r} must be from {low} to {high}")


def _needed(body: Body, name: str) -> Any:
    value = body.get(name)
    if value is None or value == "":
        raise BadRequestError(f"{name!r} is required")
    return value


def _pool(realm: Realm, body: Body) -> TrackedUserPool:
    return realm.pools.pool(body.get("pool") or POOL_ID)


# Faults


def add_fault(realm: Realm, body: Body) -> Body:
    kind = _needed(body, "fault")
    if kind not in KINDS:
        raise BadRequestError(f"'fault' must be one of {', '.join(KINDS)}")
    types = {
        "seconds": NUMBER,
        "type": TEXT,
        "message": TEXT,
        "status": WHOLE,
        "body": ANYTHING,
    }
    own = {name: types[name] for name in KINDS[kind].fields}
    _take(body, operation=TEXT, fault=TEXT, times=WHOLE, **own)
    operation = _needed(body, "operation")
    if operation not in (EVERY_OPERATION, JWKS, *operation_names()):
        raise BadRequestError(
            f"{operation!r} is neither an operation of Cognito, nor '*', nor 'jwks'"
        )
    _between(body, "times", 1, 1_000_000)
    _between(body, "seconds", 0, MAX_SECONDS)
    _between(body, "status", 400, 599)
    if kind == "error":
        _needed(body, "type")
    fault = Fault(**{k: v for k, v in body.items() if v is not None or k == "times"})
    realm.faults.add(fault)
    return fault.shown()


def show_faults(realm: Realm, body: Body) -> Body:
    return {"faults": realm.faults.shown()}


def clear_faults(realm: Realm, body: Body) -> Body:
    realm.faults.clear()
    return show_faults(realm, body)


# Calls


def show_calls(realm: Realm, body: Body) -> dict[str, int]:
    return realm.calls.shown()


def clear_calls(realm: Realm, body: Body) -> dict[str, int]:
    realm.calls.clear()
    return show_calls(realm, body)


# Keys and tokens


def rotate_keys(realm: Realm, body: Body) -> Body:
    _take(body, pool=TEXT)
    pools = [_pool(realm, body)] if body.get("pool") else realm.pools.all()
    for pool in pools:
        pool.keys.rotate()
    return {"keys": {pool.id: [key["kid"] for key in pool.keys.jwks()["keys"]] for pool in pools}}


def switch_issuer(realm: Realm, body: Body) -> Body:
    """As UpdateUserPool with IssuerConfiguration does, which sets all else back to defaults."""
    _take(body, type=TEXT, pool=TEXT)
    pool = _pool(realm, body)
    issuer_type = _needed(body, "type")
    if issuer_type not in ISSUER_HOSTS:
        raise BadRequestError(f"'type' must be one of {', '.join(ISSUER_HOSTS)}")
    pool.config["IssuerConfiguration"] = {"Type": issuer_type}
    return {"issuer": pool.issuer}


def make_token(realm: Realm, body: Body) -> Body:
    """A token like a new access token of that user's new device, but for the overrides."""
    _take(body, claims=OBJECT, header=OBJECT, username=TEXT, pool=TEXT, client_id=TEXT)
    pool = _pool(realm, body)
    user = pool.get_user(body.get("username") or DEMO_USERNAME)
    client_id = _client_id(pool, body)
    methods = assurance.methods_of(pool, user)
    if pool.device_configuration is None:
        family = pool.open_family(client_id, user, methods)
    else:
        family, _ = offer_device(pool, client_id, user, methods)
    claims = pool.access_claims(family) | (body.get("claims") or {})
    claims = {name: value for name, value in claims.items() if value is not None}
    return {"token": pool.keys.sign(claims, body.get("header")), "claims": claims}


def _client_id(pool: TrackedUserPool, body: Body) -> str:
    client_id: str = body.get("client_id") or next(iter(pool.clients))
    if client_id not in pool.clients:
        raise BadRequestError(f"{client_id!r} is not a client of {pool.id}")
    return client_id


def set_acr(realm: Realm, body: Body) -> Body:
    """Whether the pool's tokens have `acr` and `amr`: AWS has not given them to all pools yet."""
    _take(body, enabled=FLAG, pool=TEXT)
    pool = _pool(realm, body)
    pool.has_acr = bool(_needed(body, "enabled"))
    return {"enabled": pool.has_acr}


# Users and their sign-ins


def add_user(realm: Realm, body: Body) -> Body:
    _take(body, username=TEXT, password=TEXT, totp=FLAG, attributes=OBJECT, pool=TEXT)
    username, password = _needed(body, "username"), _needed(body, "password")
    totp_secret = pyotp.random_base32() if body.get("totp") else None
    seed = SeedUser(username, password, totp_secret)
    attributes = [{"Name": n, "Value": v} for n, v in (body.get("attributes") or {}).items()]
    sub = create_user(realm.pools, _pool(realm, body), seed, attributes=attributes)
    return {"username": username, "sub": sub, "totp_secret": totp_secret}


def sign_in(realm: Realm, body: Body) -> Body:
    """One sign-in from a new device, or `count` of them under "sign_ins"."""
    _take(
        body,
        username=TEXT,
        device_name=TEXT,
        remember=FLAG,
        track=FLAG,
        count=WHOLE,
        pool=TEXT,
        client_id=TEXT,
        address=TEXT,
        user_agent=TEXT,
    )
    _between(body, "count", 1, MAX_SIGN_INS)
    count = body.get("count")
    with calling(_caller(body)):
        if count is None:
            return _sign_in_once(realm, body)
        return {"sign_ins": [_sign_in_once(realm, body) for _ in range(count)]}


def _caller(body: Body) -> Caller:
    """Where the body says that a call comes from, and the real sender where it does not say."""
    sender = current_caller()
    user_agent = body.get("user_agent")
    return Caller(
        body.get("address") or sender.address,
        sender.user_agents if user_agent is None else (user_agent,),
    )


def _sign_in_once(realm: Realm, body: Body) -> Body:
    pool = _pool(realm, body)
    user = pool.get_user(body.get("username") or DEMO_USERNAME)
    client_id = _client_id(pool, body)
    methods = assurance.methods_of(pool, user)
    if pool.device_configuration is None:
        return _as_answer(tokens_of(pool, pool.open_family(client_id, user, methods)))
    family, offer = offer_device(pool, client_id, user, methods)
    device_key, group_key = offer["DeviceKey"], offer["DeviceGroupKey"]
    answer = _as_answer(tokens_of(pool, family)) | {
        "device_key": device_key,
        "device_group_key": group_key,
    }
    if body.get("track") is False:
        return answer
    password, salt = base64.b64encode(secrets.token_bytes(40)).decode(), srp.new_salt()
    track(
        pool,
        family,
        device_key,
        salt=salt,
        verifier=srp.verifier(group_key, device_key, password, salt),
        name=body.get("device_name"),
        caller_ip=current_caller().address,
    )
    device = find_device(pool, user.id, device_key)
    if device is not None and body.get("remember", True) is not device.remembered:
        set_remembered(pool, device, not device.remembered)
    return answer | {"device_password": password}


def _as_answer(tokens: Body) -> Body:
    return {
        "access_token": tokens["AccessToken"],
        "id_token": tokens["IdToken"],
        "refresh_token": tokens["RefreshToken"],
        "expires_in": tokens["ExpiresIn"],
        "device_key": None,
        "device_group_key": None,
        "device_password": None,
    }


def managed_login(realm: Realm, body: Body) -> Body:
    """A browser signs in at the managed login, and `count` apps get their tokens through that.

    With `session_id` the browser is one that has signed in before. Such tokens name no device.
    """
    _take(
        body,
        username=TEXT,
        session_id=TEXT,
        count=WHOLE,
        pool=TEXT,
        client_id=TEXT,
        address=TEXT,
        user_agent=TEXT,
    )
    _between(body, "count", 1, MAX_SIGN_INS)
    pool = _pool(realm, body)
    user = pool.get_user(body.get("username") or DEMO_USERNAME)
    client_id = _client_id(pool, body)
    sign_ins = []
    with calling(_caller(body)):
        session = _sso_session(pool, user, client_id, body.get("session_id"))
        for _ in range(body.get("count") or 1):
            family = pool.open_family(client_id, user, assurance.methods_of(pool, user))
            if session is not None:
                pool.session_tracking.link(family, session)
            sign_ins.append(_as_answer(tokens_of(pool, family)))
    return {"session_id": session.id if session else None, "sign_ins": sign_ins}


def _sso_session(
    pool: TrackedUserPool, user: CognitoIdpUser, client_id: str, session_id: str | None
) -> UserSession | None:
    """The one named, or a new one; None where the pool tracks no sessions."""
    if session_id is None:
        tracked = pool.session_tracking.enabled
        return pool.session_tracking.begin_sso(user.id, client_id) if tracked else None
    session = pool.session_tracking.find(user.id, session_id)
    if session is None or session.family is not None:
        raise BadRequestError(f"{session_id!r} is not an SSO session of {user.username}")
    return session


def age_device(realm: Realm, body: Body) -> Body:
    """Makes a tracked device older than it is: nothing else here is old enough to expire."""
    _take(body, device_key=TEXT, days=WHOLE, username=TEXT, pool=TEXT)
    _between(body, "days", 0, 3650)
    pool = _pool(realm, body)
    user = pool.get_user(body.get("username") or DEMO_USERNAME)
    device = find_device(pool, user.id, _needed(body, "device_key"))
    if device is None:
        raise BadRequestError(f"'device_key' is no device of {user.username}")
    device.created = time.time() - _needed(body, "days") * 86_400
    return {"device_key": device.key, "created": device.created}


def locate(realm: Realm, body: Body) -> Body:
    """Says where an address is, or every one that nothing else is said of."""
    _take(body, address=TEXT, city=TEXT, country=TEXT)
    location: Location = {"City": body.get("city"), "Country": _needed(body, "country")}
    realm.pools.locations.place(body.get("address"), location)
    return {"address": body.get("address"), "location": location}


# Second factors and triggers


def show_codes(realm: Realm, body: Body) -> Body:
    """The codes of messages, in the order that Cognito would have sent them."""
    return {"codes": [asdict(sent) for pool in realm.pools.all() for sent in pool.sent_codes]}


def totp_code(realm: Realm, body: Body) -> Body:
    _take(body, username=TEXT, pool=TEXT)
    pool = _pool(realm, body)
    code = factors.unused_totp_code(pool, pool.get_user(body.get("username") or DEMO_USERNAME))
    if code is None:
        raise BadRequestError("No authenticator app, or its three codes of now are used: wait 30 s")
    return {"code": code}


def set_custom_auth(realm: Realm, body: Body) -> Body:
    _take(body, answer=TEXT, pool=TEXT)
    pool = _pool(realm, body)
    pool.custom_auth_answer = body.get("answer")
    return {"answer": pool.custom_auth_answer}


CALLS: dict[str, dict[str, Callable[[Realm, Body], Any]]] = {
    "/_local/faults": {"GET": show_faults, "POST": add_fault, "DELETE": clear_faults},
    "/_local/calls": {"GET": show_calls, "DELETE": clear_calls},
    "/_local/rotate-keys": {"POST": rotate_keys},
    "/_local/issuer": {"POST": switch_issuer},
    "/_local/tokens": {"POST": make_token},
    "/_local/acr": {"POST": set_acr},
    "/_local/users": {"POST": add_user},
    "/_local/sign-in": {"POST": sign_in},
    "/_local/managed-login": {"POST": managed_login},
    "/_local/devices": {"POST": age_device},
    "/_local/location": {"POST": locate},
    "/_local/codes": {"GET": show_codes},
    "/_local/totp": {"POST": totp_code},
    "/_local/custom-auth": {"POST": set_custom_auth},
    # POST only. `answer` does it itself, since it replaces the realm that the others are given.
    "/_local/reset": {"POST": show_calls},
}
