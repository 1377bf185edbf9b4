"""How tests call the API, and what every problem must look like."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from flask.testing import FlaskClient
from werkzeug.datastructures import Headers
from werkzeug.test import TestResponse


class ApiClient(FlaskClient):
    """Flask's test client, sending `authorization` with each call that has no such header."""

    authorization: str | None = None

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        headers = Headers(kwargs.pop("headers", None))
        if self.authorization is not None and "Authorization" not in headers:
            headers["Authorization"] = self.authorization
        return super().open(*args, headers=headers, **kwargs)

    def with_token(self, token: str) -> ApiClient:
        """Another caller of the same application."""
        return self.with_authorization(f"Bearer {token}")

    def with_authorization(self, authorization: str | None) -> ApiClient:
        client = self.application.test_client()
        assert isinstance(client, ApiClient)
        client.authorization = authorization
        return client


def assert_problem(
    response: TestResponse,
    status: int,
    code: str,
    *,
    challenge: str | None = None,
    retry_after: bool = False,
    errors: Mapping[str, list[str]] | None = None,
) -> dict[str, Any]:
    """Check `response` against api.md's "Problems", member by member; gives back the problem.

    `challenge`: what WWW-Authenticate must begin with. `retry_after`: whether there must be one.
    `errors`: what the member of that name must hold; None when there must be none.
    """
    assert (response.status_code, response.get_json(force=True).get("code")) == (status, code)
    assert response.content_type == "application/problem+json"
    problem: dict[str, Any] = response.get_json(force=True)
    members = {"type", "title", "status", "detail", "instance", "code", "requestId"}
    assert set(problem) == (members if errors is None else members | {"errors"})
    assert problem["type"] == f"urn:device-bff:problem:{code}"
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"]
    assert unquote(problem["instance"]) == response.request.path
    assert problem["requestId"] == response.headers["X-Request-ID"]
    assert problem.get("errors") == errors

    challenged = response.headers.get("WWW-Authenticate")
    if challenge is None:
        assert challenged is None
    elif challenge == "Bearer":
        assert challenged == "Bearer"
    else:
        assert challenged is not None
        assert challenged.startswith(challenge)

    advised = response.headers.get("Retry-After")
    if retry_after:
        assert advised is not None
        assert int(advised) >= 1
    else:
        assert advised is None
    return problem
