"""Clients generated from the contract make every call of the running service, and read answers of
a service that has grown. `make test` runs TypeScript's and Python's, `make test-all` the others.

docs/apps.md has the table of what is shown here.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from flask import Flask, Response, jsonify
from werkzeug.serving import make_server

from local_cognito.process import RunningCognito
from openapi.clients import CLIENTS, GENERATOR, generate, generate_typescript
from openapi.examples import value
from tests.deploy.programs import program_path
from tests.servers import ROOT, Service

PROGRAMS = ROOT / "tests" / "contract" / "clients"
RAN = ["yes", "yes", "yes"]
READ = ["not tried", "not tried", "by its source"]
LOOKED_AT = {
    "C#": (
        *("csharp", "src/DeviceBff/Model/{}.cs"),
        r'JsonPropertyName\("(?P<name>\w+)"\)\]\s+public (?P<kind>\S+(?: \S+)?) \w+ \{',
    ),
    "Rust": (
        *("rust", "src/models/{}.rs"),
        r'serde\(rename = "(?P<name>\w+)".*\)\]\s+pub \S+: (?P<kind>.+),',
    ),
    "Kotlin": (
        *("kotlin", "src/main/kotlin/bff/device/models/{}.kt"),
        r"val (?P<name>\w+): (?P<kind>[^,=\n]+)",
    ),
    "Swift": (
        *("swift6", "Sources/DeviceBff/Models/{}.swift"),
        r"public var (?P<name>\w+): (?P<kind>.+)",
    ),
    "Dart": ("dart", "lib/model/{}.dart", r"(?m)^  (?P<kind>\S.*\S) (?P<name>\w+);$"),
}
"""Languages whose tools cannot be had here: the generator's name, where it writes a model, and how
that declares a member."""
OPEN_ENUMS = {
    "Device": ["deviceType", "status"],
    "Session": ["deviceType", "sessionType"],
    "StatusChange": ["status"],
    "TrackedDevice": ["status"],
    "Problem": ["code"],
}


@pytest.fixture(scope="session")
def tomorrow() -> Iterator[str]:
    """The URL of a service that answers with members, words and codes of later versions."""
    app = Flask("tomorrow")

    @app.get("/devices/current")
    def device() -> Response:
        new = {"deviceType": "watch", "status": "lost", "maker": {"name": "Acme"}}
        return jsonify(value("laptop") | new)

    @app.get("/sessions")
    def sessions() -> Response:
        session = value("sessions/items/0") | {"sessionType": "passkey", "risk": 0.5}
        return jsonify({"items": [session], "nextCursor": None, "total": 1})

    @app.get("/devices/<device_key>")
    def problem(device_key: str) -> tuple[Response, int, dict[str, str]]:
        problem = value("some-failed/failed/0/problem")
        new = {"code": "on-holiday", "type": "urn:device-bff:problem:on-holiday", "until": "May"}
        return jsonify(problem | new), 429, {"Content-Type": "application/problem+json"}

    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def environment(cognito: RunningCognito, service: Service, tomorrow: str) -> dict[str, str]:
    """What the programs ask for."""
    cognito.control("POST", "/_local/sign-in", count=2)
    ours, other = (cognito.control("POST", "/_local/sign-in", track=False) for _ in range(2))
    return {
        "SERVICE_URL": service.url,
        "TOMORROW_URL": tomorrow,
        "ACCESS_TOKEN": ours["access_token"],
        "DEVICE_KEY": ours["device_key"],
        "OTHER_TOKEN": other["access_token"],
        "OTHER_KEY": other["device_key"],
    }


# Clients that run


def test_the_typescript_client_compiles_strictly_and_makes_every_call(
    environment: dict[str, str],
) -> None:
    generate_typescript()
    _run([str(ROOT / "node_modules" / ".bin" / "tsc"), "--project", str(PROGRAMS)], {})
    compiled = CLIENTS / "typescript" / "compiled" / "tests" / "contract" / "clients"
    assert _run(["node", str(compiled / "every_call.js")], environment) == "done\n"
    assert _documented("TypeScript") == RAN


@pytest.mark.release
def test_the_python_client_makes_every_call(environment: dict[str, str]) -> None:
    generate("python")
    path = {"PYTHONPATH": str(CLIENTS / "python")}
    program = str(PROGRAMS / "every_call.py")
    assert _run([sys.executable, program], environment | path) == "done\n"
    assert _documented("Python") == RAN


@pytest.mark.release
def test_the_java_client_makes_every_call(environment: dict[str, str], tmp_path: Path) -> None:
    """The generator's own jar holds the Jackson that its clients need."""
    generate("java")
    sources = [str(path) for path in (CLIENTS / "java" / "src" / "main").rglob("*.java")]
    ours = [str(path) for path in PROGRAMS.glob("*.java")]
    options = ["-encoding", "UTF-8", "-nowarn", "-cp", str(GENERATOR), "-d", str(tmp_path)]
    _run([program_path("javac"), *options, *ours, *sources], {})
    command = ["java", "-cp", f"{tmp_path}{os.pathsep}{GENERATOR}", "EveryCall"]
    assert _run(command, environment) == "done\n"
    assert _documented("Java") == RAN


@pytest.mark.release
def test_the_go_client_makes_every_call(environment: dict[str, str], tmp_path: Path) -> None:
    generate("go")
    program = CLIENTS / "go" / "every-call" / "main.go"
    program.parent.mkdir(exist_ok=True)
    program.write_bytes((PROGRAMS / "every_call.go").read_bytes())
    offline = {"HOME": str(tmp_path), "GOPROXY": "off", "GOTOOLCHAIN": "local"}
    built = str(tmp_path / "every-call")
    _run([program_path("go"), "build", "-o", built, "./every-call"], offline, CLIENTS / "go")
    assert _run([built], environment) == "done\n"
    assert _documented("Go") == RAN


# Clients that are looked at


@pytest.fixture(scope="module", params=LOOKED_AT)
def language(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    generate(LOOKED_AT[name][0])
    return name


@pytest.mark.release
def test_a_request_member_may_be_left_out_and_an_answers_is_null_where_it_says_so(
    language: str, contract: dict[str, Any]
) -> None:
    for name in ("TrackDevice", "Device", "DevicePage", "Session", "SessionPage"):
        schema = contract["components"]["schemas"][name]
        members = _members(language, name)
        assert members.keys() == schema["properties"].keys()
        assert not any(kind.startswith("Option<Option<") for kind in members.values())
        assert {it for it, kind in members.items() if re.match(r"Option<|.*\?$", kind)} == {
            member
            for member, described in schema["properties"].items()
            if member not in schema["required"] or "null" in described.get("type", ())
        }


@pytest.mark.release
def test_open_enums_are_strings_and_the_codes_of_today_are_named(
    language: str, contract: dict[str, Any]
) -> None:
    for name, enums in OPEN_ENUMS.items():
        members = _members(language, name)
        kinds = {re.sub(r"Option<|[>?]", "", members[it]).lower() for it in enums}
        assert kinds == {"string"}, name
    codes = contract["components"]["schemas"]["ErrorCode"]["enum"]
    text = _model(language, "ErrorCode")
    assert [code for code in codes if not re.search(rf"""['"]{code}['"]""", text)] == []
    assert "deny_unknown_fields" not in _model(language, "Device")
    assert _documented(language) == READ


def _model(language: str, name: str) -> str:
    generator, place, _ = LOOKED_AT[language]
    snake = re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
    file_name = snake if language in ("Dart", "Rust") else name
    return (CLIENTS / generator / place.format(file_name)).read_text()


def _members(language: str, name: str) -> dict[str, str]:
    """The members of a generated class, and their types."""
    text = _model(language, name).partition("operator ==")[0]
    found = re.finditer(LOOKED_AT[language][2], text)
    return {it["name"]: it["kind"].strip().replace("kotlin.", "") for it in found}


def _documented(language: str) -> list[str]:
    """What docs/apps.md says of a language: compiles, makes every call, reads what is to come."""
    rows = re.findall(r"^\| (.+) \|$", (ROOT / "docs" / "apps.md").read_text(), re.MULTILINE)
    return next(cells[2:] for row in rows if (cells := row.split(" | "))[0] == language)


def _run(command: list[str], environment: dict[str, str], folder: Path = ROOT) -> str:
    done = subprocess.run(
        command,
        cwd=folder,
        env={"PATH": os.environ["PATH"]} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout
