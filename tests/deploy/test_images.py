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
from tests.polling import until
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


def command(keyword: str) -> list[str]:
    """The words of the service's exec-form CMD, or of its HEALTHCHECK's."""
    (rest,) = values(SERVICE, keyword)
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


def test_both_images_have_the_same_python_and_run_as_a_user_known_by_number() -> None:
    assert len({rest.split()[0] for file in IGNORE_FILES for rest in values(file, "FROM")}) == 1
    for dockerfile in IGNORE_FILES:
        assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", values(dockerfile, "USER")[-1])


def unpack(folder: Path, cognito: RunningCognito) -> dict[str, str]:
    """Put the service's files into `folder`, as its image has them; the environment that it has."""
    for path in context_paths(SERVICE):
        copy = shutil.copytree if (ROOT / path).is_dir() else shutil.copy
        within = folder / ("openapi" if path.startswith("openapi/") else "")
        within.mkdir(exist_ok=True)
        copy(ROOT / path, within / Path(path).name)
    pairs = (pair for rest in values(SERVICE, "ENV") for pair in shlex.split(rest))
    return {
        **dict(pair.split("=", 1) for pair in pairs),
        **settings_for(cognito),
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])),
        "TMPDIR": str(folder),
        "PORT": str(free_port()),
    }


def test_image_has_the_doctor(tmp_path: Path, cognito: RunningCognito) -> None:
    environment = unpack(tmp_path, cognito)
    doctor = ["python", "-m", "app.doctor"]
    done = subprocess.run(doctor, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "✓ Cognito:" in done.stdout


@pytest.mark.parametrize("variant", ["plain", "HTTPS over IPv6"])
def test_image_serves_from_its_own_files_is_healthy_and_ends_clean(
    tmp_path: Path, cognito: RunningCognito, variant: str
) -> None:
    environment = unpack(tmp_path, cognito)
    if variant != "plain":
        cert, key = tmp_path / "tls.crt", tmp_path / "tls.key"
        certificate = trustme.CA().issue_cert("devices.example.com")
        certificate.private_key_pem.write_to_path(str(key))
        certificate.cert_chain_pems[0].write_to_path(str(cert))
        environment |= {"TLS_CERT_FILE": str(cert), "TLS_KEY_FILE": str(key), "HOST": "::"}

    def healthy() -> bool:
        check = command("HEALTHCHECK")
        return subprocess.run(check, cwd=tmp_path, env=environment).returncode == 0

    assert not healthy()
    process = subprocess.Popen(command("CMD"), cwd=tmp_path, env=environment)
    try:
        until("the health check passes", healthy, within=90)
        process.terminate()
        assert process.wait(STOP_SECONDS) == 0
    finally:
        process.kill()
        process.wait()
