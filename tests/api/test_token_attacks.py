"""Tokens that must not get in: each with the answer of the contract, and none seen by Cognito."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from app.auth.verifier import NOT_ONE_OF_THIS_POOL, REFUSALS
from tests.api.client import ApiClient
from tests.api.conftest import CURRENT, Start
from tests.api.jwks_server import JwksServer
from tests.api.tokens import (
    CLIENT_ID,
    DEVICES_SCOPE,
    ISSUER,
    OTHER_CLIENT_ID,
    POOL_ID,
    SigningKey,
    access_claims,
    sign,
)
from tests.calls import CHALLENGES, assert_problem

HOUR = 3600


@dataclass(frozen=True)
class Forge:
    """What an attacker may have: the pool's public key, keys of their own, and good tokens."""

    pool_key: SigningKey
    strangers_key: SigningKey
    strangers_jwks: JwksServer

    def good(self, **changes: Any) -> str:
        """Signed by the pool itself, so that only what is changed can be wrong."""
        return self.carrying(access_claims(**{"device_key": CURRENT} | changes))

    def headed(self, **headers: Any) -> str:
        """Signed by the pool itself, with other header fields; one that is `...` is left out."""
        header = {"typ": "JWT", "alg": "RS256", "kid": self.pool_key.kid} | headers
        return self.signed({name: value for name, value in header.items() if value is not ...})

    def signed(self, header: Any, payload: Any = None) -> str:
        """Any header and any payload under the pool's own RS256 signature."""
        signing_input = f"{part(header)}.{part(access_claims() if payload is None else payload)}"
        signature = self.pool_key.private.sign(signing_input.encode(), padding.PKCS1v15(), SHA256())
        return f"{signing_input}.{encoded(signature)}"

    def carrying(self, payload: Any) -> str:
        return self.signed({"alg": "RS256", "kid": self.pool_key.kid}, payload)

    def strangers(self, **headers: Any) -> str:
        return sign(access_claims(), self.strangers_key, headers=headers)


def encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def part(content: Any) -> str:
    """A part of a token: bytes as they are, anything else as JSON."""
    return encoded(content if isinstance(content, bytes) else json.dumps(content).encode())


def now() -> int:
    return int(time.time())


def of_hs256(forge: Forge) -> str:
    """With the public key for a secret; by hand, for PyJWT will not."""
    public_key = forge.pool_key.private.public_key()
    secret = public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    signing_input = f"{part({'alg': 'HS256', 'kid': forge.pool_key.kid})}.{part(access_claims())}"
    return f"{signing_input}.{encoded(hmac.digest(secret, signing_input.encode(), hashlib.sha256))}"


def of_es256(forge: Forge) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    return jwt.encode(access_claims(), key, "ES256", headers={"kid": forge.pool_key.kid})


def with_claims_of_another(forge: Forge) -> str:
    """Head and signature of one good token around the claims of another."""
    header, _, signature = forge.good().split(".")
    return f"{header}.{part(access_claims(sub='the-victim'))}.{signature}"


SIGNATURES: dict[str, Callable[[Forge], str]] = {
    "alg none": lambda f: f.headed(alg="none").rpartition(".")[0] + ".",
    "alg none around a good signature": lambda f: f.headed(alg="none"),
    "alg missing": lambda f: f.headed(alg=...),
    "HS256 with the public key in PEM": of_hs256,
    "RS384 by the pool's key": lambda f: sign(access_claims(), f.pool_key, algorithm="RS384"),
    "ES256 under the pool's kid": of_es256,
    "another RSA key under the pool's kid": lambda f: f.strangers(),
    "claims of another token": with_claims_of_another,
    "signature missing": lambda f: f.good().rpartition(".")[0] + ".",
    "kid missing": lambda f: f.headed(kid=...),
    "kid a number": lambda f: f.headed(kid=1),
    "kid unknown": lambda f: f.headed(kid="unknown"),
    "jku to the attacker": lambda f: f.strangers(kid="new", jku=f.strangers_jwks.url),
    "x5u to the attacker": lambda f: f.strangers(kid="new", x5u=f.strangers_jwks.url),
    "jwk of the attacker": lambda f: f.strangers(jwk=f.strangers_key.jwk()),
    "crit unknown": lambda f: f.headed(crit=["http://example.com/x"]),
}

SHAPES: dict[str, Callable[[Forge], str]] = {
    "one part": lambda f: "guess",
    "five parts, as a refresh token": lambda f: "eyJlbmMiOiJBMjU2R0NNIn0.a.b.c.d",
    "header a list": lambda f: f.signed([["alg", "RS256"]]),
    "header not UTF-8": lambda f: f.signed(b'{"alg":"\xff"}'),
    "header nested too deeply": lambda f: f.signed(b"[" * 5000),
    "padded with =": lambda f: f.good() + "==",
    "claims not JSON": lambda f: f.carrying(b"sub=me"),
    "claims a list": lambda f: f.carrying([access_claims()]),
    "as long as a header may be": lambda f: "a." * 8000 + "a",
}


def changed(**changes: Any) -> Callable[[Forge], str]:
    """A token of the pool's own with other claims; a function gives the claim when it is needed."""
    return lambda forge: forge.good(
        **{name: value() if callable(value) else value for name, value in changes.items()}
    )


MISTYPED: dict[str, Any] = {"missing": ..., "null": None, "a list": []}

CLAIMS: dict[str, Callable[[Forge], str]] = {
    "of another pool": changed(iss=ISSUER.replace(POOL_ID, "eu-west-1_Other1234")),
    "issuer that only begins so": changed(iss=f"{ISSUER}.attacker.example"),
    "of another client": changed(client_id=OTHER_CLIENT_ID),
    "an ID token": changed(token_use="id", aud=CLIENT_ID, client_id=..., scope=...),
    "expired a minute ago": changed(exp=lambda: now() - 60),
    "exp beyond a day": changed(exp=lambda: now() + 25 * HOUR),
    "exp infinite": changed(exp=float("inf")),
    "exp not a number": changed(exp=float("nan")),
    "exp a string of digits": changed(exp=lambda: str(now() + HOUR)),
    "issued in an hour": changed(iat=lambda: now() + HOUR),
    "iat with a fraction": changed(iat=lambda: now() - 60.5),
    "not valid for an hour": changed(nbf=lambda: now() + HOUR),
    "sub empty": changed(sub=""),
    "sub half a surrogate pair": changed(sub="\ud800"),
    "scope in a list": changed(scope=[DEVICES_SCOPE]),
    "device_key no device key": changed(device_key="my-phone"),
    "device_key a number": changed(device_key=1),
} | {
    f"{claim} {kind}": changed(**{claim: value})
    for claim in ("iss", "sub", "exp", "iat", "token_use", "client_id")
    for kind, value in MISTYPED.items()
}

ATTACKS = {"signature": SIGNATURES, "shape": SHAPES, "claims": CLAIMS}


@pytest.fixture(scope="module")
def strangers_jwks(strangers_key: SigningKey) -> Iterator[JwksServer]:
    """A key set that an attacker publishes."""
    server = JwksServer(strangers_key, SigningKey("new", strangers_key.private))
    yield server
    server.close()


@pytest.fixture
def forge(pool_key: SigningKey, strangers_key: SigningKey, strangers_jwks: JwksServer) -> Forge:
    return Forge(pool_key, strangers_key, strangers_jwks)


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(make, id=f"{group} - {name} -> 401 invalid-token")
        for group, attacks in ATTACKS.items()
        for name, make in attacks.items()
    ],
)
def test_refused(api: ApiClient, forge: Forge, make: Callable[[Forge], str]) -> None:
    token = make(forge)
    response = api.with_token(token).get("/devices/current")
    problem = assert_problem(response, 401, "invalid-token")
    assert problem["detail"] in {*REFUSALS.values(), NOT_ONE_OF_THIS_POOL}
    challenge = '{}, error_description="{}"'.format(CHALLENGES["invalid-token"], problem["detail"])
    assert response.headers["WWW-Authenticate"] == challenge
    if len(token) > 10:
        assert token[:4000] not in response.text
    assert api.cognito.calls == []
    assert forge.strangers_jwks.fetches == 0


@pytest.mark.parametrize(
    "scope", [..., "openid", f"{DEVICES_SCOPE}istrator", f"openid,{DEVICES_SCOPE}"]
)
def test_lacks_the_scope(api: ApiClient, forge: Forge, scope: Any) -> None:
    response = api.with_token(forge.good(scope=scope)).get("/devices/current")
    problem = assert_problem(response, 403, "insufficient-scope")
    assert DEVICES_SCOPE in problem["detail"]
    assert api.cognito.calls == []


@pytest.mark.parametrize(
    "written",
    [
        *("", "Bearer", "{}", "Token {}", "Bearer{}", "Bearer\t{}", "Bearer\xa0{}", 'Bearer "{}"'),
        *("Bearer {} junk", "Bearer {}é", 'Bearer token="{}"', None),
        *("Bearer {0}, Bearer {0}", "Bearer {}, Basic x"),  # two headers, as the server joins them
    ],
)
def test_malformed_header(api: ApiClient, forge: Forge, written: str | None) -> None:
    sent = written and written.format(forge.good())
    response = api.with_authorization(sent).get("/devices/current")
    assert_problem(response, 401, "missing-token")
    assert api.cognito.calls == []


def test_a_token_elsewhere_counts_for_nothing(api: ApiClient, forge: Forge) -> None:
    """RFC 6750 sections 2.2 and 2.3 allow body and query; an address is logged everywhere."""
    anonymous, token = api.with_authorization(None), forge.good()
    anonymous.set_cookie("access_token", token)
    responses = [
        anonymous.get("/devices", query_string={"access_token": token}),
        anonymous.post("/devices/sign-out", data={"access_token": token}),
        anonymous.patch("/devices/current", json={"access_token": token}),
        anonymous.get("/devices", headers={"Proxy-Authorization": f"Bearer {token}"}),
    ]
    for response in responses:
        assert_problem(response, 401, "missing-token")
    assert api.cognito.calls == []


# What must get in all the same


ACCEPTED: dict[str, Callable[[], dict[str, Any]]] = {
    "one of several scopes": lambda: {"scope": f"openid {DEVICES_SCOPE} email"},
    "valid for a day, the most that Cognito allows": lambda: {"exp": now() + 24 * HOUR},
    "of the issuer's other form, for a pool may have switched": lambda: {
        "iss": ISSUER.replace("cognito-idp", "issuer-cognito-idp")
    },
    "for a resource, as a pre token generation trigger may make it": lambda: {
        "aud": "https://api.example.com"
    },
    "of ninety groups, of nearly 16 KiB": lambda: {
        "cognito:groups": [f"group-{number:0110}" for number in range(90)]
    },
}


@pytest.mark.parametrize("changes", ACCEPTED.values(), ids=ACCEPTED)
def test_accepted(api: ApiClient, forge: Forge, changes: Callable[[], dict[str, Any]]) -> None:
    assert api.with_token(forge.good(**changes())).get("/devices").status_code == 200


def test_clocks_may_differ_by_a_little(start: Start, forge: Forge) -> None:
    api = start(TOKEN_LEEWAY="60")
    for changes in ({"exp": now() - 10}, {"iat": now() + 40}):
        assert api.with_token(forge.good(**changes)).get("/devices").status_code == 200


@pytest.mark.parametrize("scheme", ["bEaReR", "Bearer "])
def test_the_scheme_is_not_case_sensitive(api: ApiClient, forge: Forge, scheme: str) -> None:
    authorization = f"{scheme} {forge.good()}"
    assert api.with_authorization(authorization).get("/devices").status_code == 200


def test_where_a_good_token_says_its_key_is_does_not_matter(api: ApiClient, forge: Forge) -> None:
    """The key is the pool's, whatever the header says besides."""
    token = forge.headed(jku=forge.strangers_jwks.url, jwk=forge.strangers_key.jwk())
    assert api.with_token(token).get("/devices").status_code == 200
    assert forge.strangers_jwks.fetches == 0
