"""What tests of deployment files run them against: programs, the contract, the settings."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from unittest import mock

from openapi_schema_validator import OAS31Validator

from app.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
SECONDS = 60
CONTRACT = json.loads((ROOT / "openapi" / "openapi.json").read_text())
PROBLEM = OAS31Validator(
    CONTRACT["components"]["schemas"]["Problem"] | {"components": CONTRACT["components"]},
    format_checker=OAS31Validator.FORMAT_CHECKER,
)
"""Validates problems by the contract, formats included."""


def program_path(program: str) -> str:
    """Where a program of the virtual environment, or else of this machine, is."""
    places = (str(Path(sys.executable).parent), os.environ["PATH"], "/usr/sbin")
    path = shutil.which(program, path=os.pathsep.join(places))
    assert path, f"{program} is not installed: see tests/system-packages.sh"
    return path


def output_of(program: str, *arguments: str | Path) -> str:
    """What a program prints; it must not complain.

    Raises:
        AssertionError: it ended with another code than 0; the message is what it said.
    """
    done = subprocess.run(
        [program_path(program), *arguments],
        cwd=ROOT,
        env={name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def settings_in(environment: Mapping[str, str]) -> Settings:
    """What the service makes of these variables and no others. SettingsError if it would not start.

    `from_environ` reads the process's environment, which is put back.
    """
    with mock.patch.dict(os.environ, environment, clear=True):
        return Settings.from_environ()
