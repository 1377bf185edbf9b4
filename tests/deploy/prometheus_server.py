"""A Prometheus of one's own, that scrapes one target."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from tests.deploy.programs import program_path
from tests.servers import free_port

START_SECONDS = 20
STOP_SECONDS = 10

CONFIGURATION = """
scrape_configs:
  - job_name: device-bff
    scrape_interval: 200ms
    scrape_timeout: 200ms
    static_configs:
      - targets: ["127.0.0.1:{target_port}"]
"""


@dataclass
class Prometheus:
    """A running server."""

    url: str

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The series that an instant query finds now."""
        answer = requests.get(f"{self.url}/api/v1/query", {"query": expression}, timeout=5).json()
        assert answer["status"] == "success", answer
        series: list[dict[str, Any]] = answer["data"]["result"]
        return series


@contextmanager
def scraping(target_port: int, folder: Path) -> Iterator[Prometheus]:
    """A server that reads `/metrics` on a port of this machine, five times a second."""
    configuration = folder / "prometheus.yaml"
    configuration.write_text(CONFIGURATION.format(target_port=target_port))
    address = f"127.0.0.1:{free_port()}"
    process = subprocess.Popen(
        [
            program_path("prometheus"),
            f"--config.file={configuration}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address={address}",
            "--log.level=warn",
        ]
    )
    try:
        yield _ready(Prometheus(f"http://{address}"), process)
    finally:
        process.terminate()
        process.wait(STOP_SECONDS)


def _ready(server: Prometheus, process: subprocess.Popen[bytes]) -> Prometheus:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if requests.get(f"{server.url}/-/ready", timeout=5).status_code == 200:
                return server
        except requests.ConnectionError:
            pass
        time.sleep(0.05)
    raise RuntimeError("Prometheus did not start")
