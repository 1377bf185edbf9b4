"""The OpenAPI document: made of the code, complete, and sound to every checker."""

import base64
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from openapi_spec_validator import OpenAPIV31SpecValidator

from app.cognito.srp import secret_verifier
from app.devices import examples
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
    assert len(parameters) == 4
    assert all(it["description"] and it["schema"] for it in [*parameters, *headers])


def test_every_member_is_explained_and_bounded(contract: dict[str, Any]) -> None:
    vague = []
    for name, member, schema in _members(contract):
        kinds = schema.get("type", [])
        is_text = "string" in kinds
        bounds = {"maxLength", "minLength", "format", "pattern", "enum"} & schema.keys()
        if not schema.get("description") or (is_text and not bounds):
            vague.append(f"{name}.{member}")
        if "integer" in kinds and not {"minimum", "maximum"} <= schema.keys():
            vague.append(f"{name}.{member}")
    assert vague == []


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


def test_what_a_client_cannot_set_is_read_only(contract: dict[str, Any]) -> None:
    device = contract["components"]["schemas"]["Device"]["properties"]
    assert {name for name, schema in device.items() if not schema.get("readOnly")} == {
        "name",
        "status",
    }


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
