"""What the schemas of all calls share: camelCase, strict requests, open answers, and their fields.

What a field's `metadata` says is for the readers of the contract; `openapi.spec` adds what the
validators know.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from functools import partial
from operator import attrgetter
from types import NoneType
from typing import Annotated, Any, TypeVar, get_args, get_origin, get_type_hints

from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate

from app.domain.audit import Reason
from app.domain.bounds import CURSOR_MAX_LENGTH, CURSOR_PATTERN, TEXT_MAX_LENGTH, Bounds, Shown
from app.http.blueprint import example

Note = TypeVar("Note")

WORD_MAX_LENGTH = 64
"""Bounds the words to come of an open enum."""
EXTENSIBLE_ENUM = "x-extensible-enum"
"""Names the known words of an open enum, as Zalando's API guidelines have it (rule 112)."""


def camel_case(name: str) -> str:
    """JSON's name of a Python attribute."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


class CamelCaseSchema(Schema):
    """Python's snake_case attributes under JSON's camelCase names."""

    error_messages = {"type": "Must be a JSON object."}

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        field_obj.data_key = camel_case(field_obj.data_key or field_name)


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
        required=options.pop("required", True),
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


def answer_schema(model: type, examples: str, **nested: type[Schema]) -> type[AnswerSchema]:
    """The schema of a model: a field for each member that has words (`app.domain.bounds`).

    `examples`: where those of its members are, as `laptop`. `nested`: the schemas of members that
    are models, or lists of models.
    """
    members: dict[str, Any] = {"__doc__": model.__doc__}
    for name, hint in get_type_hints(model, include_extras=True).items():
        kind, notes, _ = _read(hint)
        if Shown.INLINE in notes:
            for inner, told in get_type_hints(kind, include_extras=True).items():
                at = f"{examples}/{camel_case(inner)}"
                members[inner] = _field(told, at, attribute=f"{name}.{inner}")
        elif _last(str, notes):
            members[name] = _field(hint, f"{examples}/{camel_case(name)}", nested.get(name))
    return type(f"{model.__name__}Schema", (AnswerSchema,), members)


def _field(
    hint: Any, at: str | None, nested: type[Schema] | None = None, **options: Any
) -> fields.Field[Any]:
    """The field of a member, by its type and what that is annotated with. `at`: where its example
    is."""
    kind, notes, nullable = _read(hint)
    bounds = _last(Bounds, notes) or Bounds(TEXT_MAX_LENGTH)
    length = validate.Length(bounds.min, bounds.max)
    shows_example = False
    make: Callable[..., Any]
    if get_origin(kind) in (tuple, list):
        item = fields.Nested(nested) if nested else _field(get_args(kind)[0], f"{at}/0")
        make = partial(fields.List, item, validate=length)
    elif get_origin(kind) is Mapping:
        values, shows_example = _field(get_args(kind)[1], None), True
        make = partial(fields.Dict, keys=fields.String(), values=values)
        options["metadata"] = {"maxProperties": bounds.max}
    elif nested:
        make = partial(fields.Nested, nested)
    elif issubclass(kind, StrEnum):
        known: fields.Field[Any] = answer_enum(
            kind, _last(str, notes) or "", nullable=nullable, **options
        )
        return known
    elif kind is str:
        form = [Matches(bounds.pattern)] if bounds.pattern else []
        make, shows_example = partial(fields.String, validate=[length, *form]), True
    else:
        make = {bool: fields.Boolean, datetime: fields.DateTime}[kind]
        shows_example = kind is datetime
    if_known = Shown.IF_KNOWN in notes
    field: fields.Field[Any] = answer(
        make,
        _last(str, notes) or "",
        *([example(at)] if at and shows_example else []),
        nullable=nullable and not if_known,
        required=not if_known,
        **options,
    )
    return field


def _last(kind: type[Note], notes: list[Any]) -> Note | None:
    """The outermost note of a kind."""
    return next((note for note in reversed(notes) if isinstance(note, kind)), None)


def _read(hint: Any) -> tuple[Any, list[Any], bool]:
    """What a type hint says: the type, what it is annotated with (the outermost last), and whether
    it may be None."""
    notes: list[Any] = []
    nullable = False
    while True:
        if get_origin(hint) is Annotated:
            hint, *more = get_args(hint)
            notes = more + notes
        elif NoneType in get_args(hint):
            hint, nullable = get_args(hint)[0], True
        else:
            return hint, notes, nullable


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
