"""The service's own worker, in a service with the leaks that LEAKS names."""

import logging
import os
import sys
from typing import Any
from unittest.mock import patch

from flask import request

from app.counters import Counters
from app.domain.access_token import AccessToken
from app.domain.errors import ErrorCode, ServiceError
from app.http.problems import problem
from app.observability import metrics
from app.observability.audit import AuditLog
from app.server import Worker

record_audit = AuditLog.record
count_hit = Counters.hit
request_labels = metrics.REQUESTS.labels


def query_in_request_log() -> None:
    patch(
        "app.observability.logs.trace_id",
        lambda: request.query_string.decode() if request else None,
    ).start()


def libraries_at_debug() -> None:
    logging.getLogger().setLevel(logging.DEBUG)


def token_in_audit() -> None:
    def record(self: AuditLog, event: str, token: AccessToken, subject: Any, outcome: str) -> None:
        record_audit(self, event, token, subject, token.value)

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
    def hit(self: Counters, limit: Any, *key: str, **options: Any) -> Any:
        whole = request.headers.get("Authorization", "") if request else ""
        return count_hit(self, limit, *key, whole, **options)

    patch.object(Counters, "hit", hit).start()


def words_of_cognito() -> None:
    patch(
        "app.cognito.client.to_service_error",
        lambda operation, kind, message: ServiceError(ErrorCode.INVALID_PARAMETER, message),
    ).start()


def words_of_gunicorn() -> None:
    patch(
        "app.http.unparsed.problem",
        lambda *about: problem(*about) | {"detail": str(sys.exc_info()[1])},
    ).start()


__all__ = ["Worker"]

for leak in os.environ["LEAKS"].split():
    globals()[leak]()
