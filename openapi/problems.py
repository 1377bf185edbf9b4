"""What the contract says of the problems of a call: its responses, their texts and examples."""

from http import HTTPStatus
from typing import Any

from app.domain.errors import ErrorCode, ServiceError
from app.domain.operations import Operation
from app.http.headers import REQUEST_ID_EXAMPLE
from app.http.problems import PROBLEM_JSON, problem
from openapi.texts import INSUFFICIENT_SCOPE

OF_EVERY_USER_CALL = (
    ErrorCode.MISSING_TOKEN,
    ErrorCode.INVALID_TOKEN,
    ErrorCode.INSUFFICIENT_SCOPE,
    ErrorCode.USER_NOT_CONFIRMED,
    ErrorCode.PASSWORD_RESET_REQUIRED,
    ErrorCode.BLOCKED,
    ErrorCode.RATE_LIMITED,
    ErrorCode.QUOTA_EXCEEDED,
    ErrorCode.INTERNAL_ERROR,
    ErrorCode.UPSTREAM_ERROR,
    ErrorCode.UPSTREAM_UNAVAILABLE,
    ErrorCode.UPSTREAM_TIMEOUT,
)
"""What each of Cognito's operations may answer (their botocore model), and what we check."""
OF_A_BODY = (ErrorCode.MALFORMED_BODY, ErrorCode.BODY_TOO_LARGE, ErrorCode.VALIDATION_FAILED)


def codes_of(calls: Operation) -> set[ErrorCode]:
    """What a call that makes this operation may answer."""
    return {*OF_EVERY_USER_CALL, calls.invalid, calls.not_found, calls.unavailable}


def problem_responses(
    codes: set[ErrorCode],
    calls: Operation | None,
    instance: str,
    errors: dict[str, list[str]] | None,
) -> dict[str, dict[str, Any]]:
    """The responses for `codes`, by status. `errors`: those of the validation example."""
    by_status: dict[int, list[ErrorCode]] = {}
    for code in ErrorCode:
        if code in codes:
            by_status.setdefault(code.status, []).append(code)
    return {
        str(status): {
            "description": "\n".join(f"- `{code}`: {_when(code, calls)}" for code in same),
            "content": {
                PROBLEM_JSON: {
                    "schema": {"$ref": "#/components/schemas/Problem"},
                    "examples": {
                        code.value: {
                            "summary": code.heading,
                            "value": _example(code, instance, calls, errors),
                        }
                        for code in same
                    },
                }
            },
            "headers": _headers(same),
        }
        for status, same in by_status.items()
    }


def _example(
    code: ErrorCode,
    instance: str,
    calls: Operation | None,
    errors: dict[str, list[str]] | None,
) -> dict[str, Any]:
    """A problem as a caller may get it."""
    detail = code.detail
    if calls and code is calls.invalid and calls.refused:
        detail = calls.refused
    if calls and code is ErrorCode.UPSTREAM_TIMEOUT and calls.lost:
        detail = f"{detail} {calls.lost}"
    given = errors if code is ErrorCode.VALIDATION_FAILED else None
    asks = {"maxAge": 300} if code is ErrorCode.REAUTHENTICATION_REQUIRED else None
    error = ServiceError(code, detail, errors=given, members=asks)
    example = problem(error, instance, REQUEST_ID_EXAMPLE)
    return example | {"code": code.value}


def _when(code: ErrorCode, calls: Operation | None) -> str:
    if calls and code is calls.invalid and calls.refused:
        return calls.refused
    if calls and calls.lost and code in (ErrorCode.UPSTREAM_ERROR, ErrorCode.UPSTREAM_TIMEOUT):
        return f"{code.detail} {calls.lost}"
    return code.detail


def _headers(codes: list[ErrorCode]) -> dict[str, dict[str, str]]:
    """The headers that clients may rely on."""
    status = codes[0].status
    if status == HTTPStatus.UNAUTHORIZED:
        names = {"WWW-Authenticate": "WWW-Authenticate"}
    elif ErrorCode.INSUFFICIENT_SCOPE in codes:
        names = {"WWW-Authenticate": INSUFFICIENT_SCOPE}
    else:
        names = {"Retry-After": "Retry-After"} if status in (429, 503) else {}
    return {name: header_reference(component) for name, component in names.items()}


def header_reference(component: str) -> dict[str, str]:
    """A reference to one of the headers of `components.json`."""
    return {"$ref": f"#/components/headers/{component}"}
