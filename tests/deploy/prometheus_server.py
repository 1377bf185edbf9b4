"""A Prometheus of one's own, that scrapes one target once a second."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from tests.deploy.programs import program_path
from tests.polling import until
from tests.servers import free_port

SECONDS = 30

CONFIGURATION = """
scrape_configs:
  - job_name: device-bff
    scrape_interval: 1s
    static_configs:
      - targets: ["127.0.0.1:{target_port}"]
"""

Query = Callable[[str], list[dict[str, Any]]]


@contextmanager
def scraping(target_port: int, folder: Path) -> Iterator[Query]:
    """Asks a server that reads `/metrics` on that port for the series that an expression finds."""
    configuration = folder / "prometheus.yaml"
    configuration.write_text(CONFIGURATION.format(target_port=target_port))
    address = f"127.0.0.1:{free_port()}"

    def query(expression: str) -> list[dict[str, Any]]:
        asked = {"query": expression}
        answer = requests.get(f"http://{address}/api/v1/query", asked, timeout=SECONDS).json()
        assert answer["status"] == "success", answer
        series: list[dict[str, Any]] = answer["data"]["result"]
        return series

    def ready() -> bool:
        try:
            return requests.get(f"http://{address}/-/ready", timeout=SECONDS).ok
        except requests.ConnectionError:
            return False

    arguments = (f"--config.file={configuration}", f"--storage.tsdb.path={folder / 'data'}")
    process = subprocess.Popen(
        [program_path("prometheus"), *arguments, f"--web.listen-address={address}"],
        stderr=subprocess.DEVNULL,
    )
    try:
        until("Prometheus is ready", ready)
        yield query
    finally:
        process.terminate()
        process.wait(SECONDS)
