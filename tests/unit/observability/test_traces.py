"""What is not traced: probes, and everything where nobody collects traces."""

import subprocess
import sys

import pytest
from opentelemetry.util.http import ExcludeList

from app.observability.traces import UNTRACED

PROGRAM = """
import sys
from app import create_app
from app.settings import Settings

create_app(Settings.from_environ())
print(sorted(name for name in sys.modules if name.startswith("opentelemetry")))
"""


@pytest.mark.parametrize("path", ["/healthz", "/readyz?verbose", "/metrics"])
def test_probes_are_not_traced(path: str) -> None:
    assert ExcludeList([UNTRACED]).url_disabled(f"https://api.example.com{path}")


@pytest.mark.parametrize(
    "url",
    [
        "https://api.example.com/devices?cursor=/healthz",
        "https://api.example.com/devices?https://x/metrics",
        "https://metrics.example.com/devices",
        "https://api.example.com/devices/readyz",
        "https://api.example.com/healthz/devices",
    ],
)
def test_no_caller_has_a_call_left_out_of_the_traces(url: str) -> None:
    assert not ExcludeList([UNTRACED]).url_disabled(url)


def test_nothing_of_opentelemetry_is_loaded() -> None:
    settings = {"COGNITO_USER_POOL_ID": "eu-west-1_Abc", "COGNITO_CLIENT_IDS": "abc"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=settings,
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    assert done.stdout.splitlines()[-1] == "[]"
