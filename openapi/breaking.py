"""Does the contract break the clients of the last release? `make check`.

Redocly's diff tells, and what it passes over is looked at here. A breaking change is allowed when
the major version went up. To release: copy openapi.json to released.json in the commit that is
deployed.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Contract = dict[str, Any]

FOLDER = Path(__file__).resolve().parent
REDOCLY = FOLDER.parent / "node_modules" / ".bin" / "redocly"
METHODS = ("get", "put", "post", "patch", "delete")
OPEN_ENUM = "#/components/schemas/ErrorCode/enum"
"""New codes may join it: the member that holds them is a string."""
KNOWN = "x-extensible-enum"


def breaking_changes(released: Path, current: Path) -> list[str]:
    """What breaks clients of `released`, a line each; nothing once the major version went up."""
    before, after = json.loads(released.read_bytes()), json.loads(current.read_bytes())
    if _major(after) > _major(before):
        return []
    return [*_told_by_redocly(released, current), *_passed_over_by_redocly(before, after)]


def _major(contract: Contract) -> int:
    version: str = contract["info"]["version"]
    return int(version.partition(".")[0])


def _told_by_redocly(released: Path, current: Path) -> Iterator[str]:
    command = [REDOCLY, "diff", released.resolve(), current.resolve()]
    done = subprocess.run(  # noqa: S603 - our own dependency, our own files
        [*map(str, command), "--config=redocly.yaml", "--format=json", "--fail-on=none"],
        cwd=FOLDER,
        env=os.environ | {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"},
        capture_output=True,
        text=True,
    )
    if done.returncode != 0 or "No diff rules are on" in done.stderr:
        raise SystemExit(f"redocly diff failed:\n{done.stdout}{done.stderr}")
    for change in json.loads(done.stdout)["changes"]:
        for verdict in change["verdicts"]:
            pointer = verdict["location"]["pointer"]
            if verdict["impact"] == "major" and not pointer.startswith(OPEN_ENUM):
                yield f"{verdict['message']} ({verdict['ruleId']}), at {pointer}"


def _passed_over_by_redocly(before: Contract, after: Contract) -> Iterator[str]:
    if _major(after) < _major(before):
        yield "The major version went down"
    known = dict(_known_values(after))
    for place, values in _known_values(before):
        for value in sorted(values - known.get(place, values)):
            yield f"The value {value!r} is gone, at {place}"
    now = dict(_operations(after))
    for name, operation in _operations(before):
        if name in now and _demands(now[name]) > _demands(operation):
            yield f"A body or a token is demanded now, at {name}"


def _known_values(contract: Contract) -> Iterator[tuple[str, set[str]]]:
    """The known values of the members of answers that are open enums."""
    for name, schema in contract["components"]["schemas"].items():
        for member, described in schema.get("properties", {}).items():
            if KNOWN in described:
                yield f"{name}.{member}", set(described[KNOWN])


def _operations(contract: Contract) -> Iterator[tuple[str, Contract]]:
    for path, item in contract["paths"].items():
        for method in item.keys() & set(METHODS):
            yield f"{method} {path}", item[method]


def _demands(operation: Contract) -> set[str]:
    body = {"body"} if operation.get("requestBody", {}).get("required") else set()
    return body if operation.get("security") == [] else body | {"token"}


if __name__ == "__main__":
    if found := breaking_changes(FOLDER / "released.json", FOLDER / "openapi.json"):
        sys.exit("Breaking, and the major version did not go up:\n- " + "\n- ".join(found))
    print("Nothing breaks the clients of the last release.")  # noqa: T201
