"""Traces that nobody collects."""

import subprocess
import sys

PROGRAM = """
import sys
from app import create_app
from app.settings import Settings

create_app(Settings.from_environ())
print(sorted(name for name in sys.modules if name.startswith("opentelemetry")))
"""


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
