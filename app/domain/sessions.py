"""Sessions: the places where a user is signed in, federated and Hosted UI sign-ins included.

Words and values are Cognito's (`SessionDescriptionType` of the botocore model of cognito-idp;
Developer Guide, "Managing user sessions").
"""

import re
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from app.domain.descriptions import Description

SESSION_ID_PATTERN = r"^(tkn|sso)[a-z0-9]{25}$"
SESSION_ID_LENGTH = 28
SESSIONS_MAX = 125
"""ListUserSessions answers at most this many sessions a page."""

_SESSION_ID = re.compile(SESSION_ID_PATTERN)


def is_session_id(text: str) -> bool:
    """Whether `text` could be a session id at all, so that asking Cognito makes sense."""
    return _SESSION_ID.fullmatch(text) is not None


class SessionType(StrEnum):
    """`token`: an app's sign-in. `sso`: a browser's managed login, through which they may come."""

    TOKEN = "token"  # noqa: S105
    SSO = "sso"


class EndingScope(StrEnum):
    """Which of a user's sessions to end at once: Cognito does not end the caller's own."""

    OTHERS = "others"


@dataclass(frozen=True, slots=True)
class Location:
    """Where a session was last active, in English; None where Cognito does not know."""

    city: str | None = None
    country: str | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """A place where the user is signed in. Times are in UTC; None where Cognito has none.

    `device_text`: Cognito's `DeviceType`, what it makes of the User-Agent.
    """

    id: str
    session_type: SessionType
    current: bool = False
    client_id: str | None = None
    client_name: str | None = None
    last_ip_address: str | None = None
    last_location: Location = field(default_factory=Location)
    created_at: datetime | None = None
    last_active_at: datetime | None = None
    origin_session_id: str | None = None
    device_text: str | None = None
    description: Description = field(default_factory=Description)


@dataclass(frozen=True, slots=True)
class SessionPage:
    """One page of a user's sessions; `next_cursor` is None on the last one."""

    items: tuple[Session, ...]
    next_cursor: str | None
