"""The contract's headers and examples, as data: one user, whose laptop makes the calls and who also
has a phone.

The secret verifier is a true one: of `DEVICE_PASSWORD`, for the laptop, in the pool of
`DEVICE_GROUP_KEY` (`app.domain.device_secret.secret_verifier`).
"""

import json
from importlib.resources import files
from typing import Any

Doc = dict[str, Any]

COMPONENTS: Doc = json.loads((files("app.contract") / "components.json").read_bytes())


def value(name: str) -> Doc:
    """The value of an example."""
    found: Doc = COMPONENTS["examples"][name]["value"]
    return found


def named(*names: str) -> dict[str, str]:
    """References to examples, as flask-smorest takes them: the document holds each once."""
    return {name: name for name in names}


LAPTOP, PHONE = value("laptop"), value("phone")
LAPTOP_KEY: str = LAPTOP["id"]
CURSOR: str = value("first-page")["nextCursor"]
VERIFIER: str = value("track-with-verifier")["secretVerifier"]["passwordVerifier"]
SALT: str = value("track-with-verifier")["secretVerifier"]["salt"]
DEVICE_GROUP_KEY: str = value("track-with-group-key")["deviceGroupKey"]
DEVICE_PASSWORD: str = value("tracked-until-opt-in")["devicePassword"]
SESSION_ID: str = value("sessions")["items"][1]["id"]
SSO_SESSION_ID: str = value("sessions")["items"][1]["originSessionId"]


def id_in_path(description: str, example: str) -> Doc:
    """The parameter `id` of a path."""
    return {"in": "path", "name": "id", "description": description, "example": example}


def links(id_pointer: str, page: str = "", **texts: str) -> Doc:
    """What can be done next: operation id → description. `id_pointer`: where the answer holds the
    id, as a JSON pointer. `page`: the operation that reads the next page."""
    found = {
        operation: {
            "operationId": operation,
            "parameters": {"id": f"$response.body#{id_pointer}"},
            "description": text,
        }
        for operation, text in texts.items()
    }
    if page:
        found[page] = {
            "operationId": page,
            "parameters": {"cursor": "$response.body#/nextCursor"},
            "description": "The next page, while `nextCursor` is not null.",
        }
    return found
