"""Who is calling, as far as a session's record tells of it: an address and a kind of device.

Operations are given the address alone; what else a request says of its sender is kept beside it for
as long as it is answered, because only a sign-in or a refresh, deep inside, has a use for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cached_property

from ua_parser import parse
from werkzeug.wrappers import Request

UNKNOWN = "unknown"


@dataclass(frozen=True)
class Caller:
    """The sender of a request. `user_agents` are tried in turn, until one says something."""

    address: str
    user_agents: tuple[str, ...]

    @classmethod
    def of(cls, request: Request) -> Caller:
        """Browsers let no script set User-Agent, so AWS's SDKs write x-amz-user-agent there."""
        headers = (request.headers.get(name) for name in ("User-Agent", "x-amz-user-agent"))
        return cls(request.remote_addr or "", tuple(header for header in headers if header))

    @cached_property
    def device_type(self) -> str:
        """A session's DeviceType, at most 1,024 characters."""
        return next(filter(None, map(device_type, self.user_agents)), UNKNOWN)


def device_type(user_agent: str) -> str:
    """`Chrome 126, Windows 10`; empty for what is not recognised.

    The model says that DeviceType is made of operating system and browser or app, and not how. This
    is the form of EventContextData.DeviceName, which Cognito makes of a User-Agent as well.
    """
    seen = parse(user_agent)
    parts = (seen.user_agent, seen.os)
    return ", ".join(" ".join(filter(None, (part.family, part.major))) for part in parts if part)


_caller: ContextVar[Caller] = ContextVar("caller")


def current_caller() -> Caller:
    """Who the request under way comes from; LookupError outside of one."""
    return _caller.get()


@contextmanager
def calling(caller: Caller) -> Iterator[None]:
    """Whatever is done inside is done for `caller`."""
    token = _caller.set(caller)
    try:
        yield
    finally:
        _caller.reset(token)
