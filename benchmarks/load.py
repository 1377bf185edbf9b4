"""One run of wrk against one server, and what it cost."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.servers import Server

LUA = Path(__file__).with_name("requests.lua")


@dataclass(frozen=True)
class Case:
    """Calls to make: of which path, by whom (a file of tokens), and how many at once.

    `delay`: seconds that Cognito takes. `think_ms`: how long each caller waits between calls, on
    average. `once`: each token is used once.
    """

    name: str
    target: str
    tokens: str
    connections: int = 16
    delay: float = 0.0
    method: str = "GET"
    body: str | None = None
    think_ms: int = 0
    once: bool = False


@dataclass(frozen=True)
class Result:
    """Of one or several runs. Latencies and CPU (`cpu_ms`, per answer) are in milliseconds.

    `rate`: good answers a second. `refused`: answers of 4xx and 5xx; `broken`: calls without one.
    """

    rate: float
    p50: float
    p99: float
    cpu_ms: float
    answers: int
    refused: int
    broken: int


def run(server: Server, case: Case, seconds: float, folder: Path, first: int = 0) -> Result:
    """`case` against `server`. `first`: the token to begin with."""
    variables = {
        "METHOD": case.method,
        "TARGET": case.target,
        "TOKENS": str(folder / f"{case.tokens}.tokens"),
        "THINK_MS": str(case.think_ms),
        "FIRST": str(first),
    }
    if case.body is not None:
        variables["BODY"] = case.body
    if server.name == "upstream":
        variables |= {"UPSTREAM": "1", "METHOD": "POST", "TARGET": "/"}
    before = server.cpu_seconds()
    done = subprocess.run(
        [
            *(
                "wrk",
                "-t1",
                f"-c{case.connections}",
                f"-d{max(1, round(seconds))}s",
                "--timeout=10s",
            ),
            *(f"--script={LUA}", server.url),
        ],
        env={"PATH": os.environ["PATH"], **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    cpu = server.cpu_seconds() - before
    told = json.loads(done.stdout.strip().rpartition("\n")[2])
    answers = told["answers"]
    return Result(
        rate=(answers - told["refused"]) / told["seconds"],
        p50=told["p50"],
        p99=told["p99"],
        cpu_ms=cpu * 1000 / max(1, answers),
        answers=answers,
        refused=told["refused"],
        broken=told["broken"],
    )


def together(runs: list[Result]) -> Result:
    """The medians of several runs, and the sums of their counts."""
    return Result(
        *(median(getattr(one, name) for one in runs) for name in ("rate", "p50", "p99", "cpu_ms")),
        *(sum(getattr(one, name) for one in runs) for name in ("answers", "refused", "broken")),
    )
