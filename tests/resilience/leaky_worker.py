"""The service's own worker, in a service with the leaks that LEAKS names."""

import logging
import os
import sys
from typing import Any
from unittest.mock import patch

from flask import request

from app.domain.access_token import AccessToken
from app.domain.errors import ServiceError, ErrorCode
from app.http.problems import problem
from app.observability import metrics
from app.observability.audit import AuditLog
from app.server import Worker as Worker

record_audit = AuditLog.record
request_labels = metrics.REQUESTS.labels


def query_in_request_log() -> None:
    patch(
        "app.observability.logs.trace_id",
        lambda: request.query_string.decode() if request else None,
    ).start()


def libraries_at_debug() -> None:
    logging.getLogger().setLevel(logging.DEBUG)


def token_in_audit() -> None:
    def record(self: AuditLog, action: str, token: AccessToken, device: Any, outcome: str) -> None:
        record_audit(self, action, token, device, token.value)

    patch.object(AuditLog, "record", record).start()


def path_in_metric() -> None:
    patch.object(
        metrics.REQUESTS,
        "labels",
        lambda method, route, status: request_labels(
            method, request.full_path if request else route, status
        ),
    ).start()


def all_of_a_span() -> None:
    patch("app.observability.spans.plain", lambda span: span).start()


def token_in_rate_limit_key() -> None:
    patch("app.http.rate_limits._caller_key", lambda: request.headers["Authorization"]).start()


def words_of_cognito() -> None:
    patch(
        "app.cognito.client.to_device_error",
        lambda operation, kind, message: ServiceError(ErrorCode.INVALID_PARAMETER, message),
    ).start()


def words_of_gunicorn() -> None:
    patch(
        "app.http.unparsed.problem",
        lambda *about: problem(*about) | {"detail": str(sys.exc_info()[1])},
    ).start()


for leak in os.environ["LEAKS"].split():
    globals()[leak]()
