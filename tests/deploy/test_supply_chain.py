"""What the service is made of is locked, listed, and looked up."""

import json
import os
import re
import subprocess

import pytest

from tests.servers import ROOT

LOCKS = ("requirements.txt", "requirements-local.txt", "requirements-test.txt")
"""What the service needs; with the local Cognito; with the tests."""


def entries(lock: str) -> list[str]:
    parts = re.split(r"\n(?=[a-z0-9])", (ROOT / lock).read_text())
    return [part for part in parts if not part.startswith("#")]


def pinned(lock: str) -> set[tuple[str, str]]:
    """Names and versions; one name may have several, for several Pythons."""
    pins = (re.match(r"([a-z0-9._-]+)(?:\[.*\])?==(\S+)", entry) for entry in entries(lock))
    return {(pin[1], pin[2]) for pin in pins if pin}


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


@pytest.mark.parametrize("lock", LOCKS)
def test_every_package_is_pinned_and_has_hashes(lock: str) -> None:
    assert len(entries(lock)) == len(pinned(lock))
    assert all("--hash=sha256:" in entry for entry in entries(lock))


def test_the_service_is_tested_with_the_packages_that_it_ships_with() -> None:
    assert pinned("requirements.txt") <= pinned("requirements-local.txt")
    assert pinned("requirements-local.txt") <= pinned("requirements-test.txt")


def test_the_sbom_lists_every_package_with_its_version_and_hash() -> None:
    done = make("sbom")
    assert done.returncode == 0, done.stderr
    sbom = json.loads((ROOT / "build/sbom.json").read_text())
    listed = [(part["name"], part["version"]) for part in sbom["components"]]
    assert sorted(listed) == sorted(pinned("requirements.txt"))
    for part in sbom["components"]:
        (distribution,) = part["externalReferences"]
        assert {hash_["alg"] for hash_ in distribution["hashes"]} == {"SHA-256"}


def test_an_audit_that_could_not_be_done_does_not_pass() -> None:
    done = make("audit", HTTPS_PROXY="http://127.0.0.1:9", HTTP_PROXY="http://127.0.0.1:9")
    assert done.returncode != 0
    assert "AUDIT: NOT DONE" in done.stderr
