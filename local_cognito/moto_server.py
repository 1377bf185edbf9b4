"""The door to moto: one WSGI app that answers every Cognito operation that is not ours."""

from __future__ import annotations

import json
from typing import Any

from moto.moto_server.werkzeug_app import create_backend_app
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Response

from local_cognito.errors import CognitoError
from local_cognito.http import CONTENT_TYPE, TARGET_SERVICE, aws_json
from local_cognito.seed import REGION

# moto reads the region from the signature. There is one region here, whatever the caller's is.
SIGNATURE = f"AWS4-HMAC-SHA256 Credential=local/20260101/{REGION}/cognito-idp/aws4_request"
# The code of ForgotPassword, which no message brings.
KEPT_HEADERS = ("x-moto-forgot-password-confirmation-code",)


class MotoServer:
    """moto's own server app for cognito-idp, in this process."""

    def __init__(self) -> None:
        self._app = create_backend_app("cognito-idp")

    def forward(self, operation: str, params: dict[str, Any]) -> Response:
        """An operation's answer in AWS's form. Raises CognitoError with moto's type and message."""
        environ = EnvironBuilder(
            method="POST",
            data=json.dumps(params),
            headers=[
                ("X-Amz-Target", f"{TARGET_SERVICE}.{operation}"),
                ("Content-Type", CONTENT_TYPE),
                ("Authorization", SIGNATURE),
            ],
        ).get_environ()
        try:
            answer = Response.from_app(self._app, environ, buffered=True)
        except NotImplementedError:
            message = f"Neither moto nor the local Cognito has {operation}"
            raise CognitoError("UnknownOperationException", message) from None
        if answer.status_code >= 400:
            raise _error_of(answer)
        response = aws_json(answer.get_data())
        for name in KEPT_HEADERS:
            if name in answer.headers:
                response.headers[name] = answer.headers[name]
        return response

    def call(self, operation: str, params: dict[str, Any]) -> dict[str, Any]:
        """As `forward`, for operations that moto does and we add something to."""
        answer: dict[str, Any] = json.loads(self.forward(operation, params).get_data() or b"{}")
        return answer


def _error_of(answer: Response) -> CognitoError:
    error = json.loads(answer.get_data())
    return CognitoError(error["__type"], error.get("message", ""), answer.status_code)
