"""The user pool's public keys: RFC 7517, at `{issuer}/.well-known/jwks.json`.

PyJWT fetches and reads a key set. What is ours: known keys serve on while their refresh fails, so
that the address may be down for as long as Cognito signs with a known key; and made-up key ids
cause few fetches.
"""

import math
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import gevent
import structlog
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt import PyJWK, PyJWKClient
from jwt.exceptions import PyJWTError

from app.domain.errors import ErrorCode, ServiceError
from app.observability import metrics

logger = structlog.get_logger(__name__)

MODULUS_MIN_BITS = 2048
"""RFC 7518, section 3.3."""

Keys = Mapping[str, RSAPublicKey]


class KeysUnavailable(Exception):
    """The key set could not be fetched, or holds no key to verify with."""


class FetchTimeout(BaseException):
    """A fetch took too long. Not an Exception, so that no library swallows it."""


def fetch_keys(url: str, timeout: float, tls: ssl.SSLContext) -> Keys:
    """The keys at `url` that verify RS256 signatures, by `kid`; the others are passed over (RFC
    7517, section 5).

    Goes through the proxy of HTTPS_PROXY. `timeout`: seconds for all of it. `tls`: knows which
    certificate authorities to trust.

    Raises:
        KeysUnavailable: no key set came in time, or it has no such key.
    """
    client = PyJWKClient(
        url,
        cache_jwk_set=False,
        timeout=timeout,
        ssl_context=tls,
    )
    try:
        with gevent.Timeout(timeout, FetchTimeout):
            members = client.fetch_data().get("keys")
    except (PyJWTError, OSError, ValueError, RecursionError, FetchTimeout) as error:
        raise KeysUnavailable(str(error) or type(error).__name__) from error
    found = map(_rs256_key, members if isinstance(members, list) else [])
    keys = {kid: key for kid, key in found if key is not None}
    if not keys:
        raise KeysUnavailable("no RS256 signature key")
    return keys


def _rs256_key(jwk: Any) -> tuple[str, RSAPublicKey | None]:
    """A member of a key set, by its `kid`; None unless it verifies RS256 signatures: RFC 7517,
    section 4, and RFC 7518, section 3.3."""
    if not isinstance(jwk, dict) or not isinstance(kid := jwk.get("kid"), str):
        return "", None
    key_ops = jwk.get("key_ops", ["verify"])
    meant = (
        jwk.get("kty") == "RSA"
        and jwk.get("alg", "RS256") == "RS256"
        and jwk.get("use", "sig") == "sig"
        and isinstance(key_ops, list)
        and "verify" in key_ops
    )
    try:
        key = PyJWK(jwk, "RS256").key if meant else None
    except PyJWTError:
        return kid, None
    usable = isinstance(key, RSAPublicKey) and key.key_size >= MODULUS_MIN_BITS
    return kid, key if usable else None


class KeySet:
    """The keys at one address, kept between calls.

    `max_age`: seconds after which the next call has the keys refreshed in the background.
    `refetch_interval`: seconds between two fetches for an unknown `kid`, or after one that failed.
    """

    def __init__(
        self,
        url: str,
        fetch: Callable[[str], Keys],
        *,
        max_age: float,
        refetch_interval: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = url
        self._fetch = fetch
        self._max_age = max_age
        self._refetch_interval = refetch_interval
        self._clock = clock
        self._keys: Keys = {}
        self._fetched_at = -math.inf
        self._unknown_kid_at = -math.inf
        self._failed_at = -math.inf
        self._fetching = threading.Lock()

    def ready(self) -> bool:
        """Whether any key is at hand; if none is, have them fetched in the background."""
        if not self._keys:
            self._refresh_in_background()
        return bool(self._keys)

    def key(self, kid: str) -> RSAPublicKey | None:
        """The key named `kid`; None if the key set, fetched since this was asked, has none.

        Raises:
            ServiceError: `upstream-unavailable`, when it is not known, and cannot be fetched at
                once. The pool may have just begun to sign with it; or anybody has made it up.
        """
        return self._keys[kid] if self.has(kid) else self._look_up(kid)

    def has(self, kid: str) -> bool:
        """Whether the key named `kid` is at hand. Has old keys refreshed in the background."""
        if self._clock() - self._fetched_at > self._max_age:
            self._refresh_in_background()
        return kid in self._keys

    def _look_up(self, kid: str) -> RSAPublicKey | None:
        asked = self._clock()
        with self._fetching:  # one fetch serves all callers that wait here
            if kid not in self._keys and self._wait() <= 0:
                if self._keys:
                    self._unknown_kid_at = asked
                self._refresh()
        key = self._keys.get(kid)
        if key is not None or self._fetched_at >= asked:
            return key
        raise ServiceError(
            ErrorCode.UPSTREAM_UNAVAILABLE,
            "The key that signed the access token is not known yet. Try again later.",
            retry_after=max(1, math.ceil(self._wait())),
        )

    def _wait(self) -> float:
        """Seconds until the next fetch after one that failed, or for an unknown `kid`."""
        last = max(self._failed_at, self._unknown_kid_at)
        return max(0.0, last + self._refetch_interval - self._clock())

    def _refresh_in_background(self) -> None:
        failed_lately = self._clock() < self._failed_at + self._refetch_interval
        if failed_lately or not self._fetching.acquire(blocking=False):
            return

        def refresh() -> None:
            try:
                self._refresh()
            finally:
                self._fetching.release()

        threading.Thread(target=refresh, name="jwks-refresh", daemon=True).start()

    def _refresh(self) -> None:
        began = self._clock()
        try:
            keys = self._fetch(self._url)
        except KeysUnavailable as error:
            self._failed_at = self._clock()
            metrics.JWKS_FETCHES.labels("failed").inc()
            logger.warning(
                "jwks_fetch_failed", url=self._url, reason=str(error), keys_known=len(self._keys)
            )
            return
        self._keys = keys
        self._fetched_at = began
        metrics.JWKS_FETCHES.labels("fetched").inc()
        logger.info("jwks_fetched", url=self._url, kids=sorted(keys))
