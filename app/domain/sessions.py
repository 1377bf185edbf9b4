"""Sessions: the places where a user is signed in, federated and Hosted UI sign-ins included.

Words and values are Cognito's (`SessionDescriptionType` of the botocore model of cognito-idp;
Developer Guide, "Managing user sessions").
"""

import re
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from app.domain.bounds import Bounds, IpAddress, NextCursor, Shown
from app.domain.devices import Description

SESSION_ID_PATTERN = r"^(tkn|sso)[a-z0-9]{25}$"
SESSION_ID_LENGTH = 28
SESSIONS_MAX = 125
"""ListUserSessions answers at most this many sessions a page."""

_SESSION_ID = re.compile(SESSION_ID_PATTERN)

SessionId = Annotated[
    str, Bounds(SESSION_ID_LENGTH, SESSION_ID_LENGTH, SESSION_ID_PATTERN), "A session id."
]


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
    """Where a session was last active, as Cognito estimates it from the address."""

    city: Annotated[str | None, "In English; null when Cognito does not know."] = None
    country: Annotated[str | None, "In English; null when Cognito does not know."] = None


@dataclass(frozen=True, slots=True)
class Session:
    """A place where the user is signed in."""

    # Times are in UTC. None is what Cognito did not say.
    id: Annotated[SessionId, "The session id, Cognito's own."]
    session_type: Annotated[
        SessionType,
        "`token`: an app's sign-in, which holds tokens. `sso`: a browser's managed login, through "
        "which several token sessions may come.",
    ]
    current: Annotated[bool, "Whether it is the session that makes this call."] = False
    client_id: Annotated[str | None, "The app client that the user signed in to."] = None
    client_name: Annotated[
        str | None,
        "What the operator of this service calls that app client; null when it has no name.",
    ] = None
    description: Annotated[Description, Shown.INLINE] = field(default_factory=Description)
    last_ip_address: Annotated[
        IpAddress | None,
        "The address that the session was last active from. IPv4 or IPv6; null when Cognito did "
        "not say.",
    ] = None
    last_location: Annotated[Location, "Where that was."] = field(default_factory=Location)
    created_at: Annotated[datetime | None, "When the user signed in. UTC."] = None
    last_active_at: Annotated[
        datetime | None, "When the session last refreshed its tokens. UTC."
    ] = None
    origin_session_id: Annotated[
        SessionId | None,
        "The `sso` session that a token session came through; null where there is none.",
    ] = None
    device_text: str | None = None
    """Cognito's `DeviceType`, what it makes of the User-Agent; `description` is made of it."""


@dataclass(frozen=True, slots=True)
class SessionPage:
    """One page of the user's sessions."""

    items: Annotated[tuple[Session, ...], Bounds(SESSIONS_MAX), "The sessions, in Cognito's order."]
    next_cursor: NextCursor
