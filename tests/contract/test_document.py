"""The OpenAPI document: made of the code, complete, and sound to every checker."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from openapi_spec_validator import OpenAPIV30SpecValidator, OpenAPIV31SpecValidator

from app.domain.device_secret import secret_verifier
from openapi import examples
from openapi.__main__ import files
from tests.contract.conftest import Operation
from tests.servers import ROOT, Service

REQUESTS = {"TrackDevice", "SecretVerifier", "StatusUpdate"}


# The files


@pytest.mark.parametrize("name", ["openapi.json", "openapi.yaml", "openapi-3.0.json"])
def test_a_committed_file_is_what_the_code_says(name: str) -> None:
    assert files()[name] == (ROOT / "openapi" / name).read_bytes(), "run `make openapi`"


@pytest.mark.parametrize("name", ["openapi.json", "openapi-3.0.json"])
def test_the_service_serves_the_committed_bytes_and_not_twice(
    shared_service: Service, name: str
) -> None:
    url = f"{shared_service.url}/{name}"
    served = requests.get(url, timeout=10)
    assert served.content == (ROOT / "openapi" / name).read_bytes()
    assert served.headers["Content-Type"] == "application/json"
    again = requests.get(url, headers={"If-None-Match": served.headers["ETag"]}, timeout=10)
    assert (again.status_code, again.content) == (304, b"")


def test_both_versions_are_valid_openapi(contract: dict[str, Any]) -> None:
    OpenAPIV31SpecValidator(contract).validate()
    older = json.loads(files()["openapi-3.0.json"])
    assert (contract["openapi"], older["openapi"]) == ("3.1.0", "3.0.3")
    OpenAPIV30SpecValidator(older).validate()


def test_both_versions_describe_the_same(contract: dict[str, Any]) -> None:
    older = json.loads(files()["openapi-3.0.json"])
    assert older["paths"].keys() == contract["paths"].keys()
    members, older_members = (
        {name: it.get("properties", {}).keys() for name, it in one["components"]["schemas"].items()}
        for one in (contract, older)
    )
    assert older_members == members


# What it says of calls


def test_calls_parameters_and_headers_are_explained(
    contract: dict[str, Any], operations: dict[str, Operation]
) -> None:
    explained = [*operations.values(), *contract["components"]["headers"].values()]
    for it in [*operations.values(), *contract["paths"].values()]:
        explained += it.get("parameters", ())
    assert all(it["description"] for it in explained)


def test_user_calls_need_a_token_and_health_does_not(
    contract: dict[str, Any], operations: dict[str, Operation]
) -> None:
    assert contract["security"] == [{"accessToken": []}]
    open_to_all = {name for name, it in operations.items() if it.get("security") == []}
    assert open_to_all == {"getHealth", "getReadiness"}


def test_user_calls_say_that_nothing_may_keep_their_answers(
    operations: dict[str, Operation],
) -> None:
    for operation in operations.values():
        if operation["tags"] != ["health"]:
            for response in operation["responses"].values():
                assert "Cache-Control" in response["headers"]


def test_links_lead_to_operations(operations: dict[str, Operation]) -> None:
    links = {
        link["operationId"]
        for operation in operations.values()
        for response in operation["responses"].values()
        for link in response.get("links", {}).values()
    }
    expected = {"getDevice", "updateDevice", "forgetDevice", "listDevices"}
    assert links == expected | {"endSession", "listSessions"}


# What it says of bodies


def test_every_member_is_explained_and_bounded(contract: dict[str, Any]) -> None:
    vague = [
        f"{name}.{member}"
        for name, schema in contract["components"]["schemas"].items()
        for member, inner in _members(schema)
        if not inner.get("description") or not _bounded(inner)
    ]
    assert vague == []


def _members(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every member, and what arrays and maps hold."""
    for member, inner in schema.get("properties", {}).items():
        yield member, inner
        for key in ("items", "additionalProperties"):
            if isinstance(inner.get(key), dict) and "$ref" not in inner[key]:
                yield from _members({"properties": {f"{member}.{key}": inner[key]}})


def _bounded(schema: dict[str, Any]) -> bool:
    """Whether a value cannot be arbitrarily large."""
    kinds = {schema["type"]} if isinstance(schema.get("type"), str) else {*schema.get("type", ())}
    if "string" in kinds:
        return bool({"maxLength", "format", "pattern", "enum"} & schema.keys())
    bounds = {
        "integer": {"minimum", "maximum"},
        "array": {"maxItems"},
        "object": {"maxProperties"} if "additionalProperties" in schema else set(),
    }
    return all(bounds.get(kind, set()) <= schema.keys() for kind in kinds)


def test_requests_are_closed_and_answers_are_open(contract: dict[str, Any]) -> None:
    """An enum of an answer is open, too: its known values are named, and others allowed."""
    schemas = contract["components"]["schemas"]
    closed = {name for name, it in schemas.items() if it.get("additionalProperties") is False}
    assert closed == REQUESTS
    with_enum = {name for name, it in schemas.items() if '"enum"' in json.dumps(it)}
    assert with_enum == {"StatusUpdate", "ErrorCode"}
    open_enums = {
        f"{name}.{member}": inner["x-extensible-enum"]
        for name, schema in schemas.items()
        for member, inner in _members(schema)
        if "x-extensible-enum" in inner
    }
    assert open_enums.pop("Problem.code") == schemas["ErrorCode"]["enum"]
    assert open_enums == {
        "Device.deviceType": ["phone", "tablet", "computer", "tv", "other"],
        "Device.status": ["remembered", "not_remembered"],
        "StatusChange.status": ["remembered", "not_remembered"],
        "TrackedDevice.status": ["remembered", "tracked"],
        "Session.deviceType": ["phone", "tablet", "computer", "tv", "other"],
        "Session.sessionType": ["token", "sso"],
        "Health.status": ["ok"],
    }


def test_nothing_is_said_that_makes_generators_write_odd_classes(
    contract: dict[str, Any],
) -> None:
    """readOnly and writeOnly leave members out of what is written; an optional member that may be
    null becomes an option of an option; raw control characters break the patterns of some."""
    text = json.dumps(contract)
    assert "readOnly" not in text
    assert "writeOnly" not in text
    for name in REQUESTS:
        for member, inner in _members(contract["components"]["schemas"][name]):
            assert "null" not in json.dumps(inner), member
            assert inner.get("pattern", "").isprintable(), member


def test_no_body_is_a_choice_of_classes(contract: dict[str, Any]) -> None:
    """Generators merge a `oneOf` into a class that nobody can send."""
    assert '"oneOf"' not in json.dumps(contract)


def test_words_of_the_implementation_do_not_reach_the_document(contract: dict[str, Any]) -> None:
    text = json.dumps(contract)
    for word in ("circuit breaker", "botocore", "127.0.0.1", "`title`"):
        assert word not in text


def test_the_example_verifier_is_a_true_one() -> None:
    salt = base64.b64decode(examples.value("track-with-verifier/secretVerifier/salt"))
    made = secret_verifier(
        examples.value("track-with-group-key/deviceGroupKey"),
        examples.value("laptop/id"),
        examples.value("tracked-until-opt-in/devicePassword"),
        salt,
    )
    assert made.password_verifier == examples.value(
        "track-with-verifier/secretVerifier/passwordVerifier"
    )
