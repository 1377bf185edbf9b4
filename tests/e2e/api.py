"""Our API as a browser calls it: over HTTP, with a bearer token."""

from dataclasses import dataclass
from typing import Any

import requests

from tests.calls import call


@dataclass(frozen=True)
class Api:
    """The API at `url`, called by whoever has `token`."""

    url: str
    token: str

    def call(self, method: str, path: str, json: Any = None) -> requests.Response:
        bearer = {"Authorization": f"Bearer {self.token}"}
        return call(self.url + path, method, json=json, headers=bearer)

    def get(self, path: str) -> requests.Response:
        return self.call("GET", path)

    def post(self, path: str, json: Any = None) -> requests.Response:
        return self.call("POST", path, json)

    def patch(self, path: str, json: Any) -> requests.Response:
        return self.call("PATCH", path, json)

    def delete(self, path: str) -> requests.Response:
        return self.call("DELETE", path)
