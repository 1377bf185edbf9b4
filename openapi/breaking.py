"""Does the contract break the clients of the last release? Redocly tells, and we what it does not
look at; we judge: `make lint`.

A breaking change is allowed when the major version went up. To release: copy openapi.json to
released.json in the commit that is deployed.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Contract = dict[str, Any]
Change = tuple[str, str]
"""Where, as a JSON pointer, and what."""

HERE = Path(__file__).resolve().parent
REDOCLY = HERE.parent / "node_modules" / ".bin" / "redocly"
METHODS = ("get", "put", "post", "patch", "delete")


def breaking_changes(released: Path, current: Path) -> list[str]:
    """What breaks clients of `released`, a line each; nothing once the major version went up."""
    before, after = json.loads(released.read_bytes()), json.loads(current.read_bytes())
    if _major(after) > _major(before):
        return []
    told = {
        verdict["location"]["pointer"]: f"{verdict['message']} ({verdict['ruleId']})"
        for change in _diff(released, current)["changes"]
        for verdict in change["verdicts"]
        if verdict["impact"] == "major"
    }
    for pointer, message in _unseen_by_redocly(before, after):
        told.setdefault(pointer, message)
    return [f"{message}, at {pointer}" for pointer, message in told.items()]


def _major(contract: Contract) -> int:
    version: str = contract["info"]["version"]
    return int(version.partition(".")[0])


def _unseen_by_redocly(before: Contract, after: Contract) -> Iterator[Change]:
    if _major(after) < _major(before):
        yield "#/info/version", "The major version went down"
    yield from _values_gone(before, after)
    now = dict(_operations(after))
    for pointer, operation in _operations(before):
        if pointer in now:
            yield from _broken(pointer, operation, now[pointer])


def _values_gone(before: Contract, after: Contract) -> Iterator[Change]:
    """Clients branch on the values that answers have, too."""
    for name, schema in before["components"]["schemas"].items():
        same = after["components"]["schemas"].get(name, {})
        for key in {"enum", "x-extensible-enum"} & schema.keys():
            for value in schema[key]:
                if value not in same.get(key, ()):
                    yield f"#/components/schemas/{name}/{key}", f"The value {value!r} is gone"


def _operations(contract: Contract) -> Iterator[tuple[str, Contract]]:
    """Operations by pointer, with what their path or the document says for them."""
    for path, item in contract["paths"].items():
        for method in METHODS:
            if method in item:
                operation = {"security": contract.get("security", [])} | item[method]
                operation["parameters"] = [
                    *item.get("parameters", ()),
                    *item[method].get("parameters", ()),
                ]
                yield f"#/paths/{path.replace('/', '~1')}/{method}", operation


def _broken(pointer: str, before: Contract, after: Contract) -> Iterator[Change]:
    if _needs_body(after) and not _needs_body(before):
        yield f"{pointer}/requestBody", "A body is required now"
    if _needs_security(after) and not _needs_security(before):
        yield f"{pointer}/security", "Security is demanded now"
    defaults = _defaults(after)
    for name, default in _defaults(before).items():
        if name in defaults and defaults[name] != default:
            yield f"{pointer}/parameters/{name}", f"The default of {name!r} was {default!r}"
    for status, response in before["responses"].items():
        links = after["responses"].get(status, {}).get("links", {})
        for link in response.get("links", {}).keys() - links.keys():
            yield f"{pointer}/responses/{status}/links", f"The link {link!r} is gone"


def _needs_body(operation: Contract) -> bool:
    return bool(operation.get("requestBody", {}).get("required", False))


def _needs_security(operation: Contract) -> bool:
    return bool(operation["security"]) and {} not in operation["security"]


def _defaults(operation: Contract) -> dict[str, Any]:
    """By parameter; None where there is no default."""
    return {it["name"]: it["schema"].get("default") for it in operation["parameters"]}


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
        sys.exit("Breaking, and the major version did not go up:\n- " + "\n- ".join(found))
    print("Nothing breaks the clients of the last release.")  # noqa: T201
