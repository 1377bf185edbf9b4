"""The images. No engine builds them here: what they would be made of is put together by hand."""

import re
from pathlib import Path

import pytest
import trustme

from local_cognito.process import RunningCognito
from tests.deploy import dockerfiles
from tests.deploy.container import running, unpack
from tests.deploy.programs import DEPLOY, ROOT, output_of
from tests.servers import settings_for

SERVICE = ROOT / "Dockerfile"
LOCAL_COGNITO = DEPLOY / "local-cognito" / "Dockerfile"
IGNORE_FILES = {
    SERVICE: ROOT / ".dockerignore",
    LOCAL_COGNITO: LOCAL_COGNITO.with_name("Dockerfile.dockerignore"),
}


@pytest.mark.parametrize("dockerfile", IGNORE_FILES, ids=("service", "local Cognito"))
class TestDockerfile:
    def test_satisfies_hadolint(self, dockerfile: Path) -> None:
        output_of("hadolint", dockerfile)

    def test_is_shown_exactly_the_files_that_it_uses(self, dockerfile: Path) -> None:
        allowed = dockerfiles.allowed_paths(IGNORE_FILES[dockerfile])
        assert allowed == dockerfiles.context_paths(dockerfile)
        assert all((ROOT / path).exists() for path in allowed)

    def test_runs_as_a_user_known_by_number(self, dockerfile: Path) -> None:
        assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", dockerfiles.values(dockerfile, "USER")[-1])

    def test_starts_a_program_and_no_shell(self, dockerfile: Path) -> None:
        assert dockerfiles.command(dockerfile)[0] in ("gunicorn", "python")


def test_service_image_holds_nothing_but_the_service() -> None:
    assert dockerfiles.context_paths(SERVICE) == {
        "app",
        "gunicorn.conf.py",
        "requirements.txt",
        "deploy/healthcheck.py",
    }


def test_one_python_builds_and_runs_everything() -> None:
    images = [rest.split()[0] for file in IGNORE_FILES for rest in dockerfiles.values(file, "FROM")]
    assert len(set(images)) == 1


def test_local_cognito_is_installed_by_the_locked_uv() -> None:
    (locked,) = re.findall(r"^uv==\S+", (ROOT / "requirements-dev.txt").read_text(), re.MULTILINE)
    assert f" {locked} " in LOCAL_COGNITO.read_text()


def test_image_serves_from_its_own_files_and_ends_clean(
    tmp_path: Path, cognito: RunningCognito
) -> None:
    with running(SERVICE, tmp_path, settings_for(cognito)) as container:
        assert container.becomes_healthy()
        assert container.stop() == 0


def test_health_check_follows_the_service_to_tls(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, cognito: RunningCognito
) -> None:
    mounted = tmp_path_factory.mktemp("certificate")
    certificate = trustme.CA().issue_cert("devices.example.com")
    certificate.private_key_pem.write_to_path(str(mounted / "tls.key"))
    certificate.cert_chain_pems[0].write_to_path(str(mounted / "tls.crt"))
    tls = {"TLS_CERT_FILE": str(mounted / "tls.crt"), "TLS_KEY_FILE": str(mounted / "tls.key")}
    with running(SERVICE, tmp_path, settings_for(cognito) | tls) as container:
        assert container.becomes_healthy()


@pytest.mark.parametrize("host", ["127.0.0.2", "::1", "::"])
def test_health_check_follows_the_service_to_another_address(
    tmp_path: Path, cognito: RunningCognito, host: str
) -> None:
    with running(SERVICE, tmp_path, settings_for(cognito) | {"HOST": host}) as container:
        assert container.becomes_healthy()


def test_health_check_fails_where_nothing_answers(tmp_path: Path) -> None:
    assert not unpack(SERVICE, tmp_path, {}).healthy()
