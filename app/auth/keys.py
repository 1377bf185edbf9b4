"""The user pool's public keys: RFC 7517, at `{issuer}/.well-known/jwks.json`.

PyJWT fetches and reads a key set. What is ours: known keys serve on while their refresh fails, so
that the address may be down for as long as Cognito signs with a known key; and made-up key ids
cause few fetches.
"""

import math
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
from app.settings import Settings, tls_context

logger = structlog.get_logger(__name__)

MODULUS_MIN_BITS = 2048
"""RFC 7518, section 3.3."""

Keys = Mapping[str, RSAPublicKey]


class KeysUnavailable(Exception):
    """The key set could not be fetched, or holds no key to verify with."""


class FetchTimeout(BaseException):
    """A fetch took too long. Not an Exception, so that no library swallows it."""


def fetch_keys(settings: Settings, url: str) -> Keys:
    """The keys at `url` that verify RS256 signatures, by `kid`; the others are passed over (RFC
    7517, section 5). Goes through the proxy of HTTPS_PROXY.

    Raises:
        KeysUnavailable: no key set came in the time for an attempt, or it has no such key.
    """
    timeout = settings.cognito_attempt_timeout
    tls = tls_context(settings.ca_bundle)
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

    Keys of JWKS_MAX_AGE have the next call refresh them in the background. Between two fetches for
    an unknown `kid`, or after one that failed, is JWKS_REFETCH_INTERVAL.
    """

    def __init__(
        self,
        settings: Settings,
        url: str,
        fetch: Callable[[Settings, str], Keys] = fetch_keys,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._url = url
        self._fetch = fetch
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
                        self._next_fetch = asked + self._settings.jwks_refetch_interval
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
        fresh = now - self._fetched_at <= self._settings.jwks_max_age
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
            keys = self._fetch(self._settings, self._url)
        except KeysUnavailable as error:
            self._next_fetch = self._clock() + self._settings.jwks_refetch_interval
            metrics.JWKS_FETCHES.labels("failed").inc()
            logger.warning(
                "jwks_fetch_failed", url=self._url, reason=str(error), keys_known=len(self._keys)
            )
            return
        self._keys = keys
        self._fetched_at = began
        metrics.JWKS_FETCHES.labels("fetched").inc()
        logger.info("jwks_fetched", url=self._url, kids=sorted(keys))


def key_sets(settings: Settings) -> dict[str, KeySet]:
    """The user pool's keys by issuer; issuers whose keys are at one address share them."""
    sets = {url: KeySet(settings, url) for url in settings.key_addresses.values()}
    return {issuer: sets[url] for issuer, url in settings.key_addresses.items()}
