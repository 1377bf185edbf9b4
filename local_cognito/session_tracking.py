"""What a pool with session tracking remembers of where each user is signed in.

A token session stands for one sign-in and lives as long as its tokens: whatever revokes them (this,
RevokeToken, a sign-out everywhere) takes it out of the list. An SSO session stands for a browser
that has signed in at the managed login; token sessions come through it, and it has no tokens of its
own. A sign-out everywhere leaves it, as it leaves the browser's cookie. Facts: `docs/cognito.md`,
"Sessions".

AWS's lists and links lag by a few seconds; these do not.
"""

from __future__ import annotations

import secrets
import string
import threading
import time
from dataclasses import dataclass, field

from local_cognito.caller import UNKNOWN, Caller, current_caller
from local_cognito.tokens import TokenFamily

DEFAULT_MAX_PER_USER = 20
DEFAULT_SSO_MAX_VALIDITY_MINUTES = 60
ID_ALPHABET = string.ascii_lowercase + string.digits

Location = dict[str, str | None]
"""City (may be null) and Country (its English name)."""


class Locations:
    """Where addresses are. There is no database of them here, so somebody has to say."""

    def __init__(self) -> None:
        self._everywhere: Location = {"City": None, "Country": UNKNOWN}
        self._by_address: dict[str, Location] = {}

    def place(self, address: str | None, location: Location) -> None:
        """Sets the location of one address, or of all that have none of their own."""
        if address is None:
            self._everywhere = location
        else:
            self._by_address[address] = location

    def of(self, address: str) -> Location:
        return self._by_address.get(address, self._everywhere)


@dataclass
class UserSession:
    """One place where a user is signed in. `sequence` grows, so that a page can start after it.

    `family` is None for an SSO session; `origin` is the SSO session that a token session came
    through.
    """

    sub: str
    client_id: str
    sequence: int
    family: TokenFamily | None
    caller: Caller
    location: Location
    origin: UserSession | None = None
    created: float = field(default_factory=time.time)
    ended: bool = False

    def __post_init__(self) -> None:
        prefix = "sso" if self.family is None else "tkn"
        self.id = prefix + "".join(secrets.choice(ID_ALPHABET) for _ in range(25))
        self.last_active = self.created

    @property
    def is_active(self) -> bool:
        if self.family is None:
            return not self.ended
        return not self.family.revoked and self.family.refresh_expires_at > time.time()

    def end(self) -> None:
        """Its access and refresh tokens fail from now on."""
        self.ended = True
        if self.family is not None:
            self.family.revoked = True


class SessionTracking:
    """The sessions of one pool, and whether it keeps any: off until it is turned on."""

    def __init__(self, lock: threading.RLock, locations: Locations) -> None:
        self.enabled = False
        self.max_per_user = DEFAULT_MAX_PER_USER
        # By the client's id; dormant while the pool tracks no sessions.
        self.sso_max_validity_minutes: dict[str, int] = {}
        self._lock = lock
        self._locations = locations
        self._by_owner: dict[str, list[UserSession]] = {}
        self._ever = 0

    def configure(self, enabled: bool, max_per_user: int) -> None:
        """Turning it off forgets the records, and ends nobody's tokens."""
        with self._lock:
            self.enabled, self.max_per_user = enabled, max_per_user
            if not enabled:
                self._by_owner.clear()

    def record_sign_in(self, family: TokenFamily) -> None:
        """A new token session; the least recently used of too many others are ended first."""
        if not self.enabled:
            return
        with self._lock:
            others = [one for one in self.active(family.sub) if one.family is not None]
            too_many = max(0, len(others) + 1 - self.max_per_user)
            for session in sorted(others, key=lambda one: one.last_active)[:too_many]:
                session.end()
            self._add(family.sub, family.client_id, family)

    def record_activity(self, family: TokenFamily, *, rotated: bool) -> None:
        """Tokens were refreshed: the session is where that was asked from. For an SSO session, only
        a refresh token that is rotated counts."""
        session = self.of_family(family)
        if session is not None:
            self._touch(session)
            if rotated and session.origin is not None:
                self._touch(session.origin)

    def begin_sso(self, sub: str, client_id: str) -> UserSession:
        """A sign-in at the managed login, before any app has got tokens by it."""
        with self._lock:
            return self._add(sub, client_id, None)

    def link(self, family: TokenFamily, origin: UserSession) -> None:
        """The sign-in came through that SSO session, which is thereby active."""
        session = self.of_family(family)
        if session is not None:
            session.origin = origin
            self._touch(origin)

    def _add(self, sub: str, client_id: str, family: TokenFamily | None) -> UserSession:
        self._ever += 1
        caller = current_caller()
        location = self._locations.of(caller.address)
        session = UserSession(sub, client_id, self._ever, family, caller, location)
        self._by_owner[sub] = [*self.active(sub), session]
        return session

    def _touch(self, session: UserSession) -> None:
        session.caller = current_caller()
        session.location = self._locations.of(session.caller.address)
        session.last_active = time.time()

    def active(self, sub: str) -> list[UserSession]:
        """A user's sessions that have not ended, oldest first."""
        return [session for session in self._by_owner.get(sub, ()) if session.is_active]

    def find(self, sub: str, session_id: str) -> UserSession | None:
        return next((one for one in self.active(sub) if one.id == session_id), None)

    def of_family(self, family: TokenFamily) -> UserSession | None:
        """The token session of a sign-in; None if it was not tracked, or has ended."""
        return next((one for one in self.active(family.sub) if one.family is family), None)

    def end_origin(self, family: TokenFamily) -> None:
        """Ends the SSO session that a sign-in came through, if it came through one."""
        session = self.of_family(family)
        if session is not None and session.origin is not None:
            session.origin.end()

    def linked(self, session: UserSession) -> list[UserSession]:
        """From a token session, its SSO session; from an SSO session, those that came through."""
        if session.family is not None:
            return [session.origin] if session.origin is not None else []
        return [one for one in self.active(session.sub) if one.origin is session]
