"""The contract as its readers get it."""

import json
from typing import Any

import pytest

from tests.servers import ROOT

Operation = dict[str, Any]
METHODS = ("get", "post", "patch", "delete")


@pytest.fixture(scope="session")
def contract() -> dict[str, Any]:
    """The committed document."""
    document: dict[str, Any] = json.loads((ROOT / "openapi" / "openapi.json").read_bytes())
    return document


@pytest.fixture(scope="session")
def operations(contract: dict[str, Any]) -> dict[str, Operation]:
    """Its operations by id."""
    return {
        operation["operationId"]: operation
        for path in contract["paths"].values()
        for method, operation in path.items()
        if method in METHODS
    }
