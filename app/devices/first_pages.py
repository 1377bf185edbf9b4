"""First pages of device lists, kept in Redis for DEVICE_CACHE_SECONDS: each costs Cognito's quota.

Redis holds nothing that it could read: a page is encrypted with a key made of the access token that
it was asked with, and found by hashes. So no token opens another's page. A write of a user's drops
all pages of that user. While Redis is away every page is Cognito's own.
"""

import hashlib
import os
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from app.domain.access_token import AccessToken
from app.domain.devices import Device, DevicePage, DeviceStatus
from app.domain.pseudonyms import pseudonym
from app.optional_redis import OptionalRedis, client_options

PREFIX = "device-bff:first-page:"
SETTLING_SECONDS = 30
"""After a write no page is kept for so long: one that was read before it may be on its way yet."""
NONCE_BYTES = 12
TIMEOUT, PAUSE = 0.5, 1.0
"""Seconds: for all that one question takes, and to leave Redis alone after it failed. A miss costs
Cognito's quota, so patience pays here, and a busy worker is slow to see that Redis has answered."""

# One step, so that no write comes between: KEYS are the mark of a write, and the user's pages.
_KEEP = """
if redis.call('exists', KEYS[1]) == 0 then
  redis.call('hset', KEYS[2], ARGV[1], ARGV[2])
  redis.call('expire', KEYS[2], ARGV[3])
end
"""


class FirstPages:
    """Keeps pages for `seconds`, in the Redis at `url`."""

    def __init__(self, url: str, seconds: int) -> None:
        from redis import Redis  # 20 MiB: not for those without Redis

        self._redis = Redis.from_url(url, **client_options(TIMEOUT))
        self._keep = self._redis.register_script(_KEEP)
        self._seconds = seconds
        self._optional = OptionalRedis(
            timeout=TIMEOUT, pause=PAUSE, subject="device_cache", without="off", again="on"
        )

    def get(self, token: AccessToken, limit: int) -> tuple[DevicePage, int] | None:
        """The page that was kept, and its age in seconds."""
        pages, field = _pages(token), _field(token, limit)
        sealed = self._ask(lambda: self._redis.hget(pages, field))
        if not isinstance(sealed, bytes):
            return None
        try:
            opened = AESGCM(_key(token)).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], None)
        except InvalidTag:
            return None
        kept = orjson.loads(opened)
        age = max(0, int(time.time() - kept["at"]))
        if age >= self._seconds:
            return None
        items = tuple(map(_device, kept["page"]["items"]))
        return DevicePage(items, kept["page"]["next_cursor"]), age

    def put(self, token: AccessToken, limit: int, page: DevicePage) -> None:
        """Keep a page, unless the user's devices have just changed."""
        nonce = os.urandom(NONCE_BYTES)
        plain = orjson.dumps({"at": time.time(), "page": page})
        sealed = nonce + AESGCM(_key(token)).encrypt(nonce, plain, None)
        keys = [_mark(token), _pages(token)]
        self._ask(lambda: self._keep(keys, [_field(token, limit), sealed, self._seconds]))

    def drop(self, token: AccessToken) -> None:
        """Forget all pages of the token's user."""

        def change() -> None:
            with self._redis.pipeline() as both:
                both.set(_mark(token), b"", ex=SETTLING_SECONDS)
                both.delete(_pages(token))
                both.execute()

        self._ask(change)

    def _ask(self, call: Callable[[], object]) -> object:
        """None while Redis is away."""
        return self._optional.ask(call, otherwise=lambda: None)


def _pages(token: AccessToken) -> str:
    return f"{PREFIX}{pseudonym(token.sub)}"


def _mark(token: AccessToken) -> str:
    return f"{PREFIX}{pseudonym(token.sub)}:changed"


def _field(token: AccessToken, limit: int) -> str:
    return hashlib.sha256(f"{limit} {token.value}".encode()).hexdigest()


def _key(token: AccessToken) -> bytes:
    derived: bytes = HKDF(SHA256(), length=32, salt=None, info=b"device-bff first page").derive(
        token.value.encode()
    )
    return derived


def _device(kept: dict[str, Any]) -> Device:
    def moment(name: str) -> datetime | None:
        return datetime.fromisoformat(kept[name]) if kept[name] else None

    return Device(
        id=kept["id"],
        name=kept["name"],
        status=DeviceStatus(kept["status"]),
        last_ip_address=kept["last_ip_address"],
        created_at=moment("created_at"),
        last_modified_at=moment("last_modified_at"),
        last_authenticated_at=moment("last_authenticated_at"),
        attributes=kept["attributes"],
    )
