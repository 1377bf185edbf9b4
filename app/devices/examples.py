"""The contract's examples: one user, whose laptop makes the calls and who also has a phone.

The secret verifier is a true one: of `DEVICE_PASSWORD`, for the laptop, in the pool of
`DEVICE_GROUP_KEY` (`app.domain.device_secret.secret_verifier`).
"""

from typing import Any

from app.contract.problems import example_problem
from app.domain.errors import ErrorCode

Example = dict[str, Any]

LAPTOP_KEY = "eu-west-1_5f0c7a52-3d1e-4b7a-9c55-0c6a3e1d9f42"
PHONE_KEY = "eu-west-1_a81b6d0e-92c4-4f0b-8f3e-7d2c51be6a90"
DEVICE_GROUP_KEY = "-Qh7Zk2pLx"
DEVICE_PASSWORD = "6hBlZmqzZpH0bXd7dO2+fnbLJEXjWx1y7vF1LxYpKmu3TxX3HcOtaw=="  # noqa: S105
SALT = "ZcffcEOVipJicNykvxfynA=="
VERIFIER = (
    "APBl0/sWe5CTsehvGR4A76/bNoNCKBE0S/wS685LBz0TF1He7+D7Lh6dErEQ5m+VxxNdsoF3zEpiJTNutXyucB6h"
    "pJ80/O7simahzYUYe8I+CwDWcKpOUq/nCAh+bvVoxgdeRthyTj5uQO7ZVTVjiRuo/eIQkxv4whj5Icj1of8+s+Wb"
    "BISv2t8HWf9d8qaRw+zq7ur0TYLHwhqAN9FO++i2gcHnd6Gd8HJYUIH/Yj3fEyt5MrX1d+MMkblx7IlBvv0VWiiO"
    "stzI+fnC4t1cHkHCTjCd3HVJNWIlPGFSNt3xByq9/5c6h2nr61slIw/CBA1gBau4cSBXOgXZAZriNwBMxMyrj6cA"
    "h2lBS5Odn063DLgWKc1DK0wyarOwZZp4V9y06TazDlqc7iTOds3+VcZV5gT/pJclwVyEqfKqfj8Y1CHNY3+Mo4FR"
    "O1FTqs2dOtb1iQnFaxp0npiAdnSoHWcW+sOKLK6QbkY6Q/HQGnbeYzi/Kpp04ejBbsQSlIR3LA=="
)
CURSOR = "CAISYWV1LXdlc3QtMV9hODFiNmQwZS05MmM0LTRmMGItOGYzZS03ZDJjNTFiZTZhOTA="

LAPTOP: Example = {
    "id": LAPTOP_KEY,
    "name": "macOS 14.2.1 arm macOS Google Chrome/143.0.0.0;Not A(Brand/99.0.0.0",
    "displayName": "Chrome on macOS",
    "deviceType": "computer",
    "operatingSystem": "macOS",
    "browser": "Chrome",
    "status": "remembered",
    "current": True,
    "lastIpAddress": "203.0.113.24",
    "createdAt": "2026-01-12T08:30:05Z",
    "lastModifiedAt": "2026-01-12T08:30:06Z",
    "lastAuthenticatedAt": "2026-03-02T07:58:41Z",
    "attributes": {"device_status": "valid"},
}
PHONE: Example = {
    "id": PHONE_KEY,
    "name": "Ana's iPhone",
    "displayName": "Ana's iPhone",
    "deviceType": "phone",
    "operatingSystem": None,
    "browser": None,
    "status": "remembered",
    "current": False,
    "lastIpAddress": "2001:db8:85a3::8a2e:370:7334",
    "createdAt": "2025-11-03T19:04:55Z",
    "lastModifiedAt": "2025-11-03T19:04:55Z",
    "lastAuthenticatedAt": "2026-02-27T21:15:09Z",
    "attributes": {"device_status": "valid"},
}

NAMED: Example = {
    "first-page": {
        "summary": "A first page, with more to come",
        "value": {"items": [LAPTOP], "nextCursor": CURSOR, "currentDeviceId": LAPTOP_KEY},
    },
    "last-page": {
        "summary": "The last page",
        "value": {"items": [PHONE], "nextCursor": None, "currentDeviceId": LAPTOP_KEY},
    },
    "track-with-verifier": {
        "summary": "The client made the secret (preferred)",
        "value": {
            "deviceKey": LAPTOP_KEY,
            "name": "Ana's laptop",
            "secretVerifier": {"passwordVerifier": VERIFIER, "salt": SALT},
        },
    },
    "track-with-group-key": {
        "summary": "The service makes the secret",
        "value": {"deviceKey": LAPTOP_KEY, "deviceGroupKey": DEVICE_GROUP_KEY},
    },
    "remembered-at-once": {
        "summary": "Remembered at once",
        "value": {
            "id": LAPTOP_KEY,
            "status": "remembered",
            "userConfirmationNecessary": False,
        },
    },
    "tracked-until-opt-in": {
        "summary": "The user must opt in; the service made the secret",
        "value": {
            "id": LAPTOP_KEY,
            "status": "tracked",
            "userConfirmationNecessary": True,
            "devicePassword": DEVICE_PASSWORD,
        },
    },
    "remember": {"summary": "Remember it", "value": {"status": "remembered"}},
    "no-longer": {"summary": "Remember it no longer", "value": {"status": "not_remembered"}},
    "all-forgotten": {
        "summary": "Every remembered device was forgotten",
        "value": {"forgotten": [PHONE_KEY, LAPTOP_KEY], "failed": []},
    },
    "some-failed": {
        "summary": "Cognito's quota left one device over",
        "value": {
            "forgotten": [PHONE_KEY],
            "failed": [
                {
                    "id": LAPTOP_KEY,
                    "problem": example_problem(ErrorCode.QUOTA_EXCEEDED, f"/devices/{LAPTOP_KEY}"),
                }
            ],
        },
    },
}
"""Examples that views refer to by name; the document holds each once, among its components."""


def named(*names: str) -> dict[str, str]:
    """References to examples, as flask-smorest takes them."""
    return {name: name for name in names}


LAPTOP_TRUSTED: Example = {"id": LAPTOP_KEY, "status": "remembered", "current": True}
PHONE_NOT_TRUSTED: Example = {"id": PHONE_KEY, "status": "not_remembered", "current": False}

ID_IN_PATH: Example = {
    "in": "path",
    "name": "id",
    "description": "The device key: a device's `id`.",
    "example": PHONE_KEY,
}


def _links(device_id: str) -> Example:
    """What can be done next with the device whose id an answer holds at that JSON pointer."""
    texts = {
        "getDevice": "Show the device.",
        "updateDevice": "Remember the device, or no longer.",
        "forgetDevice": "Forget the device.",
    }
    return {
        operation: {
            "operationId": operation,
            "parameters": {"id": f"$response.body#{device_id}"},
            "description": text,
        }
        for operation, text in texts.items()
    }


DEVICE_LINKS: Example = _links("/id")
PAGE_LINKS: Example = _links("/items/0/id") | {
    "listDevices": {
        "operationId": "listDevices",
        "parameters": {"cursor": "$response.body#/nextCursor"},
        "description": "The next page, while `nextCursor` is not null.",
    },
}
