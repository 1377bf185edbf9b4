"""Schemathesis finds nothing between the contract and the running service."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local_cognito.process import RunningCognito
from tests.calls import log_lines
from tests.contract.conftest import METHODS
from tests.servers import ROOT, Service, serving, settings_for

FOLDER = ROOT / "tests" / "contract"
EXAMPLES = os.environ.get("FUZZ_EXAMPLES")
"""How many examples an operation is tried with: `make fuzz` sets it. Few, and always the same ones,
unless it is set."""

AMOUNT = [f"--max-examples={EXAMPLES}"] if EXAMPLES else ["--max-examples=25", "--seed=1"]


@pytest.fixture
def own_service(cognito: RunningCognito) -> Iterator[Service]:
    with serving(settings_for(cognito) | {"LOG_LEVEL": "DEBUG", "TRUST_DAYS": "90"}) as service:
        yield service


@pytest.mark.parametrize(
    "phases",
    [
        "examples,coverage,stateful",
        pytest.param("examples,coverage,fuzzing,stateful", marks=pytest.mark.release),
    ],
)
def test_schemathesis_finds_nothing(
    tmp_path: Path,
    cognito: RunningCognito,
    own_service: Service,
    contract: dict[str, Any],
    phases: str,
) -> None:
    """All checks, with data that is right and data that is wrong."""
    done = subprocess.run(
        [
            *(sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()"),
            *("--config-file", str(FOLDER / "schemathesis.toml")),
            *("run", f"{own_service.url}/openapi.json"),
            *(f"--phases={phases}", "--checks=all", *AMOUNT),
        ],
        cwd=tmp_path,
        env=os.environ
        | {
            "PYTHONPATH": str(ROOT),
            "SCHEMATHESIS_HOOKS": "tests.contract.schemathesis_hooks",
            "COGNITO_URL": cognito.url,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    sys.stdout.write(done.stdout)  # `make fuzz` shows it
    assert done.returncode == 0, done.stdout

    lines = log_lines(own_service.logs(), event="request", logger="app.access")
    answered = [
        (f"{line['method'].lower()} {re.sub('<.*>', '{id}', line['route'])}", line["status"])
        for line in lines
        if "method" in line  # or it was no HTTP
    ]
    succeeded = {operation for operation, status in answered if 200 <= status < 300}
    assert succeeded >= _documented(contract), "the rest was not tried"
    failed = {(operation, status) for operation, status in answered if status >= 500}
    assert failed <= {("get /readyz", 503)}, "and that while it started"


def _documented(contract: dict[str, Any]) -> set[str]:
    return {
        f"{method} {path}"
        for path, item in contract["paths"].items()
        for method in METHODS
        if method in item
    }
