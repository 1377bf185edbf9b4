"""What flask-smorest does not document by itself, so that the document is made of the code alone.

A problem or a header is named where a view or its blueprint is declared, and looked up in
`app.contract.texts`; validators and enums become schemas; the docstrings of views and schemas, and
the metadata of fields, are the text.
"""

import inspect
import json
import re
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from http import HTTPStatus
from typing import Any, TypeVar

from apispec.ext.marshmallow import MarshmallowPlugin, resolver
from apispec.ext.marshmallow.common import resolve_schema_instance
from apispec.ext.marshmallow.openapi import OpenAPIConverter
from flask import Flask, Response
from flask_smorest import Blueprint
from marshmallow import Schema, fields

from app.contract import texts as contract
from app.contract.document import Document
from app.domain.errors import ErrorCode
from app.http.body import StrictParser
from app.http.problems import (
    PROBLEM_JSON,
    PROBLEM_TYPES,
    GrowingEnum,
    ProblemApi,
    ProblemSchema,
)

View = TypeVar("View", bound=Callable[..., Any])
Doc = dict[str, Any]

CONTRACT_MAX_AGE = 300
"""Seconds that a copy of the document may be used without asking whether it is current."""

OF_A_BODY = (ErrorCode.MALFORMED_BODY, ErrorCode.BODY_TOO_LARGE)
"""What StrictParser answers to any call that takes a body."""


HERE = "the path of the call"
"""What the examples of problems hold for `instance` until the path is known."""

OPERATION_ORDER = ("operationId", "summary", "description", "tags", "security", "parameters")


class ContractBlueprint(Blueprint):  # type: ignore[misc]
    """flask-smorest's Blueprint, strict about what it is sent and complete about what it answers.

    `problems`: the codes that every call of the blueprint may answer with. `headers`: those that
    every answer carries.
    """

    ARGUMENTS_PARSER = StrictParser()

    def __init__(
        self,
        *args: Any,
        problems: Iterable[ErrorCode] = (),
        headers: Iterable[str] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self._every_problem = tuple(problems)
        self._every_header = {name: name for name in headers}
        self.after_request(_without_type_of_nothing)
        self._prepare_doc_cbks += [
            self._prepare_problems_doc,
            self._prepare_headers_doc,
            self._prepare_text_doc,
        ]

    @staticmethod
    def problems(*codes: ErrorCode) -> Callable[[View], View]:
        """Say which problems a view may answer with, besides those of every call."""

        def decorate(view: View) -> View:
            apidoc = getattr(view, "_apidoc", {})
            view._apidoc = apidoc | {"problems": codes}  # type: ignore[attr-defined]
            return view

        return decorate

    def _prepare_problems_doc(self, doc: Doc, doc_info: Doc, **_: Any) -> Doc:
        operation = doc_info["manual_doc"]["operationId"]
        codes = {*self._every_problem, *doc_info.get("problems", ())}
        if "requestBody" in doc:
            codes.update(OF_A_BODY)
        if "requestBody" in doc or doc.get("parameters"):
            codes.add(ErrorCode.VALIDATION_FAILED)
        responses = doc.setdefault("responses", {})
        for status in sorted({PROBLEM_TYPES[code].status for code in codes}):
            responses[status] = _problem_response(
                [
                    code
                    for code in ErrorCode
                    if code in codes and PROBLEM_TYPES[code].status == status
                ],
                operation,
            )
        return doc

    def _prepare_text_doc(self, doc: Doc, doc_info: Doc, **_: Any) -> Doc:
        docstring = doc_info["docstring"]
        doc_info["docstring"] = {name: unwrapped(text) for name, text in docstring.items()}
        return doc

    def _prepare_headers_doc(self, doc: Doc, doc_info: Doc, **_: Any) -> Doc:
        for response in doc["responses"].values():
            response["headers"] = response.get("headers", {}) | self._every_header
        doc.setdefault("parameters", []).append(contract.REQUEST_ID_PARAMETER)
        return doc


def _without_type_of_nothing(response: Response) -> Response:
    """No Content-Type without content (RFC 9110, section 8.3), which flask-smorest sets on all."""
    if response.status_code == HTTPStatus.NO_CONTENT:
        response.headers.pop("Content-Type", None)
    return response


def unwrapped(text: str) -> str:
    """Markdown with a line for a paragraph: some viewers break lines where the source does."""
    return re.sub(r"(?<!\n)\n *(?![\n|# -])", " ", text.strip())


def _problem_response(codes: list[ErrorCode], operation: str) -> Doc:
    """The answer of `operation` that tells of one of `codes`, which share a status."""
    texts = {code: contract.problem_text(code, operation) for code in codes}
    return {
        "description": "\n".join(f"- `{code}`: {text.when}" for code, text in texts.items()),
        "content": {
            PROBLEM_JSON: {
                "schema": ProblemSchema,
                "examples": {
                    str(code): {
                        "summary": PROBLEM_TYPES[code].title,
                        "value": contract.example_problem(code, HERE, operation),
                    }
                    for code in codes
                },
            }
        },
        "headers": _problem_headers(codes),
    }


def _problem_headers(codes: list[ErrorCode]) -> dict[str, str]:
    """The headers that clients may rely on, and the components that describe them."""
    status = PROBLEM_TYPES[codes[0]].status
    if status == HTTPStatus.UNAUTHORIZED:
        return {"WWW-Authenticate": "WWW-Authenticate"}
    if ErrorCode.INSUFFICIENT_SCOPE in codes:
        return {"WWW-Authenticate": contract.INSUFFICIENT_SCOPE}
    return {"Retry-After": "Retry-After"} if status in (429, 503) else {}


class ContractConverter(OpenAPIConverter):
    """apispec's, with docstrings for descriptions, enums by name, and alternatives."""

    def schema2jsonschema(self, schema: Any) -> Doc:
        instance: Schema = resolve_schema_instance(schema)
        described: Doc = super().schema2jsonschema(instance)  # type: ignore[no-untyped-call]
        described["description"] = unwrapped(inspect.getdoc(type(instance)) or "")
        alternatives = getattr(instance.Meta, "alternatives", None)
        if alternatives is None:
            return described
        return {
            "description": described["description"],
            "oneOf": self._alternatives(instance, described, alternatives),
        }

    def _alternatives(
        self, schema: Schema, described: Doc, alternatives: Mapping[str, tuple[str, str]]
    ) -> list[Doc]:
        """One schema for each member of which exactly one may be sent, registered by its name."""
        members = {field: schema.fields[field].data_key for field, _ in alternatives.values()}
        refs = []
        for name, (field, description) in alternatives.items():
            others = {member for member in members.values() if member != members[field]}
            component = described | {
                "description": description,
                "properties": {
                    member: property_
                    for member, property_ in described["properties"].items()
                    if member not in others
                },
                "required": sorted([*described["required"], members[field]]),
            }
            self.spec.components.schema(name, component)
            refs.append(self.spec.components.get_ref("schema", name))
        return refs

    def field2default(self, field: fields.Field[Any], **kwargs: Any) -> Doc:
        """A default of None is how a view learns that nothing was sent; clients cannot send it."""
        return {} if field.load_default is None else super().field2default(field, **kwargs)

    def enum2properties(self, field: fields.Field[Any], **kwargs: Any) -> Doc:
        """A reference, so that generated clients have one type for one enum."""
        if not isinstance(field, fields.Enum):
            return {}
        kind: type[StrEnum] = field.enum
        if kind.__name__ not in self.spec.components.schemas:
            values = [str(value) for value in kind]
            description = unwrapped(inspect.getdoc(kind) or "")
            described: Doc = {"type": "string", "description": description}
            if isinstance(field, GrowingEnum):
                described |= {
                    "pattern": field.pattern,
                    "maxLength": field.max_length,
                    "x-extensible-enum": values,
                    "examples": values,
                }
            else:
                described |= {
                    "enum": values,
                    "x-enum-varnames": [value.name for value in kind],
                }
            self.spec.components.schema(kind.__name__, described)
        return dict(self.spec.components.get_ref("schema", kind.__name__))


class ContractPlugin(MarshmallowPlugin):
    """apispec's, with our converter."""

    Converter = ContractConverter

    def __init__(self) -> None:
        super().__init__(schema_name_resolver=resolver)


class ContractApi(ProblemApi):
    """flask-smorest's Api, with what all the contract shares, and the document served for good.

    `examples`: Example Objects that views refer to by name.
    """

    def __init__(self, app: Flask, examples: Mapping[str, Doc]) -> None:
        app.config.update(
            API_TITLE=contract.TITLE,
            API_VERSION=contract.VERSION,
            OPENAPI_VERSION="3.1.0",
            OPENAPI_URL_PREFIX="/",
        )
        super().__init__(
            app,
            spec_kwargs={
                "marshmallow_plugin": ContractPlugin(),
                "info": {
                    "summary": contract.SUMMARY,
                    "description": unwrapped(contract.DESCRIPTION),
                    "contact": {"name": "The maintainers of Device BFF"},
                },
                "servers": contract.SERVERS,
                "tags": contract.TAGS,
                "security": [{contract.ACCESS_TOKEN: []}],
            },
        )
        components = self.spec.components
        components.security_scheme(contract.ACCESS_TOKEN, contract.SECURITY_SCHEME)
        for name, header in contract.HEADERS.items():
            components.header(name, header)
        for name, example in examples.items():
            components.example(name, example)
        self._served: Document | None = None

    def document(self) -> Doc:
        """The OpenAPI document, in the order that readers expect its parts."""
        made: Doc = self.spec.to_dict()
        for address, path in made["paths"].items():
            for method in path.keys() - {"parameters"}:
                _place(path[method], address, path.get("parameters", ()))
                path[method] = _in_order(path[method], OPERATION_ORDER) | {
                    "responses": dict(sorted(path[method]["responses"].items()))
                }
        made["info"] = _in_order(made["info"], ("title", "version"))
        return _in_order(made, ("openapi", "info", "servers", "security", "tags", "paths"))

    def _register_pagination_header(self) -> None:
        """Pages are told by `Link` and `nextCursor`, not by flask-smorest's own header."""

    def _openapi_json(self) -> Response:
        if self._served is None:
            self._served = Document(as_json(self.document()), "application/json", CONTRACT_MAX_AGE)
        return self._served.response()


def _place(operation: Doc, address: str, parameters: Iterable[Doc]) -> None:
    """Say in an operation's examples of problems which path they are about."""
    for parameter in parameters:
        address = address.replace(f"{{{parameter['name']}}}", parameter["example"])
    for response in operation["responses"].values():
        problem = response.get("content", {}).get(PROBLEM_JSON, {})
        for example in problem.get("examples", {}).values():
            example["value"]["instance"] = address


def _in_order(members: Doc, first: Iterable[str]) -> Doc:
    return {name: members[name] for name in first if name in members} | members


def as_json(document: Doc) -> bytes:
    """The bytes of the published file and of `/openapi.json`: the same, whoever makes them."""
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()
