"""What Cognito answers, read into the domain's words: devices and sessions.

botocore's model marks all but the keys optional, and the values are free text. So a member that is
missing or makes no sense is None, an item without a usable key is left out and logged, and
one odd item never spoils a whole list. What breaks our own contract is cut to it.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from itertools import islice
from socket import AF_INET, AF_INET6, inet_ntop, inet_pton
from typing import Any, TypeVar

import structlog

from app.domain.bounds import TEXT_MAX_LENGTH, is_cursor
from app.domain.devices import (
    ATTRIBUTE_MAX_LENGTH,
    ATTRIBUTES_MAX,
    DEVICE_NAME_MAX_LENGTH,
    LIST_LIMIT_MAX,
    Device,
    DevicePage,
    DeviceStatus,
    is_device_key,
)
from app.domain.sessions import (
    SESSIONS_MAX,
    Location,
    Session,
    SessionPage,
    SessionType,
    is_session_id,
)

logger = structlog.get_logger(__name__)

Item = TypeVar("Item")

HIDDEN_ATTRIBUTES = {
    *("device_name", "last_ip_used", "dev:device_remembered_status"),  # members of their own
    *("dev:device_arn", "dev:device_owner"),  # the AWS account number, the pool and user name
}


class UnreadableAnswer(Exception):
    """A 200 that is not what Cognito answers."""


def nothing(answer: Mapping[str, Any]) -> None:
    """ForgetDevice, UpdateDeviceStatus and the like answer with nothing but success.

    Raises:
        UnreadableAnswer: there is a member, which botocore would pass over.
    """
    if answer:
        raise UnreadableAnswer("members where none belong")


def device_page(answer: Mapping[str, Any]) -> DevicePage:
    """A page of ListDevices.

    Raises:
        UnreadableAnswer: there is no list, it is longer than asked for, or the cursor is unusable.
    """
    return DevicePage(
        items=_items(answer, "Devices", device, LIST_LIMIT_MAX),
        next_cursor=_cursor(answer.get("PaginationToken")),
    )


def session_page(answer: Mapping[str, Any]) -> SessionPage:
    """A page of ListUserSessions.

    Raises:
        UnreadableAnswer: there is no list, it is too long, or the cursor is unusable.
    """
    return SessionPage(
        items=_items(answer, "Sessions", _session, SESSIONS_MAX),
        next_cursor=_cursor(answer.get("NextToken")),
    )


def device(answer: Mapping[str, Any]) -> Device:
    """A device of Cognito's `DeviceType`.

    A user's own calls tell no `dev:*` attribute, and show remembered devices only: a device without
    a word of its status is remembered (API_ListDevices, API_GetDevice; amplify-js pull 12171).

    Raises:
        UnreadableAnswer: it has no usable key.
    """
    key = answer.get("DeviceKey")
    if not isinstance(key, str) or not is_device_key(key):
        raise UnreadableAnswer("a device without a device key")
    attributes = {
        a["Name"]: a.get("Value")
        for a in _listed(answer.get("DeviceAttributes"))
        if isinstance(a.get("Name"), str)
    }
    not_remembered = attributes.get("dev:device_remembered_status") == DeviceStatus.NOT_REMEMBERED
    return Device(
        id=key,
        name=_text(attributes.get("device_name"), DEVICE_NAME_MAX_LENGTH),
        status=DeviceStatus.NOT_REMEMBERED if not_remembered else DeviceStatus.REMEMBERED,
        last_ip_address=_ip_address(attributes.get("last_ip_used")),
        created_at=moment(answer.get("DeviceCreateDate")),
        last_modified_at=moment(answer.get("DeviceLastModifiedDate")),
        last_authenticated_at=moment(answer.get("DeviceLastAuthenticatedDate")),
        attributes=_other_attributes(attributes),
    )


def _session(answer: Mapping[str, Any]) -> Session:
    session_id = answer.get("SessionId")
    if not isinstance(session_id, str) or not is_session_id(session_id):
        raise UnreadableAnswer("a session without a session id")
    origin = answer.get("OriginSessionId")
    (location,) = _listed([answer.get("LastLocation")]) or ({},)
    return Session(
        id=session_id,
        session_type=SessionType(session_id[:3].replace("tkn", "token")),
        current=answer.get("IsCurrentSession") is True,
        client_id=_text(answer.get("ClientId")),
        last_ip_address=_ip_address(answer.get("LastIPAddress")),
        last_location=Location(_known(location.get("City")), _known(location.get("Country"))),
        created_at=moment(answer.get("CreateDate")),
        last_active_at=moment(answer.get("LastActiveDate")),
        origin_session_id=origin if isinstance(origin, str) and is_session_id(origin) else None,
        device_text=_known(answer.get("DeviceType")),
    )


def moment(value: object) -> datetime | None:
    """A time of Cognito's (epoch seconds), in UTC; None for anything else."""
    try:
        return datetime.fromtimestamp(value, UTC)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError, OSError):
        return None


def _items(
    answer: Mapping[str, Any], member: str, read: Callable[[Mapping[str, Any]], Item], most: int
) -> tuple[Item, ...]:
    listed = answer.get(member)
    if not isinstance(listed, list) or len(listed) > most:
        raise UnreadableAnswer(f"{member} is not a list of {most} at most")
    items = []
    for item in listed:
        try:
            items.append(read(item))
        except (UnreadableAnswer, AttributeError, TypeError) as error:
            logger.warning("cognito_item_left_out", because=str(error))
    return tuple(items)


def _listed(value: object) -> list[dict[str, Any]]:
    """The objects in a list; none where it is none."""
    return [it for it in value if isinstance(it, dict)] if isinstance(value, list) else []


def _cursor(value: object) -> str | None:
    if value is None or value == "":
        return None
    if not isinstance(value, str) or not is_cursor(value):
        raise UnreadableAnswer("an unusable cursor")
    return value


def _text(value: object, longest: int = TEXT_MAX_LENGTH) -> str | None:
    """A text that can be sent on: cut to its bound, without lone surrogates; None if blank."""
    if not isinstance(value, str):
        return None
    text = value[:longest]
    return (text if text.isascii() else text.encode(errors="replace").decode()).strip() or None


def _known(value: object) -> str | None:
    text = _text(value)
    return None if text is None or text.lower() == "unknown" else text


def _ip_address(value: object) -> str | None:
    """Written as people write it. Python's ipaddress takes twenty times as long."""
    if not isinstance(value, str):
        return None
    family = AF_INET6 if ":" in value else AF_INET
    try:
        return inet_ntop(family, inet_pton(family, value))
    except (OSError, ValueError):
        return None


def _other_attributes(attributes: Mapping[str, object]) -> dict[str, str]:
    others = {
        _text(name) or "": _text(value, ATTRIBUTE_MAX_LENGTH) or ""
        for name, value in attributes.items()
        if name not in HIDDEN_ATTRIBUTES
    }
    return dict(islice(others.items(), ATTRIBUTES_MAX)) if len(others) > ATTRIBUTES_MAX else others
