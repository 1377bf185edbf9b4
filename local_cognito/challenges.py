"""Sign-ins under way: what each has proved so far, and what it was asked last.

A challenge is found by the session or secret block that went out with it. It lives for minutes and
is answered once. Only answers that Cognito lets a client correct (a wrong code, a device that is
gone) open it again.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Hashable
from dataclasses import dataclass, field

from local_cognito import srp
from local_cognito.errors import expired_session, invalid_session, spent_session
from local_cognito.tokens import TokenFamily


@dataclass(frozen=True)
class StepUp:
    """What USER_AUTH asks for: levels, the best first, and the sign-in that counts towards them."""

    levels: tuple[int, ...]
    earlier: TokenFamily | None


@dataclass
class SignIn:
    """One sign-in: who, through which client, and what has been proved.

    `under_alias`: a challenge was answered under another name than USER_ID_FOR_SRP.
    `custom`: the sign-in is CUSTOM_AUTH, whose trigger decides instead of the MFA settings.
    `offers_device`: CUSTOM_AUTH without a password offers none (amplify-js 2705).
    `methods`: how the user has signed in so far, by words of `amr`.
    """

    client_id: str
    username: str
    device_key: str | None
    caller_ip: str
    custom: bool = False
    offers_device: bool = True
    under_alias: bool = False
    custom_done: bool = False
    device_done: bool = False
    step_up: StepUp | None = None
    methods: set[str] = field(default_factory=set)


@dataclass
class Challenge:
    """A question put to the client. SRP ones have an `exchange`, those by message a `code`."""

    name: str
    sign_in: SignIn
    expires_at: float
    exchange: srp.Server | None = field(default=None, repr=False)
    code: str | None = field(default=None, repr=False)


class Challenges:
    """The challenges of a pool, each under one or more keys, and the keys that are spent."""

    def __init__(self) -> None:
        self._open: dict[Hashable, Challenge] = {}
        self._spent: set[Hashable] = set()
        self._lock = threading.Lock()

    def open(self, challenge: Challenge, *keys: Hashable) -> None:
        with self._lock:
            for key in keys:
                self._spent.discard(key)
                self._open[key] = challenge

    def take(self, key: Hashable, name: str) -> Challenge:
        """The challenge, now closed under all its keys.

        Raises NotAuthorizedException: there is none of that name, it is spent, or it has expired.
        """
        with self._lock:
            if key in self._spent:
                raise spent_session()
            challenge = self._open.get(key)
            if challenge is None or challenge.name != name:
                raise invalid_session()
            for one in [one for one, other in self._open.items() if other is challenge]:
                del self._open[one]
                self._spent.add(one)
        if challenge.expires_at <= time.time():
            raise expired_session()
        return challenge

    def holds(self, key: Hashable) -> bool:
        """Whether a challenge was ever opened under this key."""
        with self._lock:
            return key in self._open or key in self._spent


def new_session() -> str:
    return secrets.token_urlsafe(150)
