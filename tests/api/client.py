"""How tests call the API, and what every problem must look like."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from flask.testing import FlaskClient
from werkzeug.datastructures import Headers
from werkzeug.test import TestResponse

from tests.api.fake_cognito import FakeCognito
from tests.api.tokens import DEVICES_SCOPE

INVALID_TOKEN = 'Bearer error="invalid_token"'
INSUFFICIENT_SCOPE = f'Bearer error="insufficient_scope", scope="{DEVICES_SCOPE}"'


class ApiClient(FlaskClient):
    """Flask's test client, sending `authorization` with each call that has no such header."""

    authorization: str | None = None

    @property
    def cognito(self) -> FakeCognito:
        """What the application calls."""
        fake: FakeCognito = self.application.extensions["fake_cognito"]
        return fake

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
    """Check `response` against docs/problems.md, member by member; gives back the problem.

    `challenge`: what WWW-Authenticate must begin with. `retry_after`: whether there must be one.
    `errors`: what the member of that name must hold; None when there must be none.
    """
    problem: dict[str, Any] = response.get_json(force=True)
    assert (response.status_code, problem.get("code")) == (status, code)
    assert response.content_type == "application/problem+json"
    assert problem == {
        "type": f"urn:device-bff:problem:{code}",
        "title": problem["title"] or "must be there",
        "status": status,
        "detail": problem["detail"] or "must be there",
        "instance": problem["instance"],
        "code": code,
        "requestId": response.headers["X-Request-ID"],
    } | ({} if errors is None else {"errors": errors})
    assert unquote(problem["instance"]) == response.request.path

    challenged = response.headers.get("WWW-Authenticate")
    if challenge is None or challenge == "Bearer":
        assert challenged == challenge
    else:
        assert (challenged or "").startswith(challenge)
    advised = response.headers.get("Retry-After", type=int)
    assert (advised or 0) >= 1 if retry_after else advised is None
    return problem
