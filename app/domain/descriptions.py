"""What a person reads of a device or a session, instead of what a client library wrote."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated


class DeviceType(StrEnum):
    """What kind of thing it is, for an icon."""

    PHONE = "phone"
    TABLET = "tablet"
    COMPUTER = "computer"
    TV = "tv"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Description:
    """Each is None when nothing certain can be said.

    `display_name` is what to show, as "Chrome on macOS"; `operating_system` is a family, as
    "macOS" or "Android", and has a version only as "Windows 10" and "Windows 11".
    """

    display_name: Annotated[
        str | None,
        "What to show a person. Made of what a client library put into the name; a name that a "
        "person chose stays as it is. Null where nothing is known.",
    ] = None
    device_type: Annotated[DeviceType | None, "For an icon. Null where nothing is known."] = None
    operating_system: Annotated[
        str | None, "As `macOS` or `Android`; null where nothing is known."
    ] = None
    browser: Annotated[str | None, "As `Chrome`; null where nothing is known, and in apps."] = None
