"""The keys a pool signs with, and the three tokens of a sign-in.

Claims are those of a real user pool (`docs/cognito.md`). Access and ID tokens are RS256 JWTs. The
refresh token looks like Cognito's JWE and is random bytes: no client can read the real one either.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from local_cognito.errors import invalid_access_token, unverifiable_access_token

Claims = dict[str, Any]

SCOPE = "aws.cognito.signin.user.admin"
DEFAULT_LIFETIME = 3600
DEFAULT_REFRESH_LIFETIME = 30 * 24 * 3600


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


class SigningKey:
    """One RSA pair of 2048 bits, with a `kid` that looks like Cognito's (base64 of 32 bytes)."""

    def __init__(self) -> None:
        self._private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        public_pem = self._private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        self.public_pem = public_pem
        self.public = RSAKey.import_key(public_pem)
        self.kid = base64.b64encode(hashlib.sha256(public_pem).digest()).decode()

    def sign(self, signing_input: bytes) -> bytes:
        return self._private.sign(signing_input, padding.PKCS1v15(), SHA256())

    def published(self) -> dict[str, str]:
        fields = cast(dict[str, str], self.public.as_dict(private=False))
        return {
            "alg": "RS256",
            "e": fields["e"],
            "kid": self.kid,
            "kty": "RSA",
            "n": fields["n"],
            "use": "sig",
        }


class KeyPairs:
    """A pool's two published keys, of which the first signs. Made when first needed."""

    def __init__(self) -> None:
        self._keys: list[SigningKey] = []
        self._lock = threading.Lock()

    def _both(self) -> list[SigningKey]:
        with self._lock:
            if not self._keys:
                self._keys = [SigningKey(), SigningKey()]
            return self._keys

    def rotate(self) -> None:
        """A new key signs; the one that signed stays published for one rotation more."""
        signed_until_now = self._both()[0]
        new = SigningKey()
        with self._lock:
            self._keys = [new, signed_until_now]

    def jwks(self) -> dict[str, list[dict[str, str]]]:
        return {"keys": [key.published() for key in self._both()]}

    def sign(self, claims: Claims, header: dict[str, Any] | None = None) -> str:
        """A compact JWS. `header` overrides the true one; a null in it deletes a field.

        Forgeries that tests of a verifier need: ``{"alg": "none"}`` leaves the signature out,
        ``{"alg": "HS256"}`` signs with the public key as if it were a shared secret.
        """
        key = self._both()[0]
        fields = {"kid": key.kid, "alg": "RS256", **(header or {})}
        fields = {name: value for name, value in fields.items() if value is not None}
        signing_input = f"{_base64url(_json(fields))}.{_base64url(_json(claims))}"
        signers: dict[str, Callable[[bytes], bytes]] = {
            "none": lambda _: b"",
            "HS256": lambda data: hmac.digest(key.public_pem, data, "sha256"),
        }
        signer = signers.get(str(fields.get("alg")), key.sign)
        return f"{signing_input}.{_base64url(signer(signing_input.encode()))}"

    def verify(self, token: str) -> Claims:
        """The claims of a token. NotAuthorizedException unless one of the two keys signed it."""
        try:
            kid = jws.extract_compact(token.encode()).headers().get("kid")
            key = next(key for key in self._both() if key.kid == kid)
            checked = jws.deserialize_compact(token, key.public, algorithms=["RS256"])
            claims = json.loads(checked.payload)
        except (JoseError, ValueError, StopIteration):
            raise unverifiable_access_token() from None
        if not isinstance(claims, dict):
            raise invalid_access_token()
        return claims


def unverified_claims(token: str) -> Claims:
    """What a token says of itself, to find the pool whose keys can tell if it is true."""
    try:
        claims = json.loads(jws.extract_compact(token.encode()).payload)
    except (JoseError, ValueError):
        raise invalid_access_token() from None
    if not isinstance(claims, dict):
        raise invalid_access_token()
    return claims


def opaque_refresh_token() -> str:
    """Five parts like the real JWE, whose header does say RSA-OAEP and A256GCM."""
    header = _json({"cty": "JWT", "enc": "A256GCM", "alg": "RSA-OAEP"})
    parts = [header, *(secrets.token_bytes(size) for size in (256, 12, 640, 16))]
    return ".".join(_base64url(part) for part in parts)


@dataclass
class TokenFamily:
    """Everything that one sign-in gives: tokens that share an `origin_jti`, and are revoked as one.

    `device_key` is the device that signed in, whether new, tracked or remembered.
    """

    client_id: str
    username: str
    sub: str
    device_key: str | None
    auth_time: int
    refresh_expires_at: float
    # How the user signed in, by words of `amr`. A refresh changes neither these nor the time.
    methods: frozenset[str] = frozenset()
    origin_jti: str = field(default_factory=lambda: str(uuid.uuid4()))
    refresh_token: str = field(default_factory=opaque_refresh_token, repr=False)
    revoked: bool = False
    # Refresh tokens that rotation has replaced → the moment until which each may be sent again.
    replaced: dict[str, float] = field(default_factory=dict, repr=False)

    def rotate(self, grace_seconds: int) -> None:
        """A new refresh token; it expires when the first one would have."""
        self.replaced[self.refresh_token] = time.time() + grace_seconds
        self.refresh_token = opaque_refresh_token()


AMR = ("pwd", "otp", "sms", "email_otp")
"""In the order in which tokens name them."""


def level_of(methods: frozenset[str]) -> int | None:
    """The level of authentication, 1 to 4; None for a sign-in that has none.

    Source: the Developer Guide, "Authentication levels with ACR and AMR claims".
    """
    by_message = bool(methods & {"sms", "email_otp"})
    if "pwd" not in methods:
        return 2 if by_message else None
    return 4 if "otp" in methods else 3 if by_message else 1


def authentication_claims(methods: frozenset[str], names: dict[int, str]) -> Claims:
    """`acr` and `amr`, as access and ID tokens have them."""
    level = level_of(methods)
    if level is None:
        return {}
    amr = [word for word in AMR if word in methods]
    return {"acr": names[level], "amr": [*amr, "mfa"] if len(amr) > 1 else amr}


def common_claims(family: TokenFamily, issuer: str, now: float, lifetime: int) -> Claims:
    return {
        "sub": family.sub,
        "iss": issuer,
        "origin_jti": family.origin_jti,
        "event_id": str(uuid.uuid4()),
        "auth_time": family.auth_time,
        "iat": int(now),
        "exp": int(now) + lifetime,
        "jti": str(uuid.uuid4()),
    }


def access_claims(
    family: TokenFamily, issuer: str, now: float, lifetime: int, groups: list[str]
) -> Claims:
    """An access token names its client in `client_id` and has no `aud`."""
    claims = common_claims(family, issuer, now, lifetime) | {
        "token_use": "access",
        "scope": SCOPE,
        "client_id": family.client_id,
        "username": family.username,
    }
    if groups:
        claims["cognito:groups"] = groups
    if family.device_key is not None:
        claims["device_key"] = family.device_key
    return claims


def id_claims(
    family: TokenFamily,
    issuer: str,
    now: float,
    lifetime: int,
    groups: list[str],
    attributes: dict[str, Any],
) -> Claims:
    claims = attributes | common_claims(family, issuer, now, lifetime)
    claims |= {
        "token_use": "id",
        "aud": family.client_id,
        "cognito:username": family.username,
    }
    if groups:
        claims["cognito:groups"] = groups
    return claims
