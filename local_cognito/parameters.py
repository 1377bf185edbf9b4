"""Checks a request against botocore's model of cognito-idp, and refuses it in Cognito's words.

The constraints (required, length, range, pattern, enum) are botocore's data; botocore itself
checks only some of them before it sends. The wording of a violation is AWS's, as bug reports
quote it ("1 validation error detected: Value ... at 'limit' failed to satisfy
constraint: Member must have value less than or equal to 60").
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from botocore.loaders import Loader
from botocore.model import ListShape, MapShape, ServiceModel, Shape, StructureShape

from local_cognito.errors import CognitoError, invalid_parameter

Params = dict[str, Any]

# Python's `re` has no Unicode classes. The model uses them inside brackets only, and letters,
# marks, symbols, numbers and punctuation at once: all visible characters.
UNICODE_CLASSES = re.compile(r"(\\p\{[A-Z]\})+")
VISIBLE = "!-~\u00a1-\U0010ffff"

JSON_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
    "structure": (dict,),
    "map": (dict,),
    "list": (list,),
}


@cache
def service_model() -> ServiceModel:
    return ServiceModel(Loader().load_service_model("cognito-idp", "service-2"), "cognito-idp")


@cache
def operation_names() -> frozenset[str]:
    return frozenset(service_model().operation_names)


@cache
def needs_signature(operation: str) -> bool:
    """Whether the operation takes AWS credentials, as an administrator's do."""
    return bool(service_model().operation_model(operation).auth_type != "none")


def read(operation: str, body: bytes) -> Params:
    """The parameters of a request, without nulls, once they satisfy the operation's model.

    Raises SerializationException when the body is not JSON or a value has the wrong JSON type,
    InvalidParameterException when a constraint is violated.
    """
    shape = service_model().operation_model(operation).input_shape
    try:
        given = json.loads(body or b"{}")
    except ValueError:
        raise CognitoError("SerializationException", "Request body is not valid JSON") from None
    if not isinstance(given, dict):
        raise CognitoError("SerializationException", "Start of structure or map expected")
    params: Params = _without_nulls(given)
    if shape is None:
        return params
    violations = list(_violations(shape, params, ""))
    if violations:
        count = len(violations)
        plural = "s" if count > 1 else ""
        raise invalid_parameter(
            f"{count} validation error{plural} detected: " + "; ".join(violations)
        )
    return params


def required(params: Params, name: str) -> str:
    """A parameter that the model calls optional and Cognito requires."""
    value = params.get(name)
    if not value:
        raise invalid_parameter(f"Missing required parameter {name}")
    return str(value)


def _without_nulls(value: Any) -> Any:
    """JSON's null means "not given" in this protocol; amazon-cognito-identity-js sends nulls."""
    if isinstance(value, dict):
        return {k: _without_nulls(v) for k, v in value.items() if v is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return value


def _violations(shape: Shape, value: Any, at: str) -> Iterator[str]:
    _check_json_type(shape, value)
    if isinstance(shape, StructureShape):
        yield from _structure_violations(shape, value, at)
    elif isinstance(shape, MapShape):
        for key, item in value.items():
            yield from _violations(shape.value, item, f"{at}.{key}.member")
    elif isinstance(shape, ListShape):
        for index, item in enumerate(value, start=1):
            yield from _violations(shape.member, item, f"{at}.{index}.member")
    else:
        shown = "Value" if shape.metadata.get("sensitive") else f"Value '{value}'"
        for constraint in _broken_constraints(shape, value):
            yield f"{shown} at '{at}' failed to satisfy constraint: {constraint}"


def _structure_violations(shape: StructureShape, value: Params, at: str) -> Iterator[str]:
    for name, member in shape.members.items():
        place = _member_path(at, name)
        if name in value:
            yield from _violations(member, value[name], place)
        elif name in shape.required_members:
            yield f"Value null at '{place}' failed to satisfy constraint: Member must not be null"


def _member_path(at: str, name: str) -> str:
    name = name[0].lower() + name[1:]
    return f"{at}.{name}" if at else name


def _check_json_type(shape: Shape, value: Any) -> None:
    expected = JSON_TYPES.get(shape.type_name)
    if expected is None:
        return
    is_bool_for_number = isinstance(value, bool) and bool not in expected
    if not isinstance(value, expected) or is_bool_for_number:
        raise CognitoError(
            "SerializationException",
            f"{type(value).__name__.upper()}_VALUE can not be converted to {shape.type_name}",
        )


def _broken_constraints(shape: Shape, value: Any) -> Iterator[str]:
    rules = shape.metadata
    measured, noun = (len(value), "length") if isinstance(value, str) else (value, "value")
    if "max" in rules and measured > rules["max"]:
        yield f"Member must have {noun} less than or equal to {rules['max']}"
    if "min" in rules and measured < rules["min"]:
        yield f"Member must have {noun} greater than or equal to {rules['min']}"
    if "pattern" in rules and not compiled(rules["pattern"]).fullmatch(value):
        yield f"Member must satisfy regular expression pattern: {rules['pattern']}"
    if "enum" in rules and value not in rules["enum"]:
        yield f"Member must satisfy enum value set: [{', '.join(rules['enum'])}]"


@cache
def compiled(source: str) -> re.Pattern[str]:
    return re.compile(UNICODE_CLASSES.sub(lambda _: VISIBLE, source))
