"""Writes the contract, from the code to the files beside this one: `make openapi`."""

import json
from pathlib import Path
from typing import Any

import yaml

from openapi.spec import openapi


def as_json(contract: dict[str, Any]) -> bytes:
    return (json.dumps(contract, indent=2, ensure_ascii=False) + "\n").encode()


def as_yaml(contract: dict[str, object]) -> str:
    """As people read it: in the document's own order, nothing by reference."""

    class Plain(yaml.SafeDumper):
        def ignore_aliases(self, data: object) -> bool:
            return True

    def text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
        style = "|" if "\n" in value else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style)

    Plain.add_representer(str, text)
    return yaml.dump(contract, Dumper=Plain, sort_keys=False, allow_unicode=True, width=100)


def files() -> dict[str, bytes]:
    """The published files by name."""
    return {
        "openapi.json": as_json(openapi()),
        "openapi.yaml": as_yaml(openapi()).encode(),
        "openapi-3.0.json": as_json(openapi("3.0.3")),
    }


if __name__ == "__main__":
    for name, content in files().items():
        (Path(__file__).parent / name).write_bytes(content)
