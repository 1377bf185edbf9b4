"""Request bodies and queries: JSON only, 16 KiB at most, nothing that the schema does not know."""

import json
from typing import Any, NoReturn

from flask import Request
from marshmallow import Schema, ValidationError, missing
from webargs.flaskparser import FlaskParser

from app.domain.errors import DeviceError, ErrorCode

BODY_MAX_BYTES = 16 * 1024
TOO_LARGE = f"The body may take {BODY_MAX_BYTES // 1024} KiB at most."
JSON_MAX_DEPTH = 16
"""Arrays and objects within each other; what the contract knows has two."""
NESTS_TOO_DEEPLY = "The body nests too deeply."


class StrictParser(FlaskParser):
    """webargs, with our problems for what it refuses, and unknown members refused everywhere."""

    DEFAULT_UNKNOWN_BY_LOCATION = {"json": "raise", "query": "raise"}

    def load_querystring(self, req: Request, schema: Schema) -> Any:
        """The query, in which no parameter comes twice: which one was meant, nobody knows.

        Raises:
            DeviceError: `validation-failed`.
        """
        repeated = [name for name, values in req.args.lists() if len(values) > 1]
        if repeated:
            raise _invalid({name: ["Send it once."] for name in repeated})
        return super().load_querystring(req, schema)

    def load_json(self, req: Request, schema: Schema) -> Any:
        """The body as JSON.

        Raises:
            DeviceError: `malformed-body`, `body-too-large`.
        """
        body = req.get_data(cache=True)
        # Werkzeug cuts a body without Content-Length off at the limit, and says nothing.
        if len(body) == BODY_MAX_BYTES and req.environ["wsgi.input"].read(1):
            raise DeviceError(ErrorCode.BODY_TOO_LARGE, TOO_LARGE)
        if not body:
            return missing
        if not req.is_json:
            raise _malformed("Send the body as application/json.")
        try:
            value = json.loads(
                body.decode(), parse_constant=_refuse_constant, object_pairs_hook=_members
            )
        except json.JSONDecodeError:
            raise _malformed("The body is not valid JSON.") from None
        except UnicodeDecodeError:
            raise _malformed("The body is not UTF-8.") from None
        except RecursionError:
            raise _malformed(NESTS_TOO_DEEPLY) from None
        except ValueError:  # json's one for an integer of more digits than Python would convert
            raise _malformed("The body holds a number that is too long.") from None
        if _is_deeper_than(JSON_MAX_DEPTH, value):
            raise _malformed(NESTS_TOO_DEEPLY)
        return value

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
        raise _invalid(errors)


def _invalid(errors: dict[str, list[str]]) -> DeviceError:
    return DeviceError(
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


def _refuse_constant(name: str) -> NoReturn:
    """NaN and the infinities: Python knows them, JSON does not (RFC 8259, section 6)."""
    raise _malformed("The body is not valid JSON.")


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object's members; a name that comes twice means one thing here and another elsewhere
    (RFC 8259, section 4)."""
    members = dict(pairs)
    if len(members) < len(pairs):
        raise _malformed("The body has an object with two members of one name.")
    return members


def _is_deeper_than(depth: int, value: Any) -> bool:
    """Where Python's own limit is depends on its version."""
    level = [value]
    for _ in range(depth):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
    return any(isinstance(inner, dict | list) for inner in level)


def _malformed(detail: str) -> DeviceError:
    return DeviceError(ErrorCode.MALFORMED_BODY, detail)
