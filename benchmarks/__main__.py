"""`make bench`: the service beside what people would build instead, measured in one run with wrk.

The service runs as shipped, with two workers; so do a FastAPI and an Express peer that check tokens
and map the same fields, and do nothing of the rest. All call one canned Cognito. The servers take
turns, round after round, so that what the machine does meanwhile falls on all: ratios say
something on any machine, a figure alone does not. BENCH_SECONDS (default 2) is how long one round
of one server takes, BENCH_ROUNDS (default 2) how many there are; BENCH_CASES picks the cases whose
name contains it. Writes build/bench/bench.json and bench.png.
"""

import json
import os
import shutil
import sys
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import tokens
from benchmarks.load import Case, Result, run, together
from benchmarks.report import Rows, plot, print_rows, print_start
from benchmarks.servers import ROOT, Server, Upstream, express, fastapi, service, upstream
from benchmarks.start import start_up
from benchmarks.upstream import KEY

SECONDS = float(os.environ.get("BENCH_SECONDS", "2"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "2"))
PICKED = os.environ.get("BENCH_CASES", "")
OUTPUT = ROOT / "build/bench"
USERS, ONCE_PER_ROUND = 500, 3000
QUOTA = 50

LIST, CURRENT = "/devices", "/devices/current"
PATCH = {
    "target": f"/devices/{KEY.format(0)}",
    "method": "PATCH",
    "body": '{"status": "remembered"}',
}
SLOW = {"connections": 400, "delay": 0.05}
CASES = (
    Case("list of 3", LIST, "few"),
    Case("list of 60", LIST, "many"),
    Case("get current", CURRENT, "few"),
    Case("patch", tokens="few", **PATCH),  # type: ignore[arg-type]
    Case("list of 3, 50 ms", LIST, "few", **SLOW),  # type: ignore[arg-type]
    Case("list of 60, 50 ms", LIST, "many", **SLOW),  # type: ignore[arg-type]
    Case("get current, 50 ms", CURRENT, "few", **SLOW),  # type: ignore[arg-type]
    Case("patch, 50 ms", tokens="few", **PATCH, **SLOW),  # type: ignore[arg-type]
    Case("list of 3, new tokens", LIST, "once", once=True),
)
UNDER_QUOTA = Case("500 users, quota 50/s", LIST, "users", USERS, 0.05, think_ms=500)
OVERLOAD = Case("overload", LIST, "many", **SLOW)  # type: ignore[arg-type]
UPSTREAM_ALONE = Case("upstream alone", LIST, "many", 16)


def main() -> int:
    """Measure, print and write; 1 if wrk or a peer's parts are missing."""
    for program, source in (("wrk", "apt-get install wrk"), ("node", "https://nodejs.org")):
        if shutil.which(program) is None:
            print(f"{program} is missing ({source}): nothing was measured.", file=sys.stderr)
            return 1
    OUTPUT.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="device-bff-bench-") as name:
        folder = Path(name)
        tokens.make(folder, few=USERS, many=USERS, users=USERS, once=ONCE_PER_ROUND * ROUNDS)
        with upstream(folder) as cognito:
            found = measure(cognito, folder)
    (OUTPUT / "bench.json").write_text(json.dumps(found, indent=2) + "\n")
    return 0


def measure(cognito: Upstream, folder: Path) -> dict[str, object]:
    """Every case; printed as it comes."""
    alone = run(cognito, UPSTREAM_ALONE, SECONDS, folder)
    print_rows({UPSTREAM_ALONE.name: {"upstream": alone}}, heading=True)
    rows: Rows = {}
    with ExitStack() as stack:
        ours = stack.enter_context(service("ours", cognito, folder))
        peers = [stack.enter_context(peer(cognito, folder)) for peer in (fastapi, express)]
        servers = [ours, *peers]
        for server in servers:
            for case in CASES[:4]:
                run(server, case, 1, folder)  # compiled, connected and cached
        for case in CASES:
            if PICKED in case.name:
                rows[case.name] = _in_turns(servers, case, cognito, folder)
                print_rows({case.name: rows[case.name]})
        memory = {server.name: server.pss_mib() for server in servers}
        print("\nPSS in MiB: " + ", ".join(f"{n} {m:.0f}" for n, m in memory.items()))
        overload = None if PICKED else _overload(ours, cognito, folder)
    quota = {} if PICKED else _under_quota(cognito, folder)
    start = start_up()
    print_start(start)
    plot(rows, quota, OUTPUT / "bench.png")
    return {
        "upstream_alone": asdict(alone),
        "cases": {name: {s: asdict(r) for s, r in row.items()} for name, row in rows.items()},
        "quota": {name: asdict(result) for name, result in quota.items()},
        "overload": overload,
        "pss_mib": memory,
        "start": start,
    }


def _in_turns(
    servers: list[Server], case: Case, cognito: Upstream, folder: Path
) -> dict[str, Result]:
    cognito.set(delay=case.delay)
    seconds = SECONDS * 2 if case.delay else SECONDS  # 400 connections take time to begin
    runs: dict[str, list[Result]] = {server.name: [] for server in servers}
    for number in range(ROUNDS):
        for server in servers:
            first = number * ONCE_PER_ROUND if case.once else 0
            runs[server.name].append(run(server, case, seconds, folder, first))
    return {name: together(results) for name, results in runs.items()}


def _overload(ours: Server, cognito: Upstream, folder: Path) -> dict[str, object]:
    """Three rounds back to back: callers of the one before have hung up, and must cost nothing."""
    cognito.set(delay=OVERLOAD.delay)
    results = [run(ours, OVERLOAD, 3 * SECONDS, folder) for _ in range(3)]
    rates, answers = [one.rate for one in results], sum(one.answers for one in results)
    calls = cognito.counts()["calls"]
    print(
        f"\noverload, three rounds back to back: {', '.join(f'{rate:.0f}' for rate in rates)} "
        f"answers a second; {calls} calls of Cognito for {answers} answers"
    )
    return {"rates": rates, "answers": answers, "calls": calls}


def _under_quota(cognito: Upstream, folder: Path) -> dict[str, Result]:
    """Users who look at their list again and again, while Cognito allows 50 reads a second."""
    found: dict[str, Result] = {}
    quota = {"COGNITO_READ_QUOTA": str(QUOTA)}
    with ExitStack() as stack:
        servers = [stack.enter_context(service("ours", cognito, folder, quota))]
        servers += [stack.enter_context(peer(cognito, folder)) for peer in (fastapi, express)]
        for server in servers:
            cognito.set(delay=UNDER_QUOTA.delay, quota=QUOTA)
            run(server, UNDER_QUOTA, SECONDS, folder)
            found[server.name] = run(server, UNDER_QUOTA, 4 * SECONDS, folder)
    print()
    print_rows({UNDER_QUOTA.name: found})
    return found


if __name__ == "__main__":
    sys.exit(main())
