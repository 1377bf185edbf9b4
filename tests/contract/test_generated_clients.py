"""Clients generated from the contract make every call of the running service."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from local_cognito.process import RunningCognito
from openapi.clients import CLIENTS, GENERATOR, OPTIONS, generate, generate_typescript
from tests.servers import ROOT, Service

PROGRAMS = ROOT / "tests" / "contract" / "clients"
MODELS = {
    "kotlin": "src/main/kotlin/bff/device/models/{}.kt",
    "swift6": "Sources/DeviceBff/Models/{}.swift",
    "dart": "lib/model/{}.dart",
}
"""Languages whose tools cannot be had here, and where the generator writes a model."""


@pytest.fixture(scope="session")
def generated() -> dict[str, str]:
    """What the generator said of each language."""
    return {language: generate(language) for language in OPTIONS}


@pytest.fixture
def environment(cognito: RunningCognito, service: Service) -> dict[str, str]:
    """What the programs ask for."""
    cognito.control("POST", "/_local/sign-in", count=2)
    new = cognito.control("POST", "/_local/sign-in", track=False)
    return {
        "SERVICE_URL": service.url,
        "ACCESS_TOKEN": new["access_token"],
        "DEVICE_KEY": new["device_key"],
    }


# Clients that run


def test_the_typescript_client_compiles_strictly_and_makes_every_call(
    environment: dict[str, str],
) -> None:
    generate_typescript()
    _run([str(ROOT / "node_modules" / ".bin" / "tsc"), "--project", str(PROGRAMS)], {})
    compiled = CLIENTS / "typescript" / "compiled" / "tests" / "contract" / "clients"
    assert _run(["node", str(compiled / "every_call.js")], environment) == "done\n"


def test_the_python_client_makes_every_call(
    generated: dict[str, str], environment: dict[str, str]
) -> None:
    path = {"PYTHONPATH": str(CLIENTS / "python")}
    program = str(PROGRAMS / "every_call.py")
    assert _run([sys.executable, program], environment | path) == "done\n"


@pytest.mark.skipif(shutil.which("javac") is None, reason="needs a JDK")
def test_the_java_client_makes_every_call(
    generated: dict[str, str], environment: dict[str, str], tmp_path: Path
) -> None:
    """The generator's own jar holds the Jackson that its clients need."""
    sources = [str(path) for path in (CLIENTS / "java" / "src" / "main").rglob("*.java")]
    ours = [str(path) for path in PROGRAMS.glob("*.java")]
    options = ["-encoding", "UTF-8", "-nowarn", "-cp", str(GENERATOR), "-d", str(tmp_path)]
    _run(["javac", *options, *ours, *sources], {})
    command = ["java", "-cp", f"{tmp_path}{os.pathsep}{GENERATOR}", "EveryCall"]
    assert _run(command, environment) == "done\n"


# Clients that are looked at


@pytest.mark.parametrize("language", MODELS)
def test_either_secret_may_be_left_out(generated: dict[str, str], language: str) -> None:
    members = _members(language, "TrackDevice")
    assert members == {
        "deviceKey": "String",
        "name": "String?",
        "secretVerifier": "SecretVerifier?",
        "deviceGroupKey": "String?",
    }


@pytest.mark.parametrize("language", MODELS)
def test_what_may_be_null_is_nullable_and_the_rest_is_not(
    generated: dict[str, str], contract: dict[str, Any], language: str
) -> None:
    for name in ("Device", "DevicePage", "Session", "SessionPage"):
        schema = contract["components"]["schemas"][name]
        nullable = {
            member
            for member, described in schema["properties"].items()
            if "null" in described.get("type", ()) or {"type": "null"} in described.get("anyOf", ())
        }
        members = _members(language, name)
        assert members.keys() == schema["properties"].keys()
        assert {it for it, kind in members.items() if kind.endswith("?")} == nullable


@pytest.mark.parametrize("language", MODELS)
def test_the_codes_are_values_of_an_enum_and_new_ones_can_be_read(
    generated: dict[str, str], contract: dict[str, Any], language: str
) -> None:
    codes = contract["components"]["schemas"]["ErrorCode"]["enum"]
    text = _model(language, "ErrorCode")
    assert [code for code in codes if not re.search(rf"""['"]{code}['"]""", text)] == []
    assert _members(language, "Problem")["code"] == "String"


def _model(language: str, name: str) -> str:
    file_name = re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower() if language == "dart" else name
    return (CLIENTS / language / MODELS[language].format(file_name)).read_text()


def _members(language: str, name: str) -> dict[str, str]:
    """The members of a generated class, and their types."""
    text = _model(language, name)
    if language == "dart":
        text = text[: text.index("operator ==")]
        return {name: kind for kind, name in re.findall(r"^  (\S.*\S) (\w+);$", text, re.MULTILINE)}
    pattern = r"val (\w+): ([^,=\n]+\??)" if language == "kotlin" else r"public var (\w+): (.+)"
    found = re.findall(pattern, text)
    return {name: kind.strip().replace("kotlin.", "") for name, kind in found}


def _run(command: list[str], environment: dict[str, str]) -> str:
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout
