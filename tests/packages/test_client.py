"""`@device-bff/client`: generated types that are current, small, and calls that end as promised."""

import gzip
import subprocess
from pathlib import Path

import pytest

from tests.servers import ROOT

CLIENT = ROOT / "packages" / "client"
BIN = ROOT / "node_modules" / ".bin"
MAX_BYTES = 8 * 1024


def run(*command: str | Path) -> None:
    done = subprocess.run(
        command, cwd=CLIENT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert done.returncode == 0, done.stdout


@pytest.fixture(scope="module")
def built() -> Path:
    run(BIN / "tsc", "--project", CLIENT)
    return CLIENT / "dist"


def test_its_types_are_those_of_the_contract(tmp_path: Path) -> None:
    generated = tmp_path / "schema.ts"
    run(BIN / "openapi-typescript", ROOT / "openapi" / "openapi.json", "--output", generated)
    assert generated.read_text() == (CLIENT / "src" / "schema.ts").read_text()


def test_calls_end_as_promised(built: Path) -> None:
    run("node", "--test", "--test-timeout=20000", "test/")


def test_it_is_small_with_what_it_needs(built: Path, tmp_path: Path) -> None:
    bundle = tmp_path / "client.js"
    options = ("--minify", "--format", "esm", "--platform", "browser", "--file", bundle)
    run(BIN / "rolldown", built / "index.js", *options)
    assert len(gzip.compress(bundle.read_bytes())) <= MAX_BYTES
