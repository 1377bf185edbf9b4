"""Clients generated from the contract live a device's whole life against the running service."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from local_cognito.process import RunningCognito
from openapi.clients import CLIENTS, OPTIONS, generate, generate_typescript
from tests.servers import ROOT, Service

LIVES = ROOT / "tests" / "contract" / "clients"
_ONE = {"all": 1}
_COUNT = {"application/json": {"schema": {"$ref": "#/components/schemas/Count"}}}
SMALLEST: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "The smallest contract", "version": "1.0.0"},
    "servers": [{"url": "/"}],
    "paths": {
        "/": {
            "post": {
                "operationId": "ask",
                "requestBody": {
                    "content": {"application/json": {**_COUNT["application/json"], "example": _ONE}}
                },
                "responses": {"200": {"description": "Done", "content": _COUNT}},
            }
        }
    },
    "components": {
        "schemas": {"Count": {"type": "object", "properties": {"all": {"type": "integer"}}}}
    },
}


@pytest.fixture
def life(cognito: RunningCognito, service: Service) -> dict[str, str]:
    """A user with a remembered device, who has just signed in from another one."""
    other = cognito.control("POST", "/_local/sign-in", username="demo")
    new = cognito.control("POST", "/_local/tokens", username="demo")
    return {
        "SERVICE_URL": service.url,
        "ACCESS_TOKEN": new["token"],
        "DEVICE_KEY": new["claims"]["device_key"],
        "OTHER_DEVICE_KEY": other["device_key"],
    }


@pytest.mark.parametrize("language", OPTIONS)
def test_a_client_is_generated_without_a_warning_about_our_contract(
    tmp_path: Path, language: str
) -> None:
    """The generator warns of the smallest contract too; such warnings say nothing about ours."""
    smallest = tmp_path / "smallest.json"
    smallest.write_text(json.dumps(SMALLEST))
    of_any = _warnings(generate(language, smallest, tmp_path / "smallest"))
    assert _warnings(generate(language, to=tmp_path / "client")) - of_any == set()


def test_the_typescript_client_compiles_strictly_and_lives(life: dict[str, str]) -> None:
    generate_typescript()
    _run([str(ROOT / "node_modules" / ".bin" / "tsc"), "--project", str(LIVES)], {})
    lived = _run(["node", str(CLIENTS / "typescript" / "life_of_a_device.js")], life)
    assert lived == "lived\n"


def test_the_python_client_lives(life: dict[str, str]) -> None:
    generate("python")
    lived = _run(
        [sys.executable, str(LIVES / "life_of_a_device.py")],
        life | {"PYTHONPATH": str(CLIENTS / "python")},
    )
    assert lived == "lived\n"


def _warnings(said: str) -> set[str]:
    return {line for line in said.splitlines() if " WARN " in line or " ERROR " in line}


def _run(command: list[str], environment: dict[str, str]) -> str:
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout
