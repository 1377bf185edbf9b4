"""The contract's headers and examples, as data: one user, whose laptop makes the calls and who also
has a phone.

The secret verifier is a true one: of the example's device password, for the laptop, in the pool of
the example's group key (`app.domain.device_secret.secret_verifier`).
"""

import json
from pathlib import Path
from typing import Any

Doc = dict[str, Any]

COMPONENTS: Doc = json.loads(Path(__file__).with_name("components.json").read_bytes())


def value(place: str) -> Any:
    """The value at a place in the examples, as `laptop/id`."""
    name, *members = place.split("/")
    found = COMPONENTS["examples"][name]["value"]
    for member in members:
        found = found[int(member) if member.isdecimal() else member]
    return found


def filled_in(document: Any) -> Any:
    """`document` with the values of the examples that it names (`app.http.blueprint.example`)."""
    if isinstance(document, dict):
        return {name: filled_in(member) for name, member in document.items()}
    if isinstance(document, list):
        return [filled_in(item) for item in document]
    if isinstance(document, str) and document.startswith("example:"):
        return value(document.removeprefix("example:"))
    return document


def links(id_at: str, page: str | None, then: dict[str, str]) -> Doc:
    """What can be done next: operation id → description. `id_at`: where the answer holds the id, as
    a JSON pointer. `page`: the operation that reads the next page."""
    found = {
        operation: {
            "operationId": operation,
            "parameters": {"id": f"$response.body#{id_at}"},
            "description": text,
        }
        for operation, text in then.items()
    }
    if page:
        found[page] = {
            "operationId": page,
            "parameters": {"cursor": "$response.body#/nextCursor"},
            "description": "The next page, while `nextCursor` is not null.",
        }
    return found
