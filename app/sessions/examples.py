"""The contract's examples of sessions: the user of the devices' examples, at home and elsewhere."""

from typing import Any

Example = dict[str, Any]

CURRENT_ID = "tkn7h2k9q4m1x8c5v0b3n6z2l1p4"
PHONE_ID = "tkna1s2d3f4g5h6j7k8l9q0w1e2r"
CURSOR = "CAISCXNlc3Npb25zMQ=="

CURRENT: Example = {
    "id": CURRENT_ID,
    "sessionType": "token",
    "current": True,
    "clientId": "1h57kf5cpq17m0eml12EXAMPLE",
    "clientName": "Web shop",
    "displayName": "Chrome on macOS",
    "deviceType": "computer",
    "operatingSystem": "macOS",
    "browser": "Chrome",
    "lastIpAddress": "203.0.113.24",
    "lastLocation": {"city": "Dublin", "country": "Ireland"},
    "createdAt": "2026-11-12T08:30:05Z",
    "lastActiveAt": "2026-11-26T07:58:41Z",
    "originSessionId": None,
}
PHONE: Example = CURRENT | {
    "id": PHONE_ID,
    "current": False,
    "clientName": None,
    "displayName": "Safari on iPhone",
    "deviceType": "phone",
    "operatingSystem": "iOS",
    "browser": "Safari",
    "lastIpAddress": "2001:db8:85a3::8a2e:370:7334",
    "lastLocation": {"city": None, "country": "Ireland"},
    "createdAt": "2026-11-03T19:04:55Z",
    "lastActiveAt": "2026-11-20T21:15:09Z",
}

NAMED: Example = {
    "sessions": {
        "summary": "Two sessions",
        "value": {"items": [CURRENT, PHONE], "nextCursor": None},
    },
    "others-ended": {
        "summary": "Every other session was ended",
        "value": {"ended": [PHONE["id"]], "failed": []},
    },
}
"""Examples that views refer to by name; the document holds each once, among its components."""

ID_IN_PATH: Example = {
    "in": "path",
    "name": "id",
    "description": "A session's `id`.",
    "example": PHONE["id"],
}

PAGE_LINKS: Example = {
    "endSession": {
        "operationId": "endSession",
        "parameters": {"id": "$response.body#/items/0/id"},
        "description": "End the session.",
    },
    "listSessions": {
        "operationId": "listSessions",
        "parameters": {"cursor": "$response.body#/nextCursor"},
        "description": "The next page, while `nextCursor` is not null.",
    },
}
