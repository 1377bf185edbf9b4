"""Prometheus metrics on a port of their own, so that the public one shows none.

A program, started by gunicorn.conf.py when METRICS_PORT is set: `metrics_server.py PORT HOST`. It
imports nothing of the service, and so costs little memory.
"""

import os
import sys
import time

from prometheus_client import REGISTRY, CollectorRegistry, start_http_server
from prometheus_client.multiprocess import MultiProcessCollector


def registry() -> CollectorRegistry:
    """All workers' metrics under gunicorn; this process's own elsewhere."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return REGISTRY
    everybody = CollectorRegistry()
    MultiProcessCollector(everybody)  # type: ignore[no-untyped-call]
    return everybody


def main(port: int, host: str) -> None:
    """Serve until the process that started us is gone."""
    parent = os.getppid()
    start_http_server(port, host, registry())
    while os.getppid() == parent:
        time.sleep(1)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
