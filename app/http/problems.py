"""Every error as a problem (RFC 9457): one shape of `application/problem+json`, from one place."""

from typing import Any
from urllib.parse import quote

import orjson
import structlog
from flask import Flask, Response, g, request, url_for
from gunicorn.http.errors import ParseException
from marshmallow import fields, validate
from werkzeug.exceptions import HTTPException

from app.domain.bulk import Report
from app.domain.errors import USER_ADMIN_SCOPE, ErrorCode, ServiceError
from app.http.headers import REQUEST_ID, REQUEST_ID_EXAMPLE, REQUEST_ID_PATTERN
from app.http.schemas import (
    EXTENSIBLE_ENUM,
    WORD_MAX_LENGTH,
    AnswerSchema,
    answer,
    answer_text,
)

logger = structlog.get_logger(__name__)

PROBLEM_JSON = "application/problem+json"
TYPE_PREFIX = "urn:device-bff:problem:"


class ProblemSchema(AnswerSchema):
    """A problem, as RFC 9457 defines it, with the members that this API adds."""

    type = answer(
        fields.String,
        "`code` as a URI.",
        f"{TYPE_PREFIX}device-not-found",
        metadata={"format": "uri"},
    )
    title = answer_text("What all problems of this code have in common.", "Device not found")
    status = answer(
        fields.Integer, "The HTTP status, again.", 404, metadata={"minimum": 400, "maximum": 599}
    )
    detail = answer_text(
        "What went wrong this time and what to do; for developers. Its wording may change.",
        ErrorCode.DEVICE_NOT_FOUND.detail,
    )
    instance = answer(
        fields.String,
        "The path that the problem is about; a URN when no path was understood.",
        "/devices/current",
        metadata={"format": "uri-reference"},
    )
    code = answer_text(
        "The kind of problem: what to branch on. Each call lists those it may answer with. More "
        "may come: treat one that you do not know by its `status`.",
        ErrorCode.DEVICE_NOT_FOUND.value,
        validate=validate.Length(max=WORD_MAX_LENGTH),
        metadata={EXTENSIBLE_ENUM: [code.value for code in ErrorCode]},
    )
    request_id = answer(
        fields.String,
        f"The same as {REQUEST_ID}. Log it: it finds our log lines.",
        REQUEST_ID_EXAMPLE,
        metadata={"pattern": f"^{REQUEST_ID_PATTERN}$"},
    )
    max_age = fields.Integer(
        metadata={
            "description": "With `reauthentication-required` only: seconds that may have passed "
            "since the user signed in. Left out where any sign-in is recent enough.",
            "minimum": 1,
            "maximum": 2592000,
            "examples": [300],
        },
    )
    acr_values = fields.List(
        fields.String(
            metadata={"description": "An `acr` value.", "minLength": 1, "maxLength": 1024}
        ),
        metadata={
            "description": "With `reauthentication-required` only: the sign-in's `acr` must be one "
            "of these. Left out where any is strong enough.",
            "maxItems": 100,
            "examples": [["urn:cognito:loa:4", "urn:cognito:loa:3"]],
        },
    )
    errors = fields.Dict(
        keys=fields.String(),
        values=fields.List(
            fields.String(
                metadata={
                    "description": "What is wrong with it.",
                    "minLength": 1,
                    "maxLength": 1000,
                }
            ),
            metadata={"description": "What is wrong with it.", "maxItems": 16},
        ),
        metadata={
            "description": "With `validation-failed` only: field → what is wrong with it. A nested "
            "field by its dotted path, `body` for the body as a whole.",
            "maxProperties": 4096,  # a body of 16 KiB holds no more members
            "examples": [{"status": ["Must be one of: remembered, not_remembered."]}],
        },
    )


def problem(error: ServiceError, instance: str, request_id: str) -> dict[str, Any]:
    """The members of the problem that tells of `error`. `instance`: the path it is about."""
    members: dict[str, Any] = {
        "type": f"{TYPE_PREFIX}{error.code}",
        "title": error.code.heading,
        "status": error.code.status,
        "detail": error.detail,
        "instance": instance,
        "code": error.code,
        "requestId": request_id,
    }
    if error.errors is not None:
        members["errors"] = dict(error.errors)
    return members | dict(error.members)


def failures(report: Report, endpoint: str) -> list[dict[str, Any]]:
    """What was not done in a run over many. `endpoint`: of the call for one."""
    return [
        {"id": one.id, "problem": problem(one.error, url_for(endpoint, id=one.id), g.request_id)}
        for one in report.failed
    ]


def problem_response(error: ServiceError, instance: str | None = None) -> Response:
    """The whole response for `error`. `instance`: what it is about, if not the request's path."""
    if instance is None:
        path = request.root_path.rstrip("/") + request.path
        instance = quote(path, safe="/!$&'()*+,;=:@")  # RFC 3986's path
    body = problem(error, instance, g.request_id)
    response = Response(orjson.dumps(body), body["status"], mimetype=PROBLEM_JSON)
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(error.retry_after)
    challenge = _challenge(error)
    if challenge:
        response.headers["WWW-Authenticate"] = challenge
    g.error_code = error.code.value
    return response


def _challenge(error: ServiceError) -> str | None:
    """WWW-Authenticate: RFC 6750 section 3. No error attribute where no token was sent (3.1)."""
    match error.code:
        case ErrorCode.MISSING_TOKEN:
            return "Bearer"
        case ErrorCode.INVALID_TOKEN:
            return f'Bearer error="invalid_token", error_description="{error.detail}"'
        case ErrorCode.REAUTHENTICATION_REQUIRED:  # RFC 9470, section 3
            asks = {"error_description": error.code.heading}
            if "maxAge" in error.members:
                asks["max_age"] = error.members["maxAge"]
            if "acrValues" in error.members:
                asks["acr_values"] = " ".join(error.members["acrValues"])
            more = "".join(f', {name}="{value}"' for name, value in asks.items())
            return f'Bearer error="insufficient_user_authentication"{more}'
        case ErrorCode.INSUFFICIENT_SCOPE:
            return f'Bearer error="insufficient_scope", scope="{USER_ADMIN_SCOPE}"'
    return None


HTTP_ERRORS = {
    400: ErrorCode.MALFORMED_REQUEST,
    404: ErrorCode.NOT_FOUND,
    405: ErrorCode.METHOD_NOT_ALLOWED,
    413: ErrorCode.BODY_TOO_LARGE,
}


def handle_http_exception(error: HTTPException) -> Response:
    """Werkzeug's and webargs' errors as problems."""
    code = HTTP_ERRORS.get(error.code or 500, ErrorCode.INTERNAL_ERROR)
    response = problem_response(ServiceError(code))
    for name, value in error.get_headers():
        if name == "Allow":
            response.headers[name] = value
    return response


def register(app: Flask) -> None:
    """Turn every error that leaves a view into a problem."""
    app.register_error_handler(ServiceError, problem_response)
    app.register_error_handler(HTTPException, handle_http_exception)

    @app.errorhandler(ParseException)
    def handle_malformed_chunks(error: ParseException) -> Response:
        """gunicorn parses chunks as the application reads them."""
        return problem_response(
            ServiceError(ErrorCode.MALFORMED_REQUEST, "The body's chunks are not well-formed.")
        )

    @app.errorhandler(Exception)
    def handle_unexpected(error: Exception) -> Response:
        logger.error("unexpected_error", error=type(error).__name__, exc_info=True)
        return problem_response(ServiceError(ErrorCode.INTERNAL_ERROR))
