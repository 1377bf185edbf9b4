"""AWS's JSON 1.1 protocol, and the cross-origin headers that Cognito sends."""

from __future__ import annotations

import json
import uuid
from typing import Any

from werkzeug.wrappers import Request, Response

from local_cognito.errors import CognitoError

CONTENT_TYPE = "application/x-amz-json-1.1"
TARGET_SERVICE = "AWSCognitoIdentityProviderService"


def aws_json(body: bytes, status: int = 200) -> Response:
    response = Response(body, status=status, content_type=CONTENT_TYPE)
    response.headers["x-amzn-RequestId"] = str(uuid.uuid4())
    return response


def aws_answer(answer: dict[str, Any] | None) -> Response:
    """An operation's answer. None is an empty body, as of ForgetDevice, which has no output."""
    return aws_json(b"" if answer is None else json.dumps(answer).encode())


def aws_error(error: CognitoError) -> Response:
    body = json.dumps({"__type": error.type, "message": error.message}).encode()
    response = aws_json(body, error.status)
    response.headers["x-amzn-ErrorType"] = f"{error.type}:"
    response.headers["x-amzn-ErrorMessage"] = error.message
    return response


def aws_operation(request: Request) -> str:
    """The operation that X-Amz-Target names; empty where it names none of Cognito's."""
    prefix, _, operation = request.headers.get("X-Amz-Target", "").rpartition(".")
    return operation if prefix == TARGET_SERVICE else ""


def allow_any_origin(request: Request, response: Response) -> Response:
    """Browsers call Cognito from any origin, so Cognito allows all of them."""
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Access-Control-Expose-Headers"] = (
        "x-amzn-RequestId,x-amzn-ErrorType,x-amzn-ErrorMessage,Date"
    )
    if request.method == "OPTIONS":
        asked = request.headers.get("Access-Control-Request-Headers", "*")
        response.headers["Access-Control-Allow-Headers"] = asked
        response.headers["Access-Control-Allow-Methods"] = "GET,POST,DELETE,OPTIONS"
        response.headers["Access-Control-Max-Age"] = "172800"
    return response
