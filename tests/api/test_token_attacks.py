"""Tokens that must not get in: each with the answer of the contract, and none seen by Cognito.

`pytest -vv` on this file prints the table of attacks. Any value of any claim and any header field:
tests/unit/auth/test_verifier.py.
"""

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
from cryptography.hazmat.primitives.serialization import Encoding
from werkzeug.datastructures import Headers

from tests.api.client import ApiClient, assert_problem
from tests.api.conftest import CURRENT, Start
from tests.api.fake_cognito import FakeCognito
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

HOUR = 3600
INVALID_TOKEN = 'Bearer error="invalid_token"'
INSUFFICIENT_SCOPE = f'Bearer error="insufficient_scope", scope="{DEVICES_SCOPE}"'


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

    def hmac_signed(self, secret: bytes) -> str:
        """HS256 by hand: PyJWT will not take a public key for a secret."""
        header = part({"typ": "JWT", "alg": "HS256", "kid": self.pool_key.kid})
        signing_input = f"{header}.{part(access_claims())}"
        digest = hmac.digest(secret, signing_input.encode(), hashlib.sha256)
        return f"{signing_input}.{encoded(digest)}"

    def strangers(self, **headers: Any) -> str:
        return sign(access_claims(), self.strangers_key, headers=headers)


def encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def part(content: Any) -> str:
    """A part of a token: bytes as they are, anything else as JSON."""
    return encoded(content if isinstance(content, bytes) else json.dumps(content).encode())


def now() -> int:
    return int(time.time())


def unsigned(forge: Forge, alg: str) -> str:
    return f"{part({'alg': alg, 'kid': forge.pool_key.kid})}.{part(access_claims())}."


def es256(forge: Forge) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    return jwt.encode(access_claims(), key, "ES256", headers={"kid": forge.pool_key.kid})


def with_claims_of_another(forge: Forge) -> str:
    """Head and signature of one good token around the claims of another."""
    header, _, signature = forge.good().split(".")
    return f"{header}.{part(access_claims(sub='the-victim'))}.{signature}"


def with_signature(forge: Forge, change: Callable[[str], str]) -> str:
    signing_input, _, signature = forge.good().rpartition(".")
    return f"{signing_input}.{change(signature)}"


def flipped(signature: str) -> str:
    return ("B" if signature[0] == "A" else "A") + signature[1:]


def with_jwk(forge: Forge) -> str:
    return forge.strangers(kid="new", jwk=forge.strangers_key.jwk() | {"kid": "new"})


def with_x5c(forge: Forge) -> str:
    der = base64.b64encode(forge.strangers_key.public_bytes(Encoding.DER)).decode()
    return forge.strangers(kid="new", x5c=[der], x5t="AAAA")


SIGNATURES: dict[str, Callable[[Forge], str]] = {
    "alg none": lambda forge: unsigned(forge, "none"),
    "alg none around a good signature": lambda forge: forge.headed(alg="none"),
    "alg missing": lambda forge: forge.headed(alg=...),
    "alg a number": lambda forge: forge.headed(alg=256),
    "alg rs256 in lower case": lambda forge: forge.headed(alg="rs256"),
    "HS256 with the public key in PEM": lambda forge: forge.hmac_signed(
        forge.pool_key.public_bytes(Encoding.PEM)
    ),
    "HS256 with the public JWK": lambda forge: forge.hmac_signed(
        json.dumps(forge.pool_key.jwk()).encode()
    ),
    "HS256 with an empty secret": lambda forge: forge.hmac_signed(b""),
    "RS384 by the pool's key": lambda forge: sign(
        access_claims(), forge.pool_key, algorithm="RS384"
    ),
    "PS256 by the pool's key": lambda forge: sign(
        access_claims(), forge.pool_key, algorithm="PS256"
    ),
    "ES256 under the pool's kid": es256,
    "another RSA key under the pool's kid": lambda forge: forge.strangers(),
    "claims of another token": with_claims_of_another,
    "signature missing": lambda forge: with_signature(forge, lambda signature: ""),
    "signature cut short": lambda forge: with_signature(forge, lambda signature: signature[:-4]),
    "signature changed": lambda forge: with_signature(forge, flipped),
    "kid missing": lambda forge: forge.headed(kid=...),
    "kid a number": lambda forge: forge.headed(kid=1),
    "kid unknown": lambda forge: forge.headed(kid="unknown"),
    "kid a path": lambda forge: forge.headed(kid="../../../../dev/null"),
    "jku to the attacker": lambda forge: forge.strangers(kid="new", jku=forge.strangers_jwks.url),
    "x5u to the attacker": lambda forge: forge.strangers(kid="new", x5u=forge.strangers_jwks.url),
    "jwk of the attacker": with_jwk,
    "x5c of the attacker": with_x5c,
    "crit unknown": lambda forge: forge.headed(crit=["http://example.com/x"]),
    "payload not encoded (b64)": lambda forge: forge.headed(crit=["b64"], b64=False),
}

SHAPES: dict[str, Callable[[Forge], str]] = {
    "one part": lambda forge: "guess",
    "two parts": lambda forge: forge.good().rpartition(".")[0],
    "five parts, as an encrypted token": lambda forge: "eyJlbmMiOiJBMjU2R0NNIn0.a.b.c.d",
    "header not base64": lambda forge: "~." + forge.good().partition(".")[2],
    "header not JSON": lambda forge: forge.signed(b"alg=RS256"),
    "header a list": lambda forge: forge.signed([["alg", "RS256"]]),
    "header not UTF-8": lambda forge: forge.signed(b'{"alg":"\xff"}'),
    "header nested too deeply": lambda forge: forge.signed(b"[" * 5000),
    "padded with =": lambda forge: forge.good() + "==",
    "claims not JSON": lambda forge: forge.carrying(b"sub=me"),
    "claims a list": lambda forge: forge.carrying([access_claims()]),
    "claims empty": lambda forge: forge.carrying({}),
    "claims nested too deeply": lambda forge: forge.carrying(b'{"sub":' * 700),
    "a refresh token": lambda forge: ".".join(["eyJjdHkiOiJKV1QiLCJlbmMiOiJBMjU2R0NNIn0"] * 5),
    "as long as a header may be": lambda forge: "a." * 8000 + "a",
}


def changed(**changes: Any) -> Callable[[Forge], str]:
    """A token of the pool's own with other claims; a function gives the claim when it is needed."""
    return lambda forge: forge.good(
        **{name: value() if callable(value) else value for name, value in changes.items()}
    )


WRONG_TYPES: dict[str, Any] = {
    "missing": ...,
    "null": None,
    "a list": [],
    "a small number": 7,
}

CLAIMS: dict[str, Callable[[Forge], str]] = {
    "of another pool": changed(iss=ISSUER.replace(POOL_ID, "eu-west-1_Other1234")),
    "issuer with a slash after": changed(iss=f"{ISSUER}/"),
    "issuer that only begins so": changed(iss=f"{ISSUER}.attacker.example"),
    "of another client": changed(client_id=OTHER_CLIENT_ID),
    "an ID token": changed(token_use="id", aud=CLIENT_ID, client_id=..., scope=...),
    "token_use refresh": changed(token_use="refresh"),
    "expired a minute ago": changed(exp=lambda: now() - 60),
    "exp beyond a day": changed(exp=lambda: now() + 25 * HOUR),
    "exp 10 to the 18": changed(exp=10**18),
    "exp infinite": changed(exp=float("inf")),
    "exp not a number": changed(exp=float("nan")),
    "exp a string of digits": changed(exp=lambda: str(now() + HOUR)),
    "exp with a fraction": changed(exp=lambda: now() + HOUR + 0.5),
    "issued in an hour": changed(iat=lambda: now() + HOUR),
    "iat with a fraction": changed(iat=lambda: now() - 60.5),
    "iat infinite": changed(iat=float("inf")),
    "not valid for an hour": changed(nbf=lambda: now() + HOUR),
    "sub empty": changed(sub=""),
    "sub half a surrogate pair": changed(sub="\ud800"),
    "scope in a list": changed(scope=[DEVICES_SCOPE]),
    "device_key no device key": changed(device_key="my-phone"),
    "device_key with a line feed": changed(device_key=f"{CURRENT}\n"),
    "device_key a number": changed(device_key=1),
} | {
    f"{claim} {kind}": changed(**{claim: value})
    for claim in ("iss", "sub", "exp", "iat", "token_use", "client_id")
    for kind, value in WRONG_TYPES.items()
    if (claim, kind) != ("iat", "a small number")  # which is a time long past, and so is valid
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
def test_refused(
    api: ApiClient, fake_cognito: FakeCognito, forge: Forge, make: Callable[[Forge], str]
) -> None:
    token = make(forge)
    response = api.with_token(token).get("/devices/current")
    problem = assert_problem(response, 401, "invalid-token", challenge=INVALID_TOKEN)
    assert response.headers["WWW-Authenticate"] == (
        f'{INVALID_TOKEN}, error_description="{problem["detail"]}"'
    )
    assert response.headers["Cache-Control"] == "no-store"
    if len(token) > 10:
        assert token[:4000] not in response.text
    assert fake_cognito.calls == []
    assert forge.strangers_jwks.fetches == 0


LACKING_SCOPES = {
    "no scope": ...,
    "scope empty": "",
    "another scope": "openid",
    "scope that only begins so": f"{DEVICES_SCOPE}istrator",
    "scope that only ends so": f"not.{DEVICES_SCOPE}",
    "scope in upper case": DEVICES_SCOPE.upper(),
    "scopes with a comma between": f"openid,{DEVICES_SCOPE}",
}


@pytest.mark.parametrize(
    "scope",
    [
        pytest.param(scope, id=f"claims - {name} -> 403 insufficient-scope")
        for name, scope in LACKING_SCOPES.items()
    ],
)
def test_lacks_the_scope(
    api: ApiClient, fake_cognito: FakeCognito, forge: Forge, scope: Any
) -> None:
    response = api.with_token(forge.good(scope=scope)).get("/devices/current")
    assert_problem(response, 403, "insufficient-scope", challenge=INSUFFICIENT_SCOPE)
    assert fake_cognito.calls == []


HEADERS: dict[str, Callable[[str], str]] = {
    "empty": lambda token: "",
    "scheme alone": lambda token: "Bearer",
    "token alone": lambda token: token,
    "another scheme": lambda token: f"Token {token}",
    "no blank": lambda token: f"Bearer{token}",
    "a tab": lambda token: f"Bearer\t{token}",
    "a non-breaking blank": lambda token: f"Bearer\xa0{token}",
    "in quotes": lambda token: f'Bearer "{token}"',
    "a word after": lambda token: f"Bearer {token} junk",
    "letters beyond ASCII": lambda token: f"Bearer {token}é",
    "two credentials": lambda token: f"Bearer {token}, Bearer {token}",
    "parameters instead": lambda token: f'Bearer token="{token}"',
}


@pytest.mark.parametrize(
    "write",
    [
        pytest.param(write, id=f"header - {name} -> 401 missing-token")
        for name, write in HEADERS.items()
    ],
)
def test_malformed_header(
    api: ApiClient, fake_cognito: FakeCognito, forge: Forge, write: Callable[[str], str]
) -> None:
    response = api.with_authorization(write(forge.good())).get("/devices/current")
    assert_problem(response, 401, "missing-token", challenge="Bearer")
    assert fake_cognito.calls == []


def test_no_header_at_all(api: ApiClient, fake_cognito: FakeCognito) -> None:
    response = api.with_authorization(None).get("/devices/current")
    assert_problem(response, 401, "missing-token", challenge="Bearer")
    assert fake_cognito.calls == []


def test_two_headers_are_malformed_even_if_one_is_good(
    api: ApiClient, fake_cognito: FakeCognito, forge: Forge
) -> None:
    good = f"Bearer {forge.good()}"
    for values in ((good, good), (good, "Basic x"), ("Bearer x", good)):
        headers = Headers([("Authorization", value) for value in values])
        response = api.get("/devices/current", headers=headers)
        assert_problem(response, 401, "missing-token", challenge="Bearer")
    assert fake_cognito.calls == []


@pytest.mark.parametrize("name", ["access_token", "Authorization"])
def test_a_token_elsewhere_counts_for_nothing(
    api: ApiClient, fake_cognito: FakeCognito, forge: Forge, name: str
) -> None:
    """RFC 6750 sections 2.2 and 2.3 allow body and query; an address is logged everywhere."""
    anonymous, token = api.with_authorization(None), forge.good()
    anonymous.set_cookie(name, token)
    responses = [
        anonymous.get("/devices", query_string={name: token}),
        anonymous.post("/devices/sign-out", data={name: token}),
        anonymous.patch("/devices/current", json={name: token}),
        anonymous.get("/devices", headers={"X-Access-Token": token, "X-Authorization": token}),
        anonymous.get("/devices", headers={"Proxy-Authorization": f"Bearer {token}"}),
        anonymous.get(f"/devices/{token}"),
    ]
    for response in responses:
        assert_problem(response, 401, "missing-token", challenge="Bearer")
    assert fake_cognito.calls == []


# What must get in all the same


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR", "Bearer "])
def test_the_scheme_is_not_case_sensitive(api: ApiClient, forge: Forge, scheme: str) -> None:
    authorization = f"{scheme} {forge.good()}"
    assert api.with_authorization(authorization).get("/devices").status_code == 200


def test_where_a_good_token_says_its_key_is_does_not_matter(api: ApiClient, forge: Forge) -> None:
    """The key is the pool's, whatever the header says besides."""
    token = forge.headed(jku=forge.strangers_jwks.url, jwk=forge.strangers_key.jwk())
    assert api.with_token(token).get("/devices").status_code == 200
    assert forge.strangers_jwks.fetches == 0


def test_a_token_of_ninety_groups_is_as_good_as_a_short_one(api: ApiClient, forge: Forge) -> None:
    """Only the limit of a header bounds it."""
    token = forge.good(**{"cognito:groups": [f"group-{number:0110}" for number in range(90)]})
    assert 15_000 < len(token) < 16_300
    assert api.with_token(token).get("/devices").status_code == 200


@pytest.mark.parametrize(
    "scope", [DEVICES_SCOPE, f"openid {DEVICES_SCOPE}", f"{DEVICES_SCOPE} email"]
)
def test_the_scope_may_be_one_of_several(api: ApiClient, forge: Forge, scope: str) -> None:
    assert api.with_token(forge.good(scope=scope)).get("/devices").status_code == 200


def test_clocks_may_differ_by_a_little(start: Start, forge: Forge) -> None:
    api = start(TOKEN_LEEWAY="60")
    for changes in ({"exp": now() - 10}, {"iat": now() + 40}):
        assert api.with_token(forge.good(**changes)).get("/devices").status_code == 200


def test_a_token_from_the_future_names_the_clock(api: ApiClient, forge: Forge) -> None:
    response = api.with_token(forge.good(iat=now() + HOUR)).get("/devices")
    problem = assert_problem(response, 401, "invalid-token", challenge=INVALID_TOKEN)
    assert "the clock of this service is behind" in problem["detail"]


def test_both_issuers_of_a_pool_are_accepted(api: ApiClient, forge: Forge) -> None:
    """A pool that has switched issues the second form while the first is still in circulation."""
    for issuer in (ISSUER, ISSUER.replace("cognito-idp", "issuer-cognito-idp")):
        assert api.with_token(forge.good(iss=issuer)).get("/devices").status_code == 200


def test_a_token_of_a_whole_day_is_as_long_as_cognito_makes_them(
    api: ApiClient, forge: Forge
) -> None:
    token = forge.good(exp=now() + 24 * HOUR)
    assert api.with_token(token).get("/devices").status_code == 200
