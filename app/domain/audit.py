"""The audit trail, as the use cases see it."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Protocol

from app.domain.access_token import AccessToken
from app.domain.errors import ErrorCode, ServiceError

SUCCESS = "success"


class Reason(StrEnum):
    """What the user said of the device or session. It changes nothing but the audit event."""

    NOT_MINE = "not-mine"


class AuditTrail(Protocol):
    """Where it is kept what users did."""

    def record(
        self,
        event: str,
        token: AccessToken,
        subject: str | None,
        outcome: str,
        reason: Reason | None = None,
    ) -> None:
        """Keep that the token's owner did `event` (as `device.forgotten`) to `subject`, a device
        key or a session id. `outcome`: `success`, or the code of the problem."""


@contextmanager
def audited(
    trail: AuditTrail,
    event: str,
    token: AccessToken,
    subject: str | None,
    reason: Reason | None = None,
) -> Iterator[None]:
    """Record `event` when the block ends, with its outcome."""
    outcome = ErrorCode.INTERNAL_ERROR.value
    try:
        yield
        outcome = SUCCESS
    except ServiceError as error:
        outcome = error.code.value
        raise
    finally:
        trail.record(event, token, subject, outcome, reason)
