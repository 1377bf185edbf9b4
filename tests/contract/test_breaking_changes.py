"""What breaks the last release's clients is caught; a new major version may do it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from openapi.breaking import breaking_changes
from tests.servers import ROOT

Contract = dict[str, Any]

CONTRACT = ROOT / "openapi" / "openapi.json"
A_BODY = {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}


def _schema(contract: Contract, name: str) -> Any:
    return contract["components"]["schemas"][name]


def _open_enum(contract: Contract, name: str, member: str) -> Any:
    return _schema(contract, name)["properties"][member]["x-extensible-enum"]


BREAKING: dict[str, Callable[[Contract], object]] = {
    "an operation is gone": lambda it: it["paths"]["/devices/{id}"].pop("patch"),
    "an answer's member may be missing": lambda it: _schema(it, "Device")["required"].remove("id"),
    "a request's member is required": lambda it: _schema(it, "TrackDevice")["required"].append(
        "name"
    ),
    "a status can no longer be asked for": lambda it: _schema(it, "StatusUpdate")["properties"][
        "status"
    ]["enum"].remove("not_remembered"),
    "a problem code is gone": lambda it: _open_enum(it, "Problem", "code").remove("blocked"),
    "a body is demanded": lambda it: it["paths"]["/devices/sign-out"]["post"].update(
        requestBody=A_BODY
    ),
    "a token is demanded": lambda it: it["paths"]["/healthz"]["get"].pop("security"),
    "the major version goes down": lambda it: it["info"].update(version="0.9.0"),
}
HARMLESS: dict[str, Callable[[Contract], object]] = {
    "an answer has a new member": lambda it: _schema(it, "Device")["properties"].update(
        model={"type": "string"}
    ),
    "a device has a new status": lambda it: _open_enum(it, "Device", "status").append("lost"),
    "a problem code is new": lambda it: (
        _schema(it, "ErrorCode")["enum"].append("on-holiday"),
        _open_enum(it, "Problem", "code").append("on-holiday"),
    ),
    "an operation is gone in a new major version": lambda it: (
        it["paths"]["/devices/{id}"].pop("patch"),
        it["info"].update(version="2.0.0"),
    ),
}


@pytest.mark.parametrize("change", BREAKING.values(), ids=BREAKING)
def test_a_breaking_change_is_caught(tmp_path: Path, change: Callable[[Contract], object]) -> None:
    assert len(breaking_changes(CONTRACT, _changed(tmp_path, change))) == 1


@pytest.mark.parametrize("change", HARMLESS.values(), ids=HARMLESS)
def test_a_harmless_change_passes(tmp_path: Path, change: Callable[[Contract], object]) -> None:
    assert breaking_changes(CONTRACT, _changed(tmp_path, change)) == []


def _changed(folder: Path, change: Callable[[Contract], object]) -> Path:
    contract = json.loads(CONTRACT.read_bytes())
    change(contract)
    path = folder / "openapi.json"
    path.write_text(json.dumps(contract))
    return path
