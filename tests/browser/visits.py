"""Runs what people do in a real browser: a program for Node that drives Chromium."""

import os
import shutil
import subprocess
from pathlib import Path

HERE = Path(__file__).parent


def visit(program: str, name: str, *, seconds: float = 115, **variables: str) -> None:
    """One visit of `program`, beside this file; what went wrong is the failure's message.

    `seconds`: when to give up, before pytest does and loses what the program wrote.
    """
    chromium = shutil.which("chromium")
    assert chromium, "tests/system-packages.sh installs it"
    done = subprocess.run(
        ["node", str(HERE / program)],
        env={
            "PATH": os.environ["PATH"],
            "HOME": os.environ["HOME"],
            "VISIT": name,
            "CHROMIUM": chromium,
            **variables,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=seconds,
    )
    assert done.returncode == 0, done.stdout
