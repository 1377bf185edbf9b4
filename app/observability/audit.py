"""The audit trail: what users did with their devices, for those who must answer for it later.

One CloudEvents 1.0 event in JSON a line, on a logger of its own that writes to standard output.
Unlike the request log it names the user (`sub`), for an audit must; and like it, never a secret.
"""

import logging
import sys
import uuid
from datetime import UTC, datetime
from typing import Any

from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from flask import g, has_request_context, request

from app.domain.access_token import AccessToken

LOGGER_NAME = "device_bff.audit"
TYPE_PREFIX = "device-bff.device."
USER_AGENT_MAX_LENGTH = 512

_format = JSONFormat()


class AuditLog:
    """`app.devices.service.AuditTrail`, written as log lines. `source`: the user pool's issuer."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._logger = logging.getLogger(LOGGER_NAME)

    def record(self, action: str, token: AccessToken, device_key: str | None, outcome: str) -> None:
        """One event; `outcome` is `success` or the code of the problem that the caller met."""
        attributes: dict[str, Any] = {
            "specversion": "1.0",
            "id": str(uuid.uuid4()),
            "source": self._source,
            "type": TYPE_PREFIX + action,
            "time": datetime.now(UTC),
            "datacontenttype": "application/json",
        }
        if device_key is not None:
            attributes["subject"] = device_key
        data: dict[str, Any] = {
            "sub": token.sub,
            "clientId": token.client_id,
            "device": device_key,
            "fromDevice": token.device_key,
            "outcome": outcome,
        }
        if has_request_context():
            data |= {
                "address": request.remote_addr,
                "userAgent": request.headers.get("User-Agent", "")[:USER_AGENT_MAX_LENGTH],
                "requestId": g.request_id,
            }
        self._logger.info(_format.write(CloudEvent(attributes, data)).decode())


def configure(enabled: bool) -> None:
    """Let the trail's lines out as they are, or not at all."""
    logger = logging.getLogger(LOGGER_NAME)
    logger.handlers = [logging.StreamHandler(sys.stdout)] if enabled else [logging.NullHandler()]
    logger.setLevel(logging.INFO)
    logger.propagate = False
