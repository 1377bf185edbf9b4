"""A container without an engine: an image's files in a folder, its environment, its commands."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.deploy import dockerfiles
from tests.deploy.programs import ROOT
from tests.servers import START_SECONDS, STOP_SECONDS, free_port


@dataclass
class Container:
    """The image of `dockerfile` in `folder`; this Python's packages stand in for its own."""

    dockerfile: Path
    folder: Path
    environment: dict[str, str]
    process: subprocess.Popen[bytes] | None = None

    def healthy(self) -> bool:
        """What the image's HEALTHCHECK says."""
        command = dockerfiles.command(self.dockerfile, "HEALTHCHECK")
        done = subprocess.run(command, cwd=self.folder, env=self.environment, check=False)
        return done.returncode == 0

    def becomes_healthy(self) -> bool:
        """Whether it does in the time that a start may take."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.healthy():
                return True
            time.sleep(0.1)
        return False

    def stop(self) -> int:
        """Stop it as an engine does, by SIGTERM, and give back its exit code."""
        assert self.process
        self.process.terminate()
        return self.process.wait(STOP_SECONDS)


def unpack(dockerfile: Path, folder: Path, settings: dict[str, str]) -> Container:
    """The image's files and environment, not started; it serves on a free port."""
    for path in dockerfiles.context_paths(dockerfile):
        if (ROOT / path).is_dir():
            shutil.copytree(ROOT / path, folder / path)
        else:
            shutil.copy(ROOT / path, folder)
    machine = {
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])),
        "TMPDIR": str(folder),  # this machine's memory is not emptied when a container ends
        "PORT": str(free_port()),
    }
    image = dockerfiles.environment(dockerfile)
    return Container(dockerfile, folder, image | settings | machine)


@contextmanager
def running(dockerfile: Path, folder: Path, settings: dict[str, str]) -> Iterator[Container]:
    """The image's command, at work; killed at the end if the test did not stop it."""
    container = unpack(dockerfile, folder, settings)
    container.process = subprocess.Popen(
        dockerfiles.command(dockerfile), cwd=folder, env=container.environment
    )
    try:
        yield container
    finally:
        if container.process.poll() is None:
            container.stop()
