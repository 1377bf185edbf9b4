"""Access tokens as Cognito signs them, and the key set that verifies them."""

import hashlib
import json
import time
import uuid
from collections.abc import Sequence
from pathlib import Path

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from jwt.algorithms import RSAAlgorithm

from benchmarks.upstream import KEY

REGION = "eu-west-1"
POOL_ID = f"{REGION}_Benchmark"
ISSUER = f"https://cognito-idp.{REGION}.amazonaws.com/{POOL_ID}"
CLIENT_ID = "1h57kf5cpq17m0eml12EXAMPLE"
KID = "benchmark"


def access_token(key: RSAPrivateKey, number: int) -> str:
    """User `number`'s, whose current device is the canned Cognito's first."""
    now = int(time.time())
    claims = {
        "sub": str(uuid.UUID(int=number)),
        "iss": ISSUER,
        "client_id": CLIENT_ID,
        "origin_jti": str(uuid.uuid4()),
        "event_id": str(uuid.uuid4()),
        "token_use": "access",
        "scope": "aws.cognito.signin.user.admin",
        "auth_time": now,
        "exp": now + 3600,
        "iat": now,
        "jti": str(uuid.uuid4()),
        "username": str(uuid.UUID(int=number)),
        "device_key": KEY.format(0),
    }
    return jwt.encode(claims, key, "RS256", {"kid": KID})


def make(folder: Path, few: int, many: int, users: int, once: int) -> None:
    """Write `jwks.json`, and files of tokens, one a line: `few` and `many` (users with 3 and with
    60 devices), `users`, and `once`, which are to be used once each."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    jwk = public | {"kid": KID, "use": "sig", "alg": "RS256"}
    (folder / "jwks.json").write_text(json.dumps({"keys": [jwk]}))
    made = [access_token(key, number) for number in range(few + many + users + once)]

    def write(name: str, tokens: Sequence[str]) -> None:
        (folder / name).write_text("".join(f"{token}\n" for token in tokens))

    write("few.tokens", made[:few])
    write("many.tokens", made[few : few + many])
    write("users.tokens", made[few + many : few + many + users])
    write("once.tokens", made[few + many + users :])
    write(
        "many.sha256", [hashlib.sha256(one.encode()).hexdigest() for one in made[few : few + many]]
    )
