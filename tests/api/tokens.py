"""Access tokens as Cognito signs them, and as nobody should."""

import os
import time
from dataclasses import dataclass, field
from typing import Any
from unittest import mock
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from app.settings import Settings

POOL_ID = "eu-west-1_AbCdEf123"
ISSUER = f"https://cognito-idp.eu-west-1.amazonaws.com/{POOL_ID}"
CLIENT_ID = "1example23456789"
OTHER_CLIENT_ID = "2example23456789"
SUB = "aaaaaaaa-0000-4000-8000-000000000001"
DEVICES_SCOPE = "aws.cognito.signin.user.admin"

Claims = dict[str, Any]


@dataclass(frozen=True)
class SigningKey:
    """An RSA key pair under a `kid`."""

    kid: str
    private: rsa.RSAPrivateKey = field(
        default_factory=lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048),
        repr=False,
    )

    def jwk(self) -> dict[str, Any]:
        """The public half, as a JWKS publishes it."""
        published: dict[str, Any] = RSAAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        public = {name: published[name] for name in ("kty", "n", "e")}
        return public | {"kid": self.kid, "alg": "RS256", "use": "sig"}


def access_claims(**changes: Any) -> Claims:
    """The claims of a good access token (Developer Guide, "Understanding the access token").

    `changes` replaces some of them; a claim that is changed to `...` is left out.
    """
    now = int(time.time())
    claims = {
        "sub": SUB,
        "iss": ISSUER,
        "version": 2,
        "client_id": CLIENT_ID,
        "origin_jti": str(uuid4()),
        "event_id": str(uuid4()),
        "token_use": "access",
        "scope": DEVICES_SCOPE,
        "auth_time": now - 60,
        "iat": now - 60,
        "exp": now + 3540,
        "jti": str(uuid4()),
        "username": "jane",
    }
    return {name: value for name, value in (claims | changes).items() if value is not ...}


def sign(
    claims: Claims, key: SigningKey, *, algorithm: str = "RS256", headers: Claims | None = None
) -> str:
    """`claims` signed by `key`, under its `kid` unless `headers` has another."""
    return jwt.encode(claims, key.private, algorithm, headers={"kid": key.kid} | (headers or {}))


def settings_of(**variables: str) -> Settings:
    """The settings of a service for these tokens, with `variables` set besides."""
    needed = {"COGNITO_USER_POOL_ID": POOL_ID, "COGNITO_CLIENT_IDS": f"{CLIENT_ID},another1client"}
    with mock.patch.dict(os.environ, needed | variables, clear=True):
        return Settings.from_environ()
