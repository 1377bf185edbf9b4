"""The audit trail: what users did with their devices and sessions, for those who must account for
it later.

One CloudEvents 1.0 event in JSON a line, on standard output, whatever LOG_LEVEL says. Unlike the
request log it names the user (`sub`), as an audit must; and like it, never a secret.
"""

import json
import uuid
from datetime import UTC, datetime
from typing import Any

import structlog
from flask import g, has_request_context, request

from app.domain.access_token import AccessToken
from app.domain.audit import SUCCESS, Reason
from app.domain.errors import ErrorCode
from app.observability import metrics

TYPE_PREFIX = "device-bff."
USER_AGENT_MAX_LENGTH = 512


class AuditLog:
    """`app.domain.audit.AuditTrail`, written as log lines. `source`: the user pool's issuer."""

    def __init__(self, source: str, *, enabled: bool) -> None:
        self._source = source
        self._enabled = enabled

    def record(
        self,
        event: str,
        token: AccessToken,
        subject: str | None,
        outcome: str,
        reason: Reason | None = None,
    ) -> None:
        """One event, as `device.forgotten`; `outcome` is `success` or the code of the problem that
        the caller met."""
        kind = event.partition(".")[0]
        if reason is Reason.NOT_MINE and outcome == SUCCESS:
            metrics.NOT_MINE.labels(kind).inc()
        if outcome == ErrorCode.REAUTHENTICATION_REQUIRED:
            metrics.STEP_UPS.inc()
        if not self._enabled:
            return
        data: dict[str, Any] = {
            "sub": token.sub,
            "clientId": token.client_id,
            kind: subject,
            "fromDevice": token.device_key,
            "outcome": outcome,
        }
        if reason is not None:
            data["reason"] = reason
        if has_request_context():
            data |= {
                "address": request.remote_addr,
                "userAgent": request.headers.get("User-Agent", "")[:USER_AGENT_MAX_LENGTH],
                "requestId": g.request_id,
            }
        told = {
            "specversion": "1.0",
            "id": str(uuid.uuid4()),
            "source": self._source,
            "type": TYPE_PREFIX + event,
            "time": datetime.now(UTC).isoformat(),
            "datacontenttype": "application/json",
            **({} if subject is None else {"subject": subject}),
            "data": data,
        }
        write_line(json.dumps(told, separators=(",", ":")))


def write_line(line: str) -> None:
    """`line`, which is ASCII: readers of logs differ in what else ends a line."""
    structlog.BytesLogger().msg(line.encode())
