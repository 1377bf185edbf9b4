"""Has a program for Node do what people do in a real browser: visitor.mjs."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

from local_cognito.process import RunningCognito
from local_cognito.web import BUILT_PAGE

PROGRAM = Path(__file__).with_name("visitor.mjs")
AXE = BUILT_PAGE.parent / "node_modules" / "axe-core" / "axe.min.js"


class Visitor:
    """Does visits, one after another, in one Chromium."""

    def __init__(self) -> None:
        chromium = shutil.which("chromium")
        assert chromium, "tests/system-packages.sh installs it"
        self._node = subprocess.Popen(
            ["node", PROGRAM],
            env={
                "PATH": os.environ["PATH"],
                "HOME": os.environ["HOME"],
                "CHROMIUM": chromium,
                "AXE": str(AXE),
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        self._node.communicate(timeout=60)

    def visit(
        self,
        visits: str,
        name: str,
        cognito: RunningCognito,
        url: str,
        *urls: str,
        levels: tuple[str, ...] = ("error", "warning"),
    ) -> None:
        """The visit `name` of the file `visits`; what went wrong is the failure's message.

        `url`: where to. `urls`: what else may be asked. `levels`: of the console, that nobody
        should meet.
        """
        order = {
            "visits": visits,
            "name": name,
            "url": url,
            "urls": urls,
            "cognitoUrl": cognito.url,
            "levels": levels,
        }
        assert self._node.stdin is not None
        assert self._node.stdout is not None
        self._node.stdin.write(json.dumps(order) + "\n")
        self._node.stdin.flush()
        outcome = self._node.stdout.readline()
        assert outcome, "visitor.mjs has ended"
        failure = json.loads(outcome)
        assert failure is None, failure
