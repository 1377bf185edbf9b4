"""A verified Cognito access token, and what stands for its owner where nobody may be named."""

import hashlib
from dataclasses import dataclass, field
from functools import lru_cache


@dataclass(frozen=True, slots=True)
class AccessToken:
    """The caller, as Cognito signed it (Developer Guide, "Understanding the access token").

    `device_key` is the device that signed in; None on federated and Hosted UI sign-ins and where
    the pool tracks no devices. It outlives the device. `sign_in` stands for the sign-in that the
    token and its refreshed successors come from: `origin_jti`, else `jti`, else `sub`. `expires_at`
    is in epoch seconds. `auth_time` (epoch seconds) and `acr` tell when and how the user signed in;
    None where the pool's tokens do not have them. `value` is the token itself, for Cognito alone.
    """

    sub: str
    client_id: str
    device_key: str | None
    sign_in: str
    expires_at: int
    auth_time: int | None
    acr: str | None
    value: str = field(repr=False)


@lru_cache(maxsize=4096)
def pseudonym(text: str) -> str:
    """SHA-256 of a `sub` or an address, in hex, for logs and Redis: tells users apart without
    naming one."""
    return hashlib.sha256(text.encode()).hexdigest()
