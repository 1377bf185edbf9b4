"""What breaks the last release's clients is caught; a new major version may do it."""

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from openapi.breaking import breaking_changes
from tests.servers import ROOT

Change = Callable[[dict[str, Any]], object]

RELEASED = ROOT / "openapi" / "released.json"


def _schema(contract: dict[str, Any], name: str) -> dict[str, Any]:
    return contract["components"]["schemas"][name]


BREAKING: dict[str, Change] = {
    "an operation is gone": lambda it: it["paths"]["/devices/{id}"].pop("patch"),
    "an operation is renamed": lambda it: it["paths"]["/devices"]["get"].update(operationId="all"),
    "a member of an answer may be missing": lambda it: _schema(it, "Device")["required"].remove(
        "current"
    ),
    "a member of an answer has another type": lambda it: _schema(it, "Device")["properties"][
        "current"
    ].update(type="string"),
    "a member of a request becomes required": lambda it: _schema(it, "TrackDeviceWithVerifier")[
        "required"
    ].append("name"),
    "a way to ask is gone": lambda it: _schema(it, "TrackDevice")["oneOf"].pop(),
    "a choice is gone": lambda it: _schema(it, "DeletionScope")["enum"].remove("all"),
    "a status of a device is new": lambda it: _schema(it, "DeviceStatus")["enum"].append("lost"),
    "a body is required": lambda it: it["paths"]["/devices/sign-out"]["post"].update(
        requestBody={
            "required": True,
            "content": {"application/json": {"schema": {"type": "object"}}},
        }
    ),
    "a token is demanded": lambda it: it["paths"]["/healthz"]["get"].pop("security"),
    "a problem code is gone": lambda it: _schema(it, "ErrorCode")["x-extensible-enum"].remove(
        "blocked"
    ),
    "a status of a device is gone": lambda it: _schema(it, "DeviceStatus")["enum"].remove(
        "tracked"
    ),
    "a link is gone": lambda it: it["paths"]["/devices"]["post"]["responses"]["201"]["links"].pop(
        "getDevice"
    ),
    "a default is another": lambda it: it["paths"]["/devices"]["get"]["parameters"][0][
        "schema"
    ].update(default=10),
    "the major version goes down": lambda it: it["info"].update(version="0.9.0"),
    "a bound is narrower": lambda it: it["paths"]["/devices"]["get"]["parameters"][0][
        "schema"
    ].update(maximum=10),
}
HARMLESS: dict[str, Change] = {
    "a member of an answer is new": lambda it: _schema(it, "Device")["properties"].update(
        model={"type": "string", "description": "The model."}
    ),
    "a problem code is new": lambda it: _schema(it, "ErrorCode")["x-extensible-enum"].append(
        "on-holiday"
    ),
    "a text is better": lambda it: it["info"].update(description="Better."),
}


def test_the_contract_breaks_nothing_that_was_released() -> None:
    assert breaking_changes(RELEASED, ROOT / "openapi" / "openapi.json") == []


@pytest.mark.parametrize("change", BREAKING.values(), ids=BREAKING.keys())
def test_a_breaking_change_is_caught(tmp_path: Path, change: Change) -> None:
    assert len(breaking_changes(RELEASED, _changed(tmp_path, change))) == 1


@pytest.mark.parametrize("change", HARMLESS.values(), ids=HARMLESS.keys())
def test_a_harmless_change_passes(tmp_path: Path, change: Change) -> None:
    assert breaking_changes(RELEASED, _changed(tmp_path, change)) == []


def test_a_new_major_version_may_break(tmp_path: Path) -> None:
    def change(contract: dict[str, Any]) -> None:
        contract["paths"]["/devices/{id}"].pop("patch")
        contract["info"]["version"] = "2.0.0"

    assert breaking_changes(RELEASED, _changed(tmp_path, change)) == []


def _changed(folder: Path, change: Change) -> Path:
    contract = deepcopy(json.loads(RELEASED.read_bytes()))
    change(contract)
    path = folder / "openapi.json"
    path.write_text(json.dumps(contract))
    return path
