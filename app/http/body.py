"""Request bodies and queries: JSON only, 16 KiB at most, nothing that the schema does not know."""

from typing import Any, NoReturn

from flask import Request
from marshmallow import Schema, ValidationError
from webargs.flaskparser import FlaskParser

from app.errors import DeviceError, ErrorCode

BODY_MAX_BYTES = 16 * 1024


class StrictParser(FlaskParser):
    """webargs, with our problems for what it refuses, and unknown members refused everywhere."""

    DEFAULT_UNKNOWN_BY_LOCATION = {"json": "raise", "query": "raise"}

    def load_json(self, req: Request, schema: Schema) -> Any:
        """The body as JSON.

        Raises:
            DeviceError: `malformed-body`.
        """
        body = req.get_data(cache=True)
        if body and not req.is_json:
            raise _malformed("Send the body as application/json.")
        try:
            return super().load_json(req, schema)
        except RecursionError:
            raise _malformed("The body nests too deeply.") from None
        except ValueError:  # json's one for an integer of more digits than Python would convert
            raise _malformed("The body holds a number that is too long.") from None

    def _handle_invalid_json_error(
        self, error: Exception, req: Request, *args: Any, **kwargs: Any
    ) -> NoReturn:
        raise _malformed("The body is not valid JSON.")

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
            DeviceError: `validation-failed`, with the messages by field.
        """
        located: dict[str, Any] = error.normalized_messages()  # type: ignore[no-untyped-call]
        errors = {field: messages for found in located.values() for field, messages in _flat(found)}
        raise DeviceError(
            ErrorCode.VALIDATION_FAILED,
            "The request is not valid; 'errors' says what to change, field by field.",
            errors=errors,
        )


def _flat(found: Any, path: str = "") -> list[tuple[str, list[str]]]:
    """Messages by field, a nested field by its dotted path; "body" for the body as a whole."""
    if isinstance(found, dict):
        return [
            pair
            for field, inner in found.items()
            for pair in _flat(inner, path if field == "_schema" else f"{path}.{field}".strip("."))
        ]
    return [(path or "body", [str(message) for message in found])]


def _malformed(detail: str) -> DeviceError:
    return DeviceError(ErrorCode.MALFORMED_BODY, detail)
