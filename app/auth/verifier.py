"""Verifies Cognito access tokens locally, before anything is forwarded.

The rules are Cognito's (Developer Guide, "Verifying JSON web tokens") and RFC 8725's: the algorithm
is ours to choose, the keys come from the pool alone, every claim is checked.
"""

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import jwt
import structlog
from cachetools import TLRUCache

from app.auth.keys import KeySet
from app.domain.access_token import AccessToken
from app.domain.devices import is_device_key
from app.domain.errors import USER_ADMIN_SCOPE, ErrorCode, ServiceError
from app.observability import metrics
from app.settings import Settings

logger = structlog.get_logger(__name__)

LONGEST_VALIDITY = 24 * 60 * 60
"""In seconds. `AccessTokenValidity` is a day at most, so no token of Cognito's expires later."""

REFUSALS = {
    "algorithm": "The access token is not signed with RS256 by a key of this pool.",
    "issuer": "The access token is from another user pool.",
    "key": "The access token is not signed by a key of this user pool.",
    "claims": "The access token's claims are not those of a Cognito access token.",
    "token_use": "This is not an access token. Send the access token, not the ID token.",
    "client_id": "The access token was issued to an app client that may not call here.",
    "expired": "The access token has expired. Refresh it.",
    "issued_at": "The access token was issued in the future. If Cognito has just issued it, the "
    "clock of this service is behind.",
}
"""What the caller is told, by the check that failed."""

NOT_ONE_OF_THIS_POOL = (
    "The access token is not a valid one of this user pool. Send it whole, as Cognito gave it."
)
"""What the caller is told where the token cannot be read, or its signature is another's."""


class TokenRefused(ServiceError):
    """A token that the pool has signed, and that is not accepted: `sign_in` is whose it is."""

    def __init__(self, code: ErrorCode, detail: str | None, sign_in: str) -> None:
        super().__init__(code, detail)
        self.sign_in = sign_in


class Verified(NamedTuple):
    """What a token says, without its text, that verified by the key `kid` of `keys`."""

    token: AccessToken
    keys: KeySet
    kid: str


class TokenVerifier:
    """Says which user a token belongs to, or why it is refused.

    What a token that verified says is remembered, by the SHA-256 of its very text, until it expires
    or its key leaves the pool's set: a session costs one signature check, which takes half as long
    as a whole call. The text itself is not kept, and no other text ever finds it. `keys`:
    issuer → its keys.
    """

    def __init__(
        self,
        settings: Settings,
        keys: Mapping[str, KeySet],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._keys = keys
        self._client_ids = settings.cognito_client_ids
        self._leeway = leeway = settings.token_leeway
        self._clock = clock
        self._verified: TLRUCache[bytes, Verified] = TLRUCache(
            maxsize=settings.token_cache_size,
            ttu=lambda _, it, __: it.token.expires_at + leeway,
            timer=clock,
        )

    def ready(self) -> bool:
        """Whether the keys of one issuer are at hand; not every pool has both. If none are, have
        them fetched in the background."""
        return any(keys.ready() for keys in self._keys.values())

    def verify(self, value: str) -> AccessToken:
        """The access token whose text is `value`.

        Raises:
            TokenRefused: `invalid-token` or `insufficient-scope`, once the signature has verified.
            ServiceError: `invalid-token`, or `upstream-unavailable` when the key that it is signed
                with cannot be fetched.
        """
        digest = hashlib.sha256(value.encode()).digest()
        verified = self._verified.get(digest)
        known = verified is not None and verified.keys.has(verified.kid)
        metrics.TOKEN_CACHE_LOOKUPS.labels("hit" if known else "miss").inc()
        if verified is None or not known:
            claims, keys, kid = self._claims(value)
            verified = self._verified[digest] = Verified(self._checked(claims), keys, kid)
        return replace(verified.token, value=value)

    def _claims(self, value: str) -> tuple[dict[str, Any], KeySet, str]:
        """The claims of a token that one of the pool's keys has signed, and which key."""
        if "=" in value:  # RFC 7515, section 2: base64url goes without padding, one text per token
            raise _refused("padding")
        try:
            unverified = jwt.decode_complete(value, options={"verify_signature": False})
            header, issuer = unverified["header"], unverified["payload"].get("iss")
            kid = header.get("kid")
            if header.get("alg") != "RS256" or not isinstance(kid, str):
                raise _refused("algorithm")
            if not isinstance(issuer, str) or issuer not in self._keys:
                raise _refused("issuer", expected=sorted(self._keys), found=issuer)
            keys = self._keys[issuer]
            key = keys.key(kid)
            if key is None:
                raise _refused("key")
            claims = jwt.decode(
                value,
                key,
                algorithms=["RS256"],
                options={
                    "require": ["iss", "sub", "exp", "iat", "token_use"],
                    "verify_aud": False,
                    "verify_exp": False,
                    "verify_iat": False,
                },
            )
            return claims, keys, kid
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError) as error:
            raise _refused(type(error).__name__) from error

    def _checked(self, claims: dict[str, Any]) -> AccessToken:
        """What the verified claims say, each of them checked."""
        sub, client_id, scope = claims["sub"], claims.get("client_id"), claims.get("scope", "")
        device_key, auth_time, acr = map(claims.get, ("device_key", "auth_time", "acr"))
        issued_at, expires_at, now = claims["iat"], claims["exp"], self._clock()
        sign_ins = map(claims.get, ("origin_jti", "jti", "sub"))
        sign_in = next((it for it in sign_ins if it and _is_plain(it)), None)
        well_formed = (
            _is_plain(sub)
            and sub != ""
            and type(expires_at) is int
            and type(issued_at) is int
            and expires_at <= now + LONGEST_VALIDITY + self._leeway
            and (device_key is None or (isinstance(device_key, str) and is_device_key(device_key)))
            and isinstance(scope, str)
        )
        if not well_formed or sign_in is None:
            raise _refused("claims", sign_in)
        if claims["token_use"] != "access":  # noqa: S105
            raise _refused("token_use", sign_in)
        if not isinstance(client_id, str) or client_id not in self._client_ids:
            raise _refused("client_id", sign_in, expected=sorted(self._client_ids), found=client_id)
        if expires_at <= now - self._leeway:
            raise _refused("expired", sign_in)
        if issued_at > now + self._leeway:
            raise _refused("issued_at", sign_in, seconds_ahead=round(issued_at - now))
        if USER_ADMIN_SCOPE not in scope.split():
            raise TokenRefused(ErrorCode.INSUFFICIENT_SCOPE, None, sign_in)
        return AccessToken(
            sub,
            client_id,
            device_key,
            sign_in,
            expires_at,
            auth_time if type(auth_time) is int else None,
            acr if isinstance(acr, str) else None,
            value="",
        )


def _is_plain(claim: object) -> bool:
    """Whether it can be written on: half a surrogate pair cannot."""
    return isinstance(claim, str) and claim.isprintable()


def _refused(check: str, sign_in: str | None = None, **facts: Any) -> ServiceError:
    """The refusal, and the log line that says which check failed. Never holds the token.

    `sign_in`: once the signature has verified. `facts` may come from a token that did not verify,
    so they are cut short.
    """
    logged = {name: str(value)[:200] for name, value in facts.items()}
    logger.info("token_refused", check=check, **logged)
    detail = REFUSALS.get(check, NOT_ONE_OF_THIS_POOL)
    if sign_in is None:
        return ServiceError(ErrorCode.INVALID_TOKEN, detail)
    return TokenRefused(ErrorCode.INVALID_TOKEN, detail, sign_in)
