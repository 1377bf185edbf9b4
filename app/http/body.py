"""Request bodies and queries: JSON only, 16 KiB at most, nothing that the schema does not know."""

from typing import Any, NoReturn

import orjson
from flask import Request
from marshmallow import Schema, ValidationError, missing
from webargs.flaskparser import FlaskParser

from app.domain.errors import BODY_MAX_BYTES, ErrorCode, ServiceError

READ_BYTES = BODY_MAX_BYTES + 1
BROKEN_OFF = "The body broke off before its end."
NOT_JSON = "The body is not well-formed JSON in UTF-8. Send it so, and not compressed."


class StrictParser(FlaskParser):
    """webargs, with our problems for what it refuses, and unknown members refused everywhere."""

    DEFAULT_UNKNOWN_BY_LOCATION = {"json": "raise", "query": "raise"}

    def load_querystring(self, req: Request, schema: Schema) -> Any:
        """The query.

        Raises:
            ServiceError: `validation-failed` when a parameter comes twice: which one was meant
                is not known.
        """
        repeated = [name for name, values in req.args.lists() if len(values) > 1]
        if repeated:
            raise ServiceError(
                ErrorCode.VALIDATION_FAILED, errors={name: ["Send it once."] for name in repeated}
            )
        return req.args.to_dict()

    def load_json(self, req: Request, schema: Schema) -> Any:
        """The body as JSON (RFC 8259: UTF-8, no NaN).

        Raises:
            ServiceError: `malformed-body`, `body-too-large`, `malformed-request`.
        """
        announced = req.content_length or 0  # so that no caller has to send it first
        if announced > BODY_MAX_BYTES:
            raise ServiceError(ErrorCode.BODY_TOO_LARGE)
        try:
            body = req.environ["wsgi.input"].read(READ_BYTES)
        except OSError:
            raise ServiceError(ErrorCode.MALFORMED_REQUEST, BROKEN_OFF) from None
        if len(body) < announced:  # not complete, and so not acted on: RFC 9112, section 8
            raise ServiceError(ErrorCode.MALFORMED_REQUEST, BROKEN_OFF)
        if len(body) > BODY_MAX_BYTES:
            raise ServiceError(ErrorCode.BODY_TOO_LARGE)
        if not body:
            return missing
        if not req.is_json:
            raise ServiceError(ErrorCode.MALFORMED_BODY, "Send the body as application/json.")
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError:
            raise ServiceError(ErrorCode.MALFORMED_BODY, NOT_JSON) from None

    def handle_error(
        self,
        error: ValidationError,
        req: Request,
        schema: Schema,
        *,
        error_status_code: int | None,
        error_headers: Any,
    ) -> NoReturn:
        """Refuse input that its schema refuses.

        Raises:
            ServiceError: `validation-failed`, with the messages by field.
        """
        located: dict[str, Any] = error.normalized_messages()  # type: ignore[no-untyped-call]
        errors = {field: messages for found in located.values() for field, messages in _flat(found)}
        raise ServiceError(ErrorCode.VALIDATION_FAILED, errors=errors)


def _flat(found: Any, path: str = "") -> list[tuple[str, list[str]]]:
    """Messages by field, a nested field by its dotted path; "body" for the body as a whole."""
    if isinstance(found, dict):
        return [
            pair
            for field, inner in found.items()
            for pair in _flat(inner, path if field == "_schema" else f"{path}.{field}".strip("."))
        ]
    return [(path or "body", [str(message) for message in found])]
