"""How tests call the API."""

from __future__ import annotations

from typing import Any

from flask.testing import FlaskClient
from werkzeug.datastructures import Headers
from werkzeug.test import TestResponse

from tests.api.fake_cognito import FakeCognito


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
