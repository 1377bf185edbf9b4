"""The npm packages as they are published: their tarballs, in apps of Vite that install them."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from app import VERSION
from local_cognito.process import RunningCognito
from tests.browser.visits import ServedPage, Visitor
from tests.packages.test_client import BIN
from tests.servers import ROOT, Service, free_port, listens, serving, settings_for

PACKAGES = ROOT / "packages"
APPS = Path(__file__).with_name("apps")
NAMES = ("client", "elements")
START_SECONDS = 60


def run(folder: Path, *command: str | Path, **env: str) -> str:
    done = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def tarballs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with client.tgz and elements.tgz."""
    folder = tmp_path_factory.mktemp("tarballs")
    for name in NAMES:
        run(PACKAGES / name, "npm", "pack", "--pack-destination", folder)
        (folder / f"device-bff-{name}-{VERSION}.tgz").rename(folder / f"{name}.tgz")
    return folder


@pytest.mark.release
@pytest.mark.parametrize("name", NAMES)
def test_a_tarball_is_as_bundlers_node_and_typescript_want_it(tarballs: Path, name: str) -> None:
    run(tarballs, BIN / "publint", "run", "--strict", f"{name}.tgz")
    run(tarballs, BIN / "attw", "--profile", "esm-only", f"{name}.tgz")


def test_the_elements_need_the_client_of_the_same_version() -> None:
    elements = json.loads((PACKAGES / "elements" / "package.json").read_text())
    assert elements["version"] == elements["dependencies"]["@device-bff/client"] == VERSION


@pytest.fixture(scope="module")
def visitor() -> Iterator[Visitor]:
    with closing(Visitor()) as one:
        yield one


@pytest.fixture(scope="module")
def origin() -> str:
    """Where an app is served."""
    return f"http://127.0.0.1:{free_port()}"


@pytest.fixture(scope="module")
def service(cognito_server: RunningCognito, origin: str) -> Iterator[Service]:
    with serving(settings_for(cognito_server) | {"CORS_ORIGINS": origin}) as service:
        yield service


@pytest.fixture(params=["plain", "react", "vue", "angular"])
def app(request: pytest.FixtureRequest, tarballs: Path, tmp_path: Path) -> Path:
    """An app with its packages, ours from the tarballs."""
    folder: Path = tmp_path / request.param
    shutil.copytree(APPS / request.param, folder)
    for name in NAMES:
        shutil.copy(tarballs / f"{name}.tgz", folder)
    options = ("--prefer-offline", "--no-audit", "--no-fund", "--no-package-lock")
    run(folder, "npm", "install", *options)
    return folder


@contextmanager
def vite(folder: Path, origin: str, mode: str, service: Service) -> Iterator[ServedPage]:
    """`vite dev` or `vite preview` at `origin`."""
    host, port = origin.removeprefix("http://").split(":")
    process = subprocess.Popen(
        ["node_modules/.bin/vite", mode, "--host", host, "--port", port, "--strictPort"],
        cwd=folder,
        env=os.environ | {"VITE_DEVICE_BFF_URL": service.url},
        stdout=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + START_SECONDS
        while not listens(origin):
            assert time.monotonic() < deadline, f"vite {mode} does not start"
            assert process.poll() is None
            time.sleep(0.05)
        yield ServedPage(origin, [f"{service.url}/"])
    finally:
        process.terminate()
        process.wait(START_SECONDS)


@pytest.mark.release
@pytest.mark.timeout(600)
def test_an_app_that_installs_them_compiles_strictly_and_works(
    app: Path, origin: str, service: Service, cognito: RunningCognito, visitor: Visitor
) -> None:
    """Under `vite dev`, and as `vite build` makes it."""
    run(app, "npm", "run", "check")
    run(app, "node_modules/.bin/vite", "build", VITE_DEVICE_BFF_URL=service.url)
    for mode in ("dev", "preview"):
        with vite(app, origin, mode, service) as page:
            visitor.visit("../packages/app_visits.mjs", "works", cognito, page)
