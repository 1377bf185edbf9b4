"""What the schemas of all calls share: camelCase, strict requests, open answers, and their fields.

What a field's `metadata` says is for the readers of the contract; `openapi.spec` adds what the
validators know.
"""

import re
from collections.abc import Callable, Iterable
from enum import StrEnum
from functools import partial
from operator import attrgetter
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate

from app.domain.audit import Reason
from app.domain.bounds import CURSOR_MAX_LENGTH, CURSOR_PATTERN, TEXT_MAX_LENGTH
from app.domain.descriptions import DeviceType

IP_ADDRESS_MAX_LENGTH = 45
"""An IPv4-mapped IPv6 address, written out."""
IP_ADDRESS_PATTERN = r"^[0-9A-Fa-f.:]+$"
"""For either version. A choice of two formats would be a class of its own in generated clients."""
WORD_MAX_LENGTH = 64
"""Bounds the words to come of an open enum."""
EXTENSIBLE_ENUM = "x-extensible-enum"
"""Names the known words of an open enum, as Zalando's API guidelines have it (rule 112)."""


class CamelCaseSchema(Schema):
    """Python's snake_case attributes under JSON's camelCase names."""

    error_messages = {"type": "Must be a JSON object."}

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        first, *rest = (field_obj.data_key or field_name).split("_")
        field_obj.data_key = first + "".join(word.capitalize() for word in rest)


class AnswerSchema(CamelCaseSchema):
    """What we answer. Left open in the contract, so that a new member breaks no client.

    Its fields document; the JSON provider writes enums and times. So dumping is reading attributes:
    marshmallow's own takes a tenth of a second for a thousand devices.
    """

    class Meta:
        unknown = EXCLUDE

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        named = {field.data_key or field.name: field for field in self.fields.values()}
        self._names = tuple(named)
        self._read = attrgetter(*(str(f.attribute or f.name) for f in named.values()))
        self._nested = {key: dump for key, field in named.items() if (dump := _dump_of(field))}
        self._optional = {key for key, field in named.items() if not field.required}

    def dump(self, obj: Any, *, many: bool | None = None) -> Any:
        """The members of `obj`; one that is not required is left out when it is None. A dict has
        the contract's names already and stays as it is."""
        if isinstance(obj, dict):
            return obj
        values = self._read(obj)
        dumped = dict(zip(self._names, values if len(self._names) > 1 else (values,), strict=True))
        for key, dump in self._nested.items():
            if dumped[key] is not None:
                dumped[key] = dump(dumped[key])
        for key in self._optional:
            if dumped[key] is None:
                del dumped[key]
        return dumped


def _dump_of(field: fields.Field[Any]) -> Callable[[Any], Any] | None:
    if isinstance(field, fields.Nested) and isinstance(field.schema, AnswerSchema):
        return field.schema.dump
    if isinstance(field, fields.List) and (dump := _dump_of(field.inner)):
        return lambda items: [dump(item) for item in items]
    return None


class WholeNumber(fields.Integer):
    """An integer in a query, in plain decimal digits: int() takes more than those."""

    def deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(value, str) and not (value.isascii() and value.isdigit()):
            raise self.make_error("invalid", input=value)
        return super().deserialize(value, *args, **kwargs)


class Matches(validate.Regexp):
    """The whole of a text; marshmallow's own lets a line feed follow what `$` ends."""

    def __call__(self, value: Any) -> Any:
        if re.fullmatch(self.regex.pattern, value) is None:
            raise ValidationError(self.error or "Not of the right form.")
        return value


def answer(kind: Callable[..., Any], description: str, *examples: Any, **options: Any) -> Any:
    """A member of an answer. `kind`: the field's class, or what makes it of `options`; `nullable`:
    whether it may be null."""
    return kind(
        required=True,
        allow_none=options.pop("nullable", False),
        metadata={
            "description": description,
            **({"examples": list(examples)} if examples else {}),
            **options.pop("metadata", {}),
        },
        **options,
    )


def answer_text(description: str, *examples: str, **options: Any) -> Any:
    """A text in an answer."""
    bound = {"validate": validate.Length(max=TEXT_MAX_LENGTH)}
    return answer(fields.String, description, *examples, **bound | options)


def answer_enum(known: Iterable[str], description: str, **options: Any) -> Any:
    """One of a few words in an answer. The contract calls it a string and names the `known` ones:
    clients that were generated before a new one can still read it."""
    words = [str(word) for word in known]
    named = ", ".join(f"`{word}`" for word in words)
    return answer_text(
        f"{description} Known values: {named}. More may come.",
        *words,
        validate=validate.Length(max=WORD_MAX_LENGTH),
        metadata={EXTENSIBLE_ENUM: words},
        **options,
    )


def answer_list(inner: Any, most: int, description: str) -> Any:
    """A list in an answer; `inner`: a field, or the schema of its items."""
    field = inner if isinstance(inner, fields.Field) else fields.Nested(inner)
    bound = validate.Length(max=most)
    return answer(partial(fields.List, field), description, validate=bound)


def moment(description: str, example: str) -> Any:
    """A time in an answer; null where Cognito has none."""
    return answer(fields.DateTime, f"{description} UTC.", example, nullable=True)


def ip_address(description: str) -> Any:
    """An address in an answer."""
    return answer_text(
        f"{description} IPv4 or IPv6; null when Cognito did not say.",
        "203.0.113.24",
        "2001:db8:85a3::8a2e:370:7334",
        nullable=True,
        validate=[validate.Length(max=IP_ADDRESS_MAX_LENGTH), Matches(IP_ADDRESS_PATTERN)],
    )


def enum(kind: type[StrEnum], description: str, **options: Any) -> Any:
    """One of a few words in a request."""
    return fields.Enum(
        kind, by_value=fields.String, metadata={"description": description}, **options
    )


def reason() -> Any:
    """Why something is forgotten or ended, in a query."""
    return enum(
        Reason,
        "What the user said: `not-mine`, that they do not know the device or session. It goes into "
        "the audit log, and changes nothing else.",
    )


def cursor(example: str) -> fields.String:
    """The cursor of a query."""
    return fields.String(
        load_default=None,
        allow_none=False,
        validate=[
            validate.Length(min=1, max=CURSOR_MAX_LENGTH),
            Matches(CURSOR_PATTERN, error="Must be ASCII without blanks."),
        ],
        metadata={
            "description": "The `nextCursor` of the page before, unchanged. Leave it out for the "
            "first page. It expires soon: do not store it.",
            "examples": [example],
        },
    )


def next_cursor(example: str) -> Any:
    """The cursor of an answer."""
    return answer_text(
        "Ask for the next page with it, as `cursor`. Null on the last page.",
        example,
        nullable=True,
        validate=[validate.Length(min=1, max=CURSOR_MAX_LENGTH), Matches(CURSOR_PATTERN)],
    )


class DescribedSchema(AnswerSchema):
    """What a person is shown."""

    display_name = answer_text(
        "What to show a person. Made of what a client library put into the name; a name that a "
        "person chose stays as it is. Null where nothing is known.",
        "Chrome on macOS",
        nullable=True,
        attribute="description.display_name",
    )
    device_type = answer_enum(
        DeviceType,
        "For an icon. Null where nothing is known.",
        nullable=True,
        attribute="description.device_type",
    )
    operating_system = answer_text(
        "As `macOS` or `Android`; null where nothing is known.",
        "macOS",
        nullable=True,
        attribute="description.operating_system",
    )
    browser = answer_text(
        "As `Chrome`; null where nothing is known, and in apps.",
        "Chrome",
        nullable=True,
        attribute="description.browser",
    )
