"""Our API as a browser calls it: over HTTP, with a bearer token."""

from dataclasses import dataclass
from typing import Any

import requests

TIMEOUT = 60  # seconds; forgetting many devices is one call


@dataclass(frozen=True)
class Api:
    """The API at `url`, called by whoever has `token`."""

    url: str
    token: str

    def call(self, method: str, path: str, json: Any = None) -> requests.Response:
        return requests.request(
            method,
            self.url + path,
            json=json,
            headers={"Authorization": f"Bearer {self.token}"},
            timeout=TIMEOUT,
        )

    def get(self, path: str) -> requests.Response:
        return self.call("GET", path)

    def post(self, path: str, json: Any = None) -> requests.Response:
        return self.call("POST", path, json)

    def patch(self, path: str, json: Any) -> requests.Response:
        return self.call("PATCH", path, json)

    def delete(self, path: str) -> requests.Response:
        return self.call("DELETE", path)


def code_of(answer: requests.Response) -> str:
    """The problem code of an answer that is no success."""
    assert answer.headers["Content-Type"] == "application/problem+json"
    return str(answer.json()["code"])
