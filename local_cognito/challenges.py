"""Sign-ins under way: what each has proved so far, and what it was asked last.

A challenge is found by the session or secret block that went out with it. It is short-lived, and
used once: an answer takes it out, and only answers that Cognito lets a client repeat (a wrong
TOTP code, a device that is gone) put it back.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Hashable
from dataclasses import dataclass, field

from local_cognito import srp

MAX_WRONG_CODES = 5


@dataclass
class SignIn:
    """One sign-in: who, through which client, and what has been proved."""

    client_id: str
    username: str
    device_key: str | None
    # SRP alone gives devices; USER_PASSWORD_AUTH does not (amplify-js 2705).
    gives_device: bool
    caller_ip: str
    mfa_done: bool = False
    device_done: bool = False


@dataclass
class Challenge:
    """A question put to the client. `exchange` is there when it is an SRP one."""

    name: str
    sign_in: SignIn
    expires_at: float
    exchange: srp.Server | None = field(default=None, repr=False)
    wrong_codes: int = 0


class Challenges:
    """The open challenges of a pool, each under one or more keys."""

    def __init__(self) -> None:
        self._open: dict[Hashable, Challenge] = {}
        self._lock = threading.Lock()

    def open(self, challenge: Challenge, *keys: Hashable) -> None:
        with self._lock:
            self._drop_expired()
            for key in keys:
                self._open[key] = challenge

    def take(self, key: Hashable, name: str) -> Challenge | None:
        """The challenge, now closed under all its keys; None when there is no such open one."""
        with self._lock:
            challenge = self._open.get(key)
            if challenge is None or challenge.name != name:
                return None
            self._forget(challenge)
        return challenge if challenge.expires_at > time.time() else None

    def _forget(self, challenge: Challenge) -> None:
        for key in [key for key, one in self._open.items() if one is challenge]:
            del self._open[key]

    def _drop_expired(self) -> None:
        """Oldest first, and all of a pool live about as long, so this looks at few."""
        now = time.time()
        for key, challenge in list(self._open.items())[:10]:
            if challenge.expires_at <= now:
                del self._open[key]


def new_session() -> str:
    return secrets.token_urlsafe(150)
