"""Has a program for Node do what people do in a real browser: visitor.mjs."""

import json
import os
import shutil
import subprocess
from pathlib import Path

from local_cognito.process import RunningCognito
from tests.servers import ROOT

PROGRAM = Path(__file__).with_name("visitor.mjs")
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"


BROWSERS = {"chromium": "chromium", "firefox": "firefox-esr", "webkit": "WebKitWebDriver"}


class Visitor:
    """Does visits, one after another, in one browser: a key of BROWSERS."""

    def __init__(self, browser: str = "chromium") -> None:
        program = shutil.which(BROWSERS[browser])
        assert program, "tests/system-packages.sh installs it"
        self._node = subprocess.Popen(
            ["node", PROGRAM, browser, program, AXE],
            env={"PATH": os.environ["PATH"], "HOME": os.environ["HOME"]},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def close(self) -> None:
        try:
            self._node.communicate(timeout=60)
        finally:
            self._node.terminate()  # no effect where it has ended
            self._node.wait()

    def visit(
        self,
        visits: str,
        name: str,
        cognito: RunningCognito,
        url: str,
        *ask: str,
        strict: bool,
    ) -> None:
        """The visit `name` of the file `visits`; what went wrong is the failure's message.

        `url`: where to. `ask`: the starts of what it may ask besides. `strict`: it meets no refused
        call, and no warning on the console.
        """
        order = {
            "visits": visits,
            "name": name,
            "url": url,
            "ask": ask,
            "cognitoUrl": cognito.url,
            "strict": strict,
        }
        assert self._node.stdin is not None
        assert self._node.stdout is not None
        self._node.stdin.write(json.dumps(order) + "\n")
        self._node.stdin.flush()
        outcome = self._node.stdout.readline()
        assert outcome, "visitor.mjs has ended"
        failure = json.loads(outcome)
        assert failure is None, failure
