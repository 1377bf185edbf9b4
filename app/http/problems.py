"""Every error as a problem (RFC 9457): one shape of `application/problem+json`, from one place."""

from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

import structlog
from flask import Flask, Response, g, json, request
from flask_smorest import Api
from gunicorn.http.errors import ParseException
from marshmallow import EXCLUDE, Schema, fields
from werkzeug.exceptions import HTTPException

from app.domain.access_token import DEVICES_SCOPE
from app.domain.errors import DeviceError, ErrorCode
from app.http import request_ids
from app.http.body import TOO_LARGE

logger = structlog.get_logger(__name__)

PROBLEM_JSON = "application/problem+json"
TYPE_PREFIX = "urn:device-bff:problem:"


class ProblemType(NamedTuple):
    """What all problems of one code share."""

    status: int
    title: str


PROBLEM_TYPES: dict[ErrorCode, ProblemType] = {
    ErrorCode.MISSING_TOKEN: ProblemType(401, "Access token missing"),
    ErrorCode.INVALID_TOKEN: ProblemType(401, "Access token not accepted"),
    ErrorCode.INSUFFICIENT_SCOPE: ProblemType(403, "Access token lacks a scope"),
    ErrorCode.USER_NOT_CONFIRMED: ProblemType(403, "User not confirmed"),
    ErrorCode.PASSWORD_RESET_REQUIRED: ProblemType(403, "Password reset required"),
    ErrorCode.BLOCKED: ProblemType(403, "Request blocked"),
    ErrorCode.DEVICE_NOT_FOUND: ProblemType(404, "Device not found"),
    ErrorCode.NO_CURRENT_DEVICE: ProblemType(404, "No current device"),
    ErrorCode.DEVICE_ALREADY_TRACKED: ProblemType(409, "Device already tracked"),
    ErrorCode.VALIDATION_FAILED: ProblemType(422, "Request not valid"),
    ErrorCode.MALFORMED_BODY: ProblemType(400, "Body is not JSON"),
    ErrorCode.BODY_TOO_LARGE: ProblemType(413, "Body too large"),
    ErrorCode.MALFORMED_REQUEST: ProblemType(400, "Request is not HTTP"),
    ErrorCode.URI_TOO_LONG: ProblemType(414, "Address too long"),
    ErrorCode.HEADERS_TOO_LARGE: ProblemType(431, "Headers too large"),
    ErrorCode.REQUEST_TIMEOUT: ProblemType(408, "Request took too long"),
    ErrorCode.INVALID_PARAMETER: ProblemType(400, "Parameter refused by Cognito"),
    ErrorCode.RATE_LIMITED: ProblemType(429, "Too many requests"),
    ErrorCode.QUOTA_EXCEEDED: ProblemType(429, "Cognito quota exceeded"),
    ErrorCode.DEVICE_TRACKING_UNAVAILABLE: ProblemType(501, "Device tracking unavailable"),
    ErrorCode.UPSTREAM_ERROR: ProblemType(502, "Cognito answered badly"),
    ErrorCode.UPSTREAM_TIMEOUT: ProblemType(504, "Cognito did not answer in time"),
    ErrorCode.UPSTREAM_UNAVAILABLE: ProblemType(503, "Cognito unavailable"),
    ErrorCode.NOT_FOUND: ProblemType(404, "No such resource"),
    ErrorCode.METHOD_NOT_ALLOWED: ProblemType(405, "Method not allowed"),
    ErrorCode.INTERNAL_ERROR: ProblemType(500, "Internal error"),
}


class GrowingEnum(fields.Enum[ErrorCode]):
    """An enum that new values may join at any time: the contract leaves it open, so that clients
    that were generated before can read what they do not know yet."""

    pattern = "^[a-z]+(-[a-z]+)*$"
    max_length = 64


class ProblemSchema(Schema):
    """A problem, as RFC 9457 defines it, with the members that this API adds."""

    class Meta:
        unknown = EXCLUDE  # left open in the contract: RFC 9457, section 3.2

    type = fields.String(
        required=True,
        dump_only=True,
        metadata={
            "description": "`code` as a URI.",
            "format": "uri",
            "examples": [f"{TYPE_PREFIX}device-not-found"],
        },
    )
    title = fields.String(
        required=True,
        dump_only=True,
        metadata={
            "description": "What all problems of this code have in common.",
            "minLength": 1,
            "maxLength": 100,
            "examples": ["Device not found"],
        },
    )
    status = fields.Integer(
        required=True,
        dump_only=True,
        metadata={
            "description": "The HTTP status, again.",
            "minimum": 400,
            "maximum": 599,
            "examples": [404],
        },
    )
    detail = fields.String(
        required=True,
        dump_only=True,
        metadata={
            "description": "What went wrong this time and what to do; for developers. "
            "Its wording may change.",
            "minLength": 1,
            "maxLength": 1000,
            "examples": ["No such device: it is unknown, was forgotten or is not remembered."],
        },
    )
    instance = fields.String(
        required=True,
        dump_only=True,
        metadata={
            "description": "The path that the problem is about; a URN when no path was understood.",
            "format": "uri-reference",
            "examples": ["/devices/current"],
        },
    )
    code = GrowingEnum(
        ErrorCode,
        by_value=True,
        required=True,
        dump_only=True,
        metadata={
            "description": "The kind of problem: what to branch on. Each call lists those it may "
            "answer with; treat one that you do not know by its `status`.",
        },
    )
    requestId = fields.String(  # noqa: N815
        required=True,
        dump_only=True,
        metadata={
            "description": "The same as X-Request-ID. Log it: it finds our log lines.",
            "pattern": f"^{request_ids.PATTERN}$",
            "examples": ["7b2d6f0a-54c1-4d0e-9d0b-3a1f2f7c9e11"],
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
            metadata={
                "description": "All that is wrong with one field.",
                "minItems": 1,
                "maxItems": 16,
            },
        ),
        dump_only=True,
        metadata={
            "description": "With `validation-failed`: what is wrong, by field. A nested field goes "
            "by its dotted path, the body as a whole by `body`.",
            "maxProperties": 8192,  # a body of 16 KiB holds no more members
            "examples": [{"status": ["Must be one of: remembered, not_remembered."]}],
        },
    )


def problem(error: DeviceError, instance: str, request_id: str | None = None) -> dict[str, Any]:
    """The members of the problem that tells of `error`. `instance`: the path it is about.

    `request_id`: of what never became a request of the application's.
    """
    status, title = PROBLEM_TYPES[error.code]
    members: dict[str, Any] = {
        "type": f"{TYPE_PREFIX}{error.code}",
        "title": title,
        "status": status,
        "detail": error.detail,
        "instance": instance,
        "code": error.code,
        "requestId": request_id or g.request_id,
    }
    if error.errors is not None:
        members["errors"] = dict(error.errors)
    return members


def problem_response(error: DeviceError) -> Response:
    """The whole response for `error`."""
    body = problem(error, quote(request.path, safe="/!$&'()*+,;=:@"))  # RFC 3986's path
    response = Response(json.dumps(body), body["status"], mimetype=PROBLEM_JSON)
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(error.retry_after)
    challenge = _challenge(error)
    if challenge:
        response.headers["WWW-Authenticate"] = challenge
    g.error_code = error.code.value
    return response


def _challenge(error: DeviceError) -> str | None:
    """WWW-Authenticate: RFC 6750 section 3. No error attribute where no token was sent (3.1)."""
    if error.code is ErrorCode.MISSING_TOKEN:
        return "Bearer"
    if error.code is ErrorCode.INVALID_TOKEN:
        return f'Bearer error="invalid_token", error_description="{error.detail}"'
    if error.code is ErrorCode.INSUFFICIENT_SCOPE:
        return f'Bearer error="insufficient_scope", scope="{DEVICES_SCOPE}"'
    return None


_HTTP_ERRORS: Mapping[int, tuple[ErrorCode, str]] = {
    400: (ErrorCode.MALFORMED_REQUEST, "The request is not one that HTTP knows."),
    404: (ErrorCode.NOT_FOUND, "There is nothing at this address."),
    405: (ErrorCode.METHOD_NOT_ALLOWED, "This resource has no such method; see Allow."),
    413: (ErrorCode.BODY_TOO_LARGE, TOO_LARGE),
}


class ProblemApi(Api):  # type: ignore[misc]
    """flask-smorest's Api, answering with problems instead of its own errors."""

    ERROR_SCHEMA = ProblemSchema
    DEFAULT_ERROR_RESPONSE_NAME = None

    def handle_http_exception(self, error: HTTPException) -> Response:
        """Werkzeug's and webargs' errors as problems."""
        code, detail = _HTTP_ERRORS.get(
            error.code or 500, (ErrorCode.INTERNAL_ERROR, "Something went wrong on our side.")
        )
        response = problem_response(DeviceError(code, detail))
        for name, value in error.get_headers():
            if name == "Allow":
                response.headers[name] = value
        return response


def register(app: Flask) -> None:
    """Turn every error that leaves a view into a problem."""

    @app.errorhandler(DeviceError)
    def tell(error: DeviceError) -> Response:
        return problem_response(error)

    @app.errorhandler(ParseException)
    def tell_of_body(error: ParseException) -> Response:
        """gunicorn parses chunks as the application reads them."""
        return problem_response(
            DeviceError(ErrorCode.MALFORMED_REQUEST, "The body's chunks are not well-formed.")
        )

    @app.errorhandler(Exception)
    def tell_nothing(error: Exception) -> Response:
        logger.error("unexpected_error", error=type(error).__name__, exc_info=True)
        return problem_response(
            DeviceError(
                ErrorCode.INTERNAL_ERROR,
                "Something went wrong on our side. The request id tells us what.",
            )
        )
