"""The service's own worker, in a service that has one leak into each of its outputs."""

import sys
from typing import Any
from unittest.mock import patch

from flask import request

from app.cognito.errors import AttemptFailed
from app.counters import Counters
from app.domain.errors import ErrorCode
from app.http.problems import problem
from app.observability import metrics
from app.server import Worker

__all__ = ["Worker"]

count_hit = Counters.hit
request_labels = metrics.REQUESTS.labels


def query_as_trace_id() -> str | None:
    return request.query_string.decode() if request else None


def path_as_route(method: str, route: str, status: str) -> Any:
    return request_labels(method, request.full_path if request else route, status)


def token_in_key(self: Counters, limit: Any, *key: str, **options: Any) -> Any:
    whole = request.headers.get("Authorization", "") if request else ""
    return count_hit(self, limit, *key, whole, **options)


def words_of_cognito(operation: Any, kind: str, message: str) -> AttemptFailed:
    return AttemptFailed(ErrorCode.INVALID_PARAMETER, message)


def words_of_gunicorn(*about: Any) -> Any:
    return problem(*about) | {"detail": str(sys.exc_info()[1])}


patch("app.observability.logs.trace_id", query_as_trace_id).start()
patch.object(metrics.REQUESTS, "labels", path_as_route).start()
patch("app.observability.spans.plain", lambda span: span).start()
patch.object(Counters, "hit", token_in_key).start()
patch("app.cognito.errors.to_service_error", words_of_cognito).start()
patch("app.http.unparsed.problem", words_of_gunicorn).start()
