"""How the OpenAPI document is made of the code: of the routes' decorators and the schemas.

flask-smorest writes what a view takes and answers, and apispec what schemas say. `finished` adds
what `app.http.blueprint.operation` noted: problems, headers and order.
"""

import inspect
import re
from collections.abc import Iterable
from typing import Any

from apispec.ext.marshmallow import MarshmallowPlugin
from apispec.ext.marshmallow.common import resolve_schema_instance
from apispec.ext.marshmallow.openapi import OpenAPIConverter
from flask import Flask
from flask_smorest import Api
from marshmallow import Schema, fields

from app import VERSION
from app.devices import routes as devices
from app.domain.errors import ErrorCode
from app.domain.operations import Operation, StepUpRule
from app.http.blueprint import FACTS
from app.http.headers import REQUEST_ID
from app.http.health import health_blueprint
from app.http.problems import ProblemSchema
from app.sessions import routes as sessions
from openapi import texts
from openapi.examples import COMPONENTS, filled_in, links
from openapi.problems import OF_A_BODY, codes_of, header_reference, problem_responses

Doc = dict[str, Any]

OPERATION_ORDER = ("operationId", "summary", "description", "tags", "security", "parameters")


def openapi(version: str = "3.1.0") -> Doc:
    """The contract, made of the blueprints alone: no Cognito, no clock.

    `version`: 3.1.0, or 3.0.3 for API Gateway and older generators.
    """
    app = Flask(__name__, static_folder=None)
    app.url_map.converters["device_id"] = devices.DeviceIdConverter
    api = ContractApi(app, version)
    api.register_converter(devices.DeviceIdConverter, devices.device_id_schema)
    for blueprint in (devices.blueprint, sessions.blueprint, health_blueprint({})):
        api.register_blueprint(blueprint)
    return _finished_document(filled_in(api.spec.to_dict()))


def _finished_document(document: Doc) -> Doc:
    """`document` with the problems and headers of each call, in the order that readers expect."""
    for address, path in document["paths"].items():
        for method in path.keys() - {"parameters"}:
            path[method] = _finished(path[method], address, path.get("parameters", ()))
    for name in ("parameters", "responses"):  # flask-smorest's own, which nothing refers to
        document["components"].pop(name, None)
    schemas = document["components"]["schemas"]
    schemas.pop("PaginationMetadata")
    # An `if` alone demands nothing: it refers to the codes that there are, for those who read.
    schemas["Problem"]["properties"]["code"]["if"] = {"$ref": "#/components/schemas/ErrorCode"}
    document["info"] = _in_order(document["info"], ("title", "version"))
    document = _in_order(document, ("openapi", "info", "servers", "security", "tags", "paths"))
    return document if document["openapi"] >= "3.1" else _as_openapi_3_0(document)


def _as_openapi_3_0(document: Doc) -> Doc:
    """Without what only 3.1 knows; apispec has written types and nulls in the old way."""
    del document["info"]["summary"], document["info"]["license"]["identifier"]

    def old(value: Any) -> Any:
        if isinstance(value, list):
            return [old(item) for item in value]
        if not isinstance(value, dict):
            return value
        members = {name: old(member) for name, member in value.items() if name != "if"}
        if isinstance(members.get("examples"), list):
            members["example"] = members.pop("examples")[0]
        null = {"type": "object", "nullable": True}  # as apispec writes it
        if null in members.get("anyOf", ()):
            choices = members.pop("anyOf")
            members |= {"allOf": [it for it in choices if it != null], "nullable": True}
        return members

    converted: Doc = old(document)
    return converted


def _finished(operation: Doc, address: str, path_parameters: Iterable[Doc]) -> Doc:
    facts = operation.pop(FACTS)
    calls: Operation | None = facts["calls"]
    codes = {*facts["codes"], *(codes_of(calls) if calls else ())}
    rules = _step_up_rules(calls, facts["each"], address)
    if rules:
        codes.add(ErrorCode.REAUTHENTICATION_REQUIRED)
    if "requestBody" in operation:
        codes.update(OF_A_BODY)
    if operation.get("parameters"):
        codes.add(ErrorCode.VALIDATION_FAILED)
    for parameter in path_parameters:
        address = address.replace(f"{{{parameter['name']}}}", parameter["example"])
    responses = operation["responses"]
    responses.pop("422", None)  # flask-smorest's own
    if facts["then"]:
        page = operation["operationId"] if "Page" in str(responses) else None
        responses[min(responses)]["links"] = links(facts["id_at"], page, facts["then"])
    responses |= problem_responses(codes, calls, address, facts["errors"])
    shared = (REQUEST_ID, *(texts.OF_USER_CALLS if calls else ()))
    for response in responses.values():
        response["headers"] = response.get("headers", {}) | {
            name: header_reference(name) for name in shared
        }
    operation["responses"] = dict(sorted(responses.items()))
    operation["description"] = unwrapped(operation["description"])
    if rules:
        when = " or ".join(texts.STEP_UP[rule] for rule in rules)
        operation["description"] += f"\n\n{texts.STEP_UP_ASKED} {when}."
    return _in_order(operation, OPERATION_ORDER)


def _step_up_rules(
    calls: Operation | None, each: Operation | None, address: str
) -> tuple[StepUpRule, ...]:
    """When the call asks for a recent or strong sign-in. `each`: what is done to each of many, with
    others among them. Without an id in its address, a call is about this device."""
    if each:
        return (StepUpRule.ALWAYS,) if each.step_up else ()
    rules = calls.step_up if calls else ()
    return tuple(it for it in rules if it is not StepUpRule.ANOTHER_DEVICE or "{id}" in address)


def unwrapped(text: str) -> str:
    """Markdown with a line for a paragraph: some viewers break lines where the source does."""
    return re.sub(r"(?<!\n)\n *(?![\n|# -])", " ", text.strip())


def _in_order(members: Doc, first: Iterable[str]) -> Doc:
    return {name: members[name] for name in first if name in members} | members


class ContractConverter(OpenAPIConverter):
    """apispec's, with docstrings for descriptions, and enums by name."""

    def schema2jsonschema(self, schema: Any) -> Doc:
        instance: Schema = resolve_schema_instance(schema)
        described: Doc = super().schema2jsonschema(instance)  # type: ignore[no-untyped-call]
        return described | {"description": unwrapped(inspect.getdoc(type(instance)) or "")}

    def field2default(self, field: fields.Field[Any], **kwargs: Any) -> Doc:
        """A default of None is how a view learns that nothing was sent; clients cannot send it."""
        return {} if field.load_default is None else super().field2default(field, **kwargs)

    def field2nullable(self, field: fields.Field[Any], ret: Doc) -> Doc:
        """A null in a request counts as left out: Dart's generated clients send it. To say so would
        make optional members of optional ones in other languages."""
        nullable: Doc = {} if field.load_default is None else super().field2nullable(field, ret)
        return nullable


ERROR_CODE = {
    "type": "string",
    "description": unwrapped(inspect.getdoc(ErrorCode) or ""),
    "enum": [code.value for code in ErrorCode],
    "x-enum-varnames": [code.name for code in ErrorCode],
}
"""The codes that there are, as a type for generated clients. No member is of it: `code` is open."""


class ContractPlugin(MarshmallowPlugin):
    """apispec's, with our converter."""

    Converter = ContractConverter


class ContractApi(Api):  # type: ignore[misc]
    """flask-smorest's Api, with what all the contract shares."""

    ERROR_SCHEMA = ProblemSchema
    DEFAULT_ERROR_RESPONSE_NAME = None

    def __init__(self, app: Flask, openapi_version: str) -> None:
        app.config.update(
            API_TITLE=texts.TITLE,
            API_VERSION=VERSION,
            OPENAPI_VERSION=openapi_version,
            OPENAPI_URL_PREFIX=None,
        )
        super().__init__(
            app,
            spec_kwargs={
                "marshmallow_plugin": ContractPlugin(),
                "info": {
                    "summary": texts.SUMMARY,
                    "description": unwrapped(texts.DESCRIPTION),
                    "contact": {"name": "The maintainers of Device BFF"},
                    "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
                },
                "servers": [{"url": "/", "description": "The service that this came from"}],
                "tags": texts.TAGS,
                "security": [{texts.ACCESS_TOKEN: []}],
            },
        )
        components = self.spec.components
        components.schema("ErrorCode", ERROR_CODE)
        components.security_scheme(texts.ACCESS_TOKEN, texts.SECURITY_SCHEME)
        for name, header in COMPONENTS["headers"].items():
            components.header(name, header)
        for name, example in COMPONENTS["examples"].items():
            components.example(name, example)
