"""The Dockerfiles. No engine builds them here: the test collects the files that they name."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import trustme

from local_cognito.process import RunningCognito
from tests.deploy.programs import DEPLOY, ROOT
from tests.resilience.polling import until
from tests.servers import STOP_SECONDS, free_port, settings_for

SERVICE = ROOT / "Dockerfile"
LOCAL_COGNITO = DEPLOY / "local-cognito" / "Dockerfile"
IGNORE_FILES = {
    SERVICE: ROOT / ".dockerignore",
    LOCAL_COGNITO: LOCAL_COGNITO.with_name("Dockerfile.dockerignore"),
}


def values(dockerfile: Path, keyword: str) -> list[str]:
    """The rest of every `keyword` instruction, continued lines joined."""
    text = re.sub(r"^#.*\n", "", dockerfile.read_text(), flags=re.MULTILINE)
    return re.findall(rf"^{keyword} (.+)$", text.replace("\\\n", " "), re.MULTILINE)


def command(dockerfile: Path, keyword: str) -> list[str]:
    """The words of an exec-form CMD, or of the HEALTHCHECK's."""
    (rest,) = values(dockerfile, keyword)
    words: list[str] = json.loads(rest[rest.index("[") :])
    return words


def context_paths(dockerfile: Path) -> set[str]:
    """The paths of the build context that are copied, or mounted for a RUN."""
    copies = [rest for rest in values(dockerfile, "COPY") if not rest.startswith("--from=")]
    mounted = re.findall(r"--mount=type=bind,source=([^,\s]+)", dockerfile.read_text())
    return {path for rest in copies for path in rest.split()[:-1]} | set(mounted)


@pytest.mark.parametrize("dockerfile", IGNORE_FILES, ids=("service", "local Cognito"))
def test_build_context_is_exactly_the_files_that_are_used(dockerfile: Path) -> None:
    first, *lines = re.findall(r"^[^#].*", IGNORE_FILES[dockerfile].read_text(), re.MULTILINE)
    assert first == "*"
    allowed = {line.removeprefix("!") for line in lines if line != "**/__pycache__"}
    assert allowed == context_paths(dockerfile)
    assert all((ROOT / path).exists() for path in allowed)


@pytest.mark.parametrize("dockerfile", IGNORE_FILES, ids=("service", "local Cognito"))
def test_image_runs_a_program_as_a_user_known_by_number(dockerfile: Path) -> None:
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", values(dockerfile, "USER")[-1])
    assert command(dockerfile, "CMD")[0] in ("gunicorn", "python")


def test_service_image_holds_nothing_but_the_service() -> None:
    assert context_paths(SERVICE) == {
        "app",
        "gunicorn.conf.py",
        "requirements.txt",
        "deploy/healthcheck.py",
    }


def test_both_images_have_the_same_python() -> None:
    images = {rest.split()[0] for file in IGNORE_FILES for rest in values(file, "FROM")}
    assert len(images) == 1


def image_environment(folder: Path, settings: dict[str, str]) -> dict[str, str]:
    """Put the image's files into `folder`; its variables, with this Python's packages on PATH."""
    for path in context_paths(SERVICE):
        copy = shutil.copytree if (ROOT / path).is_dir() else shutil.copy
        copy(ROOT / path, folder / Path(path).name)
    pairs = (pair for rest in values(SERVICE, "ENV") for pair in shlex.split(rest))
    of_image = dict(pair.split("=", 1) for pair in pairs)
    machine = {
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])),
        "TMPDIR": str(folder),
        "PORT": str(free_port()),
    }
    return of_image | settings | machine


def healthy(folder: Path, environment: dict[str, str]) -> bool:
    """Whether the image's HEALTHCHECK passes."""
    check = command(SERVICE, "HEALTHCHECK")
    return subprocess.run(check, cwd=folder, env=environment, check=False).returncode == 0


@pytest.mark.parametrize("variant", ["plain", "HTTPS", "IPv6"])
def test_image_serves_from_its_own_files_is_healthy_and_ends_clean(
    tmp_path: Path, cognito: RunningCognito, variant: str
) -> None:
    folder = tmp_path / "srv"
    folder.mkdir()
    settings = settings_for(cognito)
    if variant == "HTTPS":
        cert, key = tmp_path / "tls.crt", tmp_path / "tls.key"
        certificate = trustme.CA().issue_cert("devices.example.com")
        certificate.private_key_pem.write_to_path(str(key))
        certificate.cert_chain_pems[0].write_to_path(str(cert))
        settings |= {"TLS_CERT_FILE": str(cert), "TLS_KEY_FILE": str(key)}
    if variant == "IPv6":
        settings |= {"HOST": "::"}
    environment = image_environment(folder, settings)
    assert not healthy(folder, environment)
    process = subprocess.Popen(command(SERVICE, "CMD"), cwd=folder, env=environment)
    try:
        until("the health check passes", lambda: healthy(folder, environment), within=60)
        process.terminate()
        assert process.wait(STOP_SECONDS) == 0
    finally:
        process.kill()
        process.wait()
