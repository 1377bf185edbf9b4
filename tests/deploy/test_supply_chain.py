"""What the service is made of is locked, listed, and looked up."""

import json
import os
import re
import subprocess

import pytest

from tests.servers import ROOT


def pinned(lock: str) -> set[tuple[str, str]]:
    """Names and versions; one name may have several, for several Pythons."""
    pins = re.findall(r"^([a-z0-9._-]+)(?:\[.*\])?==(\S+)", (ROOT / lock).read_text(), re.MULTILINE)
    return set(pins)


def make(target: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a target as it stands, with what is installed."""
    return subprocess.run(
        ["make", "--old-file=.venv/ready", "--old-file=.venv/ready-to-test", target],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_the_service_is_tested_with_the_packages_that_it_ships_with() -> None:
    assert pinned("requirements.txt") <= pinned("requirements-local.txt")
    assert pinned("requirements-local.txt") <= pinned("requirements-test.txt")


@pytest.mark.release
def test_the_sbom_lists_every_package_with_its_version_and_hash() -> None:
    done = make("sbom")
    assert done.returncode == 0, done.stderr
    sbom = json.loads((ROOT / "build/sbom.json").read_text())
    listed = [(part["name"], part["version"]) for part in sbom["components"]]
    assert sorted(listed) == sorted(pinned("requirements.txt"))
    for part in sbom["components"]:
        (distribution,) = part["externalReferences"]
        assert {hash_["alg"] for hash_ in distribution["hashes"]} == {"SHA-256"}


@pytest.mark.release
def test_an_audit_that_could_not_be_done_does_not_pass() -> None:
    done = make("audit", HTTPS_PROXY="http://127.0.0.1:9", HTTP_PROXY="http://127.0.0.1:9")
    assert done.returncode != 0
    assert "AUDIT: NOT DONE" in done.stderr
