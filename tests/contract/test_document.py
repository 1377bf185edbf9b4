"""The OpenAPI document: made of the code, complete, and sound to every checker."""

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from openapi_spec_validator import OpenAPIV31SpecValidator

from app.domain.device_secret import secret_verifier
from app.devices import examples
from local_cognito.process import RunningCognito
from openapi.__main__ import files
from tests.contract.conftest import Operation
from tests.servers import ROOT, Service

OPERATION_IDS = {
    "listDevices",
    "trackDevice",
    "forgetDevices",
    "getDevice",
    "updateDevice",
    "forgetDevice",
    "getCurrentDevice",
    "updateCurrentDevice",
    "forgetCurrentDevice",
    "signOutEverywhere",
    "getHealth",
    "getReadiness",
}
QUIET = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}


@pytest.mark.parametrize("name", ["openapi.json", "openapi.yaml"])
def test_the_committed_file_is_what_the_code_says(name: str) -> None:
    assert files()[name] == (ROOT / "openapi" / name).read_bytes(), "run `make openapi`"


@pytest.mark.parametrize("seed", ["1", "2"])
def test_the_document_does_not_depend_on_environment_or_hash_order(seed: str) -> None:
    made = subprocess.run(
        [sys.executable, "-c", "from openapi.__main__ import *; print(files()['openapi.yaml'])"],
        cwd=ROOT,
        env={"PYTHONHASHSEED": seed, "TZ": "Asia/Tokyo"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    assert made.stdout.strip() == str((ROOT / "openapi" / "openapi.yaml").read_bytes())


def test_the_service_serves_the_committed_bytes(shared_service: Service) -> None:
    served = requests.get(f"{shared_service.url}/openapi.json", timeout=5)
    assert served.content == (ROOT / "openapi" / "openapi.json").read_bytes()
    assert served.headers["Content-Type"] == "application/json"
    assert "max-age" in served.headers["Cache-Control"]


def test_an_unchanged_document_is_not_sent_again(shared_service: Service) -> None:
    url = f"{shared_service.url}/openapi.json"
    etag = requests.get(url, timeout=5).headers["ETag"]
    again = requests.get(url, headers={"If-None-Match": etag}, timeout=5)
    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", etag)


@pytest.mark.parametrize(
    "command",
    [
        ["redocly", "lint", "--config", "redocly.yaml"],
        ["spectral", "lint", "--ruleset", "spectral.yaml", "--fail-severity=hint", "openapi.json"],
    ],
    ids=lambda command: command[0],
)
def test_a_linter_finds_nothing(command: list[str]) -> None:
    program = ROOT / "node_modules" / ".bin" / command[0]
    done = subprocess.run(
        [program, *command[1:]],
        cwd=ROOT / "openapi",
        env=os.environ | QUIET,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout


def test_the_document_is_valid_openapi(contract: dict[str, Any]) -> None:
    assert contract["openapi"] == "3.1.0"
    OpenAPIV31SpecValidator(contract).validate()


def test_operation_ids_are_what_generated_clients_call(operations: dict[str, Operation]) -> None:
    assert set(operations) == OPERATION_IDS


def test_every_operation_is_explained(operations: dict[str, Operation]) -> None:
    assert [
        name for name, it in operations.items() if not (it.get("summary") and it.get("description"))
    ] == []


def test_every_body_has_an_example(operations: dict[str, Operation]) -> None:
    bare = [
        f"{name} {where}"
        for name, operation in operations.items()
        for where, content in _contents(operation)
        if not any("example" in key and content[key] for key in content)
    ]
    assert bare == []


def test_every_parameter_and_header_is_explained(
    contract: dict[str, Any], operations: dict[str, Operation]
) -> None:
    parameters = [
        parameter
        for it in [*operations.values(), *contract["paths"].values()]
        for parameter in it.get("parameters", ())
    ]
    headers = contract["components"]["headers"].values()
    assert len(parameters) == 4 + len(OPERATION_IDS)  # X-Request-ID, everywhere
    assert all(it["description"] and it["schema"] for it in [*parameters, *headers])


def test_every_member_is_explained_and_bounded(contract: dict[str, Any]) -> None:
    vague = []
    for name, member, schema in _members(contract):
        if not schema.get("description") or not _bounded(schema):
            vague.append(f"{name}.{member}")
    assert vague == []


def _bounded(schema: dict[str, Any]) -> bool:
    """Whether a value cannot be arbitrarily large. A null is not."""
    kind = next((it for it in _types(schema) if it != "null"), None)
    if kind == "string":
        return bool({"maxLength", "format", "pattern", "enum"} & schema.keys())
    bounds = {
        "integer": {"minimum", "maximum"},
        "array": {"maxItems"},
        "object": {"maxProperties"} if "additionalProperties" in schema else set(),
    }
    return bounds.get(kind or "", set()) <= schema.keys()


def _types(schema: dict[str, Any]) -> list[str]:
    kinds = schema.get("type", [])
    return [kinds] if isinstance(kinds, str) else kinds


def test_every_header_is_bounded(contract: dict[str, Any]) -> None:
    for name, header in contract["components"]["headers"].items():
        schema = header["schema"]
        is_text = schema["type"] == "string"
        assert _bounded(schema) if is_text else "minimum" in schema, name


def test_every_call_takes_a_request_id_of_any_form(operations: dict[str, Operation]) -> None:
    for name, operation in operations.items():
        ids = [it for it in operation["parameters"] if it["name"] == "X-Request-ID"]
        assert [(it["in"], it.get("required", False)) for it in ids] == [("header", False)], name


def test_devices_answers_say_that_nothing_may_keep_them(
    operations: dict[str, Operation],
) -> None:
    for operation in operations.values():
        if operation["tags"] == ["devices"]:
            for response in operation["responses"].values():
                assert "Cache-Control" in response["headers"]


def test_words_of_the_implementation_do_not_reach_the_document(contract: dict[str, Any]) -> None:
    text = json.dumps(contract)
    for word in ("DeviceDeviceStatusType", "circuit breaker", "botocore", "127.0.0.1"):
        assert word not in text


def test_an_answer_without_content_has_no_content_type(
    cognito: RunningCognito, service: Service
) -> None:
    token = cognito.control("POST", "/_local/sign-in", username="demo")["access_token"]
    gone = requests.delete(
        f"{service.url}/devices/current", headers={"Authorization": f"Bearer {token}"}, timeout=5
    )
    assert (gone.status_code, gone.content) == (204, b"")
    assert "Content-Type" not in gone.headers
    assert gone.headers["Cache-Control"] == "no-store"


def test_requests_are_closed_and_answers_are_open(contract: dict[str, Any]) -> None:
    closed = {
        name
        for name, schema in contract["components"]["schemas"].items()
        if schema.get("additionalProperties") is False
    }
    assert closed == {
        "TrackDeviceWithVerifier",
        "TrackDeviceWithGroupKey",
        "SecretVerifier",
        "StatusUpdate",
    }


def test_what_only_answers_hold_is_read_only(contract: dict[str, Any]) -> None:
    requested = {
        "TrackDevice",
        "TrackDeviceWithVerifier",
        "TrackDeviceWithGroupKey",
        "SecretVerifier",
        "StatusUpdate",
    }
    writable = [
        f"{name}.{member}"
        for name, schema in contract["components"]["schemas"].items()
        if name not in requested
        for member, described in schema.get("properties", {}).items()
        if not described.get("readOnly")
    ]
    assert writable == []


def test_devices_need_a_token_and_health_does_not(
    contract: dict[str, Any], operations: dict[str, Operation]
) -> None:
    assert contract["security"] == [{"accessToken": []}]
    assert {name for name, it in operations.items() if it.get("security") == []} == {
        "getHealth",
        "getReadiness",
    }


def test_links_lead_to_operations(operations: dict[str, Operation]) -> None:
    links = {
        f"{name} {status}": [link["operationId"] for link in response["links"].values()]
        for name, operation in operations.items()
        for status, response in operation["responses"].items()
        if "links" in response
    }
    to_a_device = ["getDevice", "updateDevice", "forgetDevice"]
    assert links == {
        "listDevices 200": [*to_a_device, "listDevices"],
        "trackDevice 201": to_a_device,
    }


def test_the_example_verifier_is_a_true_one() -> None:
    assert (
        secret_verifier(
            examples.DEVICE_GROUP_KEY,
            examples.LAPTOP_KEY,
            examples.DEVICE_PASSWORD,
            base64.b64decode(examples.SALT),
        ).password_verifier
        == examples.VERIFIER
    )


def _contents(operation: Operation) -> Iterator[tuple[str, dict[str, Any]]]:
    bodies = {"request": operation.get("requestBody", {})} | operation["responses"]
    for where, body in bodies.items():
        for content in body.get("content", {}).values():
            yield where, content


def _members(contract: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every member of every schema, and what its arrays and maps hold."""
    for name, schema in contract["components"]["schemas"].items():
        for member, inner in schema.get("properties", {}).items():
            todo = [(member, inner)]
            while todo:
                label, it = todo.pop()
                yield name, label, it
                for key in ("items", "additionalProperties"):
                    below = it.get(key)
                    if isinstance(below, dict) and "$ref" not in below:
                        todo.append((f"{label}.{key}", below))
