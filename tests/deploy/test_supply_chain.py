"""What the service is made of is locked, listed, and looked up."""

import json
import re
import subprocess
from typing import Any

import pytest

from tests.servers import ROOT

REQUIREMENTS = (ROOT / "requirements.txt").read_text()
PINNED = re.findall(r"^([a-z0-9._-]+)(?:\[.*\])?==(\S+)", REQUIREMENTS, re.MULTILINE)
"""Names and versions; one name may have several, for several Pythons."""


def make(target: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a target as it stands, with what is installed."""
    variables = [f"{name}={value}" for name, value in environment.items()]
    return subprocess.run(
        ["env", *variables, "make", "--old-file=.venv/ready", target],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_every_package_is_pinned_and_has_hashes() -> None:
    entries = re.split(r"\n(?=[a-z0-9])", REQUIREMENTS)
    packages = [entry for entry in entries if not entry.startswith("#")]
    assert len(packages) == len(PINNED)
    assert all("--hash=sha256:" in entry for entry in packages)


@pytest.fixture(scope="module")
def sbom() -> dict[str, Any]:
    done = make("sbom")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads((ROOT / "build/sbom.json").read_text())
    return found


def test_the_sbom_lists_every_package_with_its_version_and_hash(sbom: dict[str, Any]) -> None:
    assert (sbom["bomFormat"], sbom["metadata"]["component"]["name"]) == ("CycloneDX", "device-bff")
    listed = [(part["name"], part["version"]) for part in sbom["components"]]
    assert sorted(listed) == sorted(PINNED)
    for part in sbom["components"]:
        assert part["purl"].startswith("pkg:pypi/")
        (distribution,) = part["externalReferences"]
        assert {hash_["alg"] for hash_ in distribution["hashes"]} == {"SHA-256"}


def test_an_audit_that_could_not_be_done_does_not_pass() -> None:
    done = make("audit", HTTPS_PROXY="http://127.0.0.1:9", HTTP_PROXY="http://127.0.0.1:9")
    assert done.returncode != 0
    assert "AUDIT: NOT DONE" in done.stderr
