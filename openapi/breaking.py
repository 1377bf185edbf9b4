"""Does the contract break the clients of the last release? Redocly tells, we judge: `make lint`.

A breaking change is allowed when the major version moved. To release: copy openapi.json to
released.json in the commit that is deployed.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
REDOCLY = HERE.parent / "node_modules" / ".bin" / "redocly"

ANNOUNCED = {("enum-values-added", "#/components/schemas/ErrorCode/enum")}
"""What the contract tells its clients to expect within a major version: new problem codes."""


def breaking_changes(released: Path, current: Path) -> list[str]:
    """What breaks clients of `released`, a line each; nothing once the major version moved."""
    report = _diff(released, current)
    versions = report["infoVersions"]
    if versions["base"].partition(".")[0] != versions["revision"].partition(".")[0]:
        return []
    return [
        f"{verdict['message']} ({verdict['ruleId']}, {verdict['location']['pointer']})"
        for change in report["changes"]
        for verdict in change["verdicts"]
        if verdict["impact"] == "major"
        and (verdict["ruleId"], verdict["location"]["pointer"]) not in ANNOUNCED
    ]


def _diff(released: Path, current: Path) -> dict[str, Any]:
    command = [REDOCLY, "diff", released.resolve(), current.resolve()]
    done = subprocess.run(  # noqa: S603 - our own dependency, our own files
        [*map(str, command), "--config=redocly.yaml", "--format=json", "--fail-on=none"],
        cwd=HERE,
        env=os.environ | {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"},
        capture_output=True,
        text=True,
    )
    if done.returncode != 0 or "No diff rules are on" in done.stderr:
        raise SystemExit(f"redocly diff failed:\n{done.stdout}{done.stderr}")
    report: dict[str, Any] = json.loads(done.stdout)
    return report


if __name__ == "__main__":
    paths = [Path(path) for path in sys.argv[1:]] or [HERE / "released.json", HERE / "openapi.json"]
    if found := breaking_changes(*paths):
        sys.exit("Breaking, and the major version did not move:\n- " + "\n- ".join(found))
    print("Nothing breaks the clients of the last release.")  # noqa: T201
