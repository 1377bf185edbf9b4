"""An unexpected error's log line: it tells where, and nothing of the caller's secrets."""

import json
import subprocess
import sys

import pytest

PROGRAM = """
import logging
import sys
import structlog
from app.observability import logs

logs.configure("DEBUG", "{log_format}")

def forward(access_token):
    raise RuntimeError("out of order")

library = logging.getLogger("a.library")
library.debug("a whole request, header.claims.signature")
library.info("of a library")
try:
    forward(sys.argv[1])
except RuntimeError:
    structlog.get_logger("app").error("unexpected_error", exc_info=True)
"""


def logged(log_format: str) -> str:
    """What a process of its own logs: the configuration is a process' only one."""
    program = PROGRAM.format(log_format=log_format)
    return subprocess.run(
        [sys.executable, "-c", program, "header.claims.signature"],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    ).stdout


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_the_traceback_is_told_without_local_variables(log_format: str) -> None:
    output = logged(log_format)
    assert "out of order" in output
    assert "of a library" in output
    assert "claims" not in output
    if log_format == "json":
        library, line = map(json.loads, output.splitlines())
        assert (library["logger"], library["level"]) == ("a.library", "info")
        (exception,) = line["exception"]
        assert (exception["exc_type"], exception["exc_value"]) == ("RuntimeError", "out of order")
        assert [frame["name"] for frame in exception["frames"]] == ["<module>", "forward"]
