"""The user pool's public keys: RFC 7517, at `{issuer}/.well-known/jwks.json`.

Cognito has two keys and rotates them. Known keys serve on while their refresh fails, so that the
document's address may be down for as long as nobody signs with a new key.
"""

import json
import math
import threading
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import structlog
from jwt import PyJWK
from jwt.exceptions import PyJWTError
from urllib3 import PoolManager, ProxyManager, Timeout
from urllib3.exceptions import HTTPError
from urllib3.poolmanager import pool_classes_by_scheme
from urllib3.util import make_headers

from app.domain.errors import DeviceError, ErrorCode
from app.transport import AnswerTooLarge, bounded

logger = structlog.get_logger(__name__)

DOCUMENT_MAX_BYTES = 256 * 1024
POOL_CLASSES = bounded(pool_classes_by_scheme, DOCUMENT_MAX_BYTES)

PATIENCE = 0.5
"""Seconds of a fetch for which a call waits for its turn to wait for it. When keys rotate, or a
worker begins under load, a crowd comes with an unknown `kid` at once, and a healthy fetch is over
before this; when it is not, nobody else is to wait."""

Keys = Mapping[str, PyJWK]


class JwksUnavailable(Exception):
    """The key set could not be fetched, or what came back is no key set."""


def fetch_jwks(url: str, connect_timeout: float, read_timeout: float) -> bytes:
    """The document at `url`. Timeouts in seconds, of which the second is for the whole answer.

    Raises:
        JwksUnavailable: no answer in time, not a 200, or too large.
    """
    timeout = Timeout(connect=connect_timeout, read=read_timeout)
    try:
        with _http_for(url) as http:
            http.pool_classes_by_scheme = POOL_CLASSES
            response = http.request(
                "GET", url, timeout=timeout, retries=False, redirect=False, preload_content=False
            )
            body = b"".join(response.stream(decode_content=False))
    except HTTPError as error:
        raise JwksUnavailable(type(error).__name__) from error
    except AnswerTooLarge as error:
        raise JwksUnavailable(str(error)) from error
    if response.status != 200:
        raise JwksUnavailable(f"HTTP {response.status}")
    return body


def _http_for(url: str) -> PoolManager:
    """Through the proxy that the environment names (HTTPS_PROXY, NO_PROXY), as botocore goes."""
    target = urlsplit(url)
    proxy = getproxies().get(target.scheme)
    if not proxy or proxy_bypass(target.netloc):
        return PoolManager()
    named = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    credentials = f"{unquote(named.username or '')}:{unquote(named.password or '')}"
    return ProxyManager(
        named.geturl(),
        proxy_headers=make_headers(proxy_basic_auth=credentials) if named.username else None,
    )


def parse_jwks(body: bytes) -> Keys:
    """The RS256 signature keys in a document, by `kid`.

    Raises:
        JwksUnavailable: there is no usable one.
    """
    keys: dict[str, PyJWK] = {}
    try:
        for jwk in json.loads(body)["keys"]:
            if jwk["kty"] == "RSA" and jwk.get("use", "sig") == "sig":
                keys[str(jwk["kid"])] = PyJWK(jwk, algorithm="RS256")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, PyJWTError) as error:
        raise JwksUnavailable("not a JSON Web Key Set") from error
    if not keys:
        raise JwksUnavailable("no RS256 signature key")
    return keys


class JwksCache:
    """The key set, kept between calls and shared by a worker's threads.

    `max_age`: seconds after which the next call has the keys refreshed behind its back.
    `refetch_interval`: seconds that must pass between two fetches for the sake of an unknown
    `kid`, or after a fetch that failed, so that made-up tokens cannot make us hammer Cognito.
    `max_waiting`: how many calls may wait for a fetch to its end, so that a slow answer does not
    take every thread; the others give up `PATIENCE` after it began.
    `known`: keys to begin with, to be refreshed at their first use.
    """

    def __init__(
        self,
        fetch: Callable[[], Keys],
        *,
        max_age: float,
        refetch_interval: float,
        max_waiting: int,
        clock: Callable[[], float] = time.monotonic,
        on_fetch: Callable[[str], None] = lambda outcome: None,
        known: Keys = MappingProxyType({}),
    ) -> None:
        self._fetch = fetch
        self._max_age = max_age
        self._refetch_interval = refetch_interval
        self._clock = clock
        self._on_fetch = on_fetch
        self._keys = known
        self._fetched_at = -math.inf
        self._unknown_kid_at = -math.inf
        self._failed_at = -math.inf
        self._fetching = threading.Lock()
        self._fetch_began: float | None = None
        self._waiting = threading.BoundedSemaphore(max_waiting)

    def ready(self) -> bool:
        """Whether any key is at hand; if none is, have them fetched meanwhile."""
        if not self._keys:
            self._refresh_in_background()
        return bool(self._keys)

    def key(self, kid: str) -> PyJWK | None:
        """The key named `kid`; None if the pool has no such key.

        Raises:
            DeviceError: `upstream-unavailable`, when the key is not at hand and cannot be had.
        """
        key = self._keys.get(kid)
        if key is None:
            return self._look_up_unknown(kid)
        if self._clock() - self._fetched_at > self._max_age:
            self._refresh_in_background()
        return key

    def _look_up_unknown(self, kid: str) -> PyJWK | None:
        if not self._waiting.acquire(timeout=self._patience()):
            raise self._cannot_be_had()
        try:
            with self._fetching:  # one fetch answers everybody who waits here
                if kid not in self._keys and self._may_refetch():
                    if self._keys:
                        self._unknown_kid_at = self._clock()
                    self._refresh()
                key = self._keys.get(kid)
                if key is None and self._failed_at > self._fetched_at:
                    raise self._cannot_be_had()
                return key
        finally:
            self._waiting.release()

    def _patience(self) -> float:
        began = self._fetch_began
        return PATIENCE if began is None else max(0.0, began + PATIENCE - self._clock())

    def _cannot_be_had(self) -> DeviceError:
        return DeviceError(
            ErrorCode.UPSTREAM_UNAVAILABLE,
            "The user pool's keys, which the access token is verified with, "
            "cannot be fetched at the moment. Try again later.",
            retry_after=math.ceil(max(1.0, self._wait())),  # before any failure: minus infinity
        )

    def _may_refetch(self) -> bool:
        since_unknown_kid = self._clock() - self._unknown_kid_at
        return self._wait() <= 0 and (not self._keys or since_unknown_kid >= self._refetch_interval)

    def _wait(self) -> float:
        """Seconds until a fetch may be tried again after one that failed."""
        return self._failed_at + self._refetch_interval - self._clock()

    def _refresh_in_background(self) -> None:
        if self._wait() > 0 or not self._fetching.acquire(blocking=False):
            return

        def refresh() -> None:
            try:
                self._refresh()
            finally:
                self._fetching.release()

        threading.Thread(target=refresh, name="jwks-refresh", daemon=True).start()

    def _refresh(self) -> None:
        self._fetch_began = self._clock()
        try:
            keys = self._fetch()
        except JwksUnavailable as error:
            self._failed_at = self._clock()
            self._on_fetch("failed")
            logger.warning("jwks_fetch_failed", reason=str(error), keys_known=len(self._keys))
            return
        finally:
            self._fetch_began = None
        self._keys = keys
        self._fetched_at = self._clock()
        self._on_fetch("fetched")
        logger.info("jwks_fetched", kids=sorted(keys))
