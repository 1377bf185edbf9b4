"""A Prometheus of one's own, that scrapes one target."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from tests.deploy.programs import program_path
from tests.resilience.polling import until
from tests.servers import free_port

SECONDS = 30

CONFIGURATION = """
scrape_configs:
  - job_name: device-bff
    scrape_interval: 1s
    static_configs:
      - targets: ["127.0.0.1:{target_port}"]
"""


@dataclass
class Prometheus:
    """A running server."""

    url: str

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The series that an instant query finds now."""
        series: list[dict[str, Any]] = self._get("query", query=expression)["result"]
        return series

    def values_of(self, path: str) -> set[str]:
        """The strings that `/api/v1/{path}` lists."""
        return set(self._get(path))

    def _get(self, path: str, **parameters: str) -> Any:
        answer = requests.get(f"{self.url}/api/v1/{path}", parameters, timeout=SECONDS).json()
        assert answer["status"] == "success", answer
        return answer["data"]

    def ready(self) -> bool:
        try:
            return requests.get(f"{self.url}/-/ready", timeout=SECONDS).status_code == 200
        except requests.ConnectionError:
            return False


@contextmanager
def scraping(target_port: int, folder: Path) -> Iterator[Prometheus]:
    """A server that reads `/metrics` on a port of this machine, once a second."""
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
    server = Prometheus(f"http://{address}")
    try:
        until("Prometheus is ready", server.ready, within=SECONDS)
        yield server
    finally:
        process.terminate()
        process.wait(SECONDS)
