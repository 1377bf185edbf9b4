"""Verifies Cognito access tokens locally, before anything is forwarded.

The rules are Cognito's (Developer Guide, "Verifying JSON web tokens") and RFC 8725's: the algorithm
is ours to choose, the keys come from the pool alone, every claim is checked.
"""

import hashlib
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jwt
from cachetools import TLRUCache

from app.auth.jwks import JwksCache
from app.domain.access_token import DEVICES_SCOPE, SCOPE_LACKING, AccessToken
from app.domain.devices import is_device_key
from app.domain.errors import DeviceError, ErrorCode

TOKEN_MAX_LENGTH = 8192
"""In characters. Cognito's access tokens take one to two thousand."""

LONGEST_VALIDITY = 24 * 60 * 60
"""In seconds. `AccessTokenValidity` is a day at most, so no token of Cognito's expires later."""

REQUIRED_CLAIMS = ("iss", "sub", "exp", "iat", "token_use")


class TokenVerifier:
    """Tells whose token it is, or why it is refused.

    A token that verified is remembered, by the SHA-256 of its text, until it expires: a session
    costs one signature check. `cache_size` bounds how many.
    """

    def __init__(
        self,
        jwks: JwksCache,
        *,
        issuer: str,
        client_ids: frozenset[str],
        leeway: float,
        cache_size: int,
        clock: Callable[[], float] = time.time,
        on_lookup: Callable[[str], None] = lambda outcome: None,
    ) -> None:
        self._jwks = jwks
        self._issuer = issuer
        self._client_ids = client_ids
        self._leeway = leeway
        self._clock = clock
        self._on_lookup = on_lookup
        self._verified: TLRUCache[bytes, AccessToken] = TLRUCache(
            maxsize=cache_size, ttu=lambda _, token, __: token.expires_at + leeway, timer=clock
        )
        self._lock = threading.Lock()

    def verify(self, value: str) -> AccessToken:
        """The access token whose text is `value`.

        Raises:
            DeviceError: `invalid-token`, `insufficient-scope`, or `upstream-unavailable` when the
                key it is signed with cannot be fetched.
        """
        digest = hashlib.sha256(value.encode()).digest()
        with self._lock:
            remembered = self._verified.get(digest)
        self._on_lookup("hit" if remembered else "miss")
        if remembered is None:
            remembered = self._access_token(self._claims(value))
            with self._lock:
                self._verified[digest] = remembered
        return replace(remembered, value=value)

    def _claims(self, value: str) -> dict[str, Any]:
        if len(value) > TOKEN_MAX_LENGTH:
            raise _invalid("The access token is longer than any that Cognito issues.")
        if "=" in value:  # RFC 7515, section 2: base64url goes without padding, one text per token
            raise _invalid("The access token is not a valid one of this user pool.")
        try:
            header = jwt.get_unverified_header(value)
            kid = header.get("kid")
            if header.get("alg") != "RS256" or not isinstance(kid, str):
                raise _invalid("The access token is not signed with RS256 by a key of this pool.")
            key = self._jwks.key(kid)
            if key is None:
                raise _invalid("The access token is not signed by a key of this user pool.")
            claims: dict[str, Any] = jwt.decode(
                value,
                key,
                algorithms=["RS256"],
                issuer=self._issuer,
                leeway=self._leeway,
                options={"require": list(REQUIRED_CLAIMS), "verify_aud": False},
            )
        except jwt.ExpiredSignatureError as error:
            raise _invalid("The access token has expired. Refresh it.") from error
        except jwt.InvalidIssuerError as error:
            raise _invalid("The access token is from another user pool.") from error
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError) as error:
            raise _invalid("The access token is not a valid one of this user pool.") from error
        return claims

    def _access_token(self, claims: dict[str, Any]) -> AccessToken:
        if claims["token_use"] != "access":  # noqa: S105
            raise _invalid("This is not an access token. Send the access token, not the ID token.")
        client_id, sub, device_key = (
            claims.get("client_id"),
            claims["sub"],
            claims.get("device_key"),
        )
        if not isinstance(client_id, str) or client_id not in self._client_ids:
            raise _invalid("The access token was issued to an app client that may not call here.")
        expires_at = claims["exp"]
        well_formed = (
            isinstance(sub, str)
            and sub != ""
            and sub.isprintable()  # not half a surrogate pair, which cannot be written on
            and type(expires_at) is int
            and type(claims["iat"]) is int
            and expires_at <= self._clock() + LONGEST_VALIDITY + self._leeway
            and (device_key is None or (isinstance(device_key, str) and is_device_key(device_key)))
        )
        scope = claims.get("scope", "")
        if not well_formed or not isinstance(scope, str):
            raise _invalid("The access token's claims are not those of a Cognito access token.")
        if DEVICES_SCOPE not in scope.split():
            raise DeviceError(ErrorCode.INSUFFICIENT_SCOPE, SCOPE_LACKING)
        return AccessToken(
            sub=sub, client_id=client_id, device_key=device_key, expires_at=expires_at
        )


def _invalid(detail: str) -> DeviceError:
    return DeviceError(ErrorCode.INVALID_TOKEN, detail)
