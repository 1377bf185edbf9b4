"""Has a program for Node do what people do in a real browser: visitor.mjs."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from local_cognito.process import RunningCognito
from tests.servers import ROOT

PROGRAM = Path(__file__).with_name("visitor.mjs")
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"


BROWSERS = {"chromium": "chromium", "firefox": "firefox-esr", "webkit": "WebKitWebDriver"}


@dataclass(frozen=True)
class ServedPage:
    """A page at `url`; `asks`: the starts of what it may ask besides."""

    url: str
    asks: list[str]


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
        page: ServedPage,
        *,
        strict: bool = False,
        steps: Mapping[str, Callable[[], object]] = MappingProxyType({}),
    ) -> None:
        """The visit `name` of the file `visits`; what went wrong is the failure's message.

        `strict`: it meets no refused call, and no warning on the console. `steps`: what it may have
        done here on its way.
        """
        order = {
            "visits": visits,
            "name": name,
            "url": page.url,
            "ask": page.asks,
            "cognitoUrl": cognito.url,
            "strict": strict,
        }
        self._tell(order)
        while "step" in (answer := self._answer()):
            steps[str(answer["step"])]()
            self._tell("done")
        assert answer["failure"] is None, answer["failure"]

    def _tell(self, what: object) -> None:
        assert self._node.stdin is not None
        self._node.stdin.write(json.dumps(what) + "\n")
        self._node.stdin.flush()

    def _answer(self) -> dict[str, str | None]:
        assert self._node.stdout is not None
        line = self._node.stdout.readline()
        assert line, "visitor.mjs has ended"
        answer: dict[str, str | None] = json.loads(line)
        return answer
