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

import gevent
import structlog
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt import PyJWKClient
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
    client = PyJWKClient(url, cache_jwk_set=False, timeout=timeout, ssl_context=tls)
    try:
        with gevent.Timeout(timeout, FetchTimeout):
            members = client.get_signing_keys()
    except (PyJWTError, OSError, ValueError, LookupError, RecursionError, FetchTimeout) as error:
        raise KeysUnavailable(str(error) or type(error).__name__) from error
    keys = {
        str(one.key_id): one.key
        for one in members
        if one.algorithm_name == "RS256"
        and isinstance(one.key, RSAPublicKey)
        and one.key.key_size >= MODULUS_MIN_BITS
    }
    if not keys:
        raise KeysUnavailable("no RS256 signature key")
    return keys


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
        self._fetched_at = self._next_fetch = -math.inf
        self._fetching = threading.Lock()

    def ready(self) -> bool:
        """Whether any key is at hand. Has missing or old keys fetched in the background."""
        self._refresh_if_old()
        return bool(self._keys)

    def has(self, kid: str) -> bool:
        """Whether the key named `kid` is at hand. Has old keys refreshed in the background."""
        self._refresh_if_old()
        return kid in self._keys

    def key(self, kid: str) -> RSAPublicKey | None:
        """The key named `kid`; None if the key set, fetched since this was asked, has none.

        Raises:
            ServiceError: `upstream-unavailable`, when it is not known, and cannot be fetched at
                once. The pool may have just begun to sign with it; or anybody has made it up.
        """
        asked = self._clock()
        if not self.has(kid):
            with self._fetching:  # one fetch serves all callers that wait here
                if kid not in self._keys and self._clock() >= self._next_fetch:
                    if self._keys:
                        self._next_fetch = asked + self._refetch_interval
                    self._refresh()
        key = self._keys.get(kid)
        if key is not None or self._fetched_at >= asked:
            return key
        raise ServiceError(
            ErrorCode.UPSTREAM_UNAVAILABLE,
            "The key that signed the access token is not known yet. Try again later.",
            retry_after=max(1, math.ceil(self._next_fetch - self._clock())),
        )

    def _refresh_if_old(self) -> None:
        now = self._clock()
        fresh = now - self._fetched_at <= self._max_age
        if fresh or now < self._next_fetch or not self._fetching.acquire(blocking=False):
            return

        def refresh() -> None:
            try:
                self._refresh()
            finally:
                self._fetching.release()

        threading.Thread(target=refresh, name="jwks-refresh", daemon=True).start()

    def _refresh(self) -> None:
        """Fetch, while `_fetching` is held. Known keys serve on if that fails."""
        began = self._clock()
        try:
            keys = self._fetch(self._url)
        except KeysUnavailable as error:
            self._next_fetch = self._clock() + self._refetch_interval
            metrics.JWKS_FETCHES.labels("failed").inc()
            logger.warning(
                "jwks_fetch_failed", url=self._url, reason=str(error), keys_known=len(self._keys)
            )
            return
        self._keys = keys
        self._fetched_at = began
        metrics.JWKS_FETCHES.labels("fetched").inc()
        logger.info("jwks_fetched", url=self._url, kids=sorted(keys))
