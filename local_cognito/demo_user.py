"""The user of `make run`'s demo: signed in at several places, and reading the API's answers."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import requests
from botocore import UNSIGNED
from botocore.config import Config
from pycognito.aws_srp import AWSSRP, generate_hash_device
from pycognito.exceptions import SoftwareTokenMFAChallengeException

from local_cognito import seed

TIMEOUT = 10
MAC = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/142.0.0.0 Safari/537.36"
)
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
    "Gecko) Version/18.2 Mobile/15E148 Safari/604.1"
)
WINDOWS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0"
)
# What Amplify calls a device in that browser.
WINDOWS_BY_AMPLIFY = (
    "Windows 15.0.0 x86 Windows Microsoft Edge/142.0.0.0;Not;A=Brand/99.0.0.0;Chromium/142.0.0.0"
)

# Addresses of no real network (RFC 5737), and where the demo says they are.
HOME, OFFICE = "203.0.113.24", "198.51.100.7"
LOCATIONS = {
    "127.0.0.1": ("Lisbon", "Portugal"),
    HOME: ("Lisbon", "Portugal"),
    OFFICE: ("Berlin", "Germany"),
}


class DemoUser:
    """A user of the API at `api_url`, signed in to the Cognito at `cognito_url`.

    `ca_file` is the authority that the API's certificate is checked against, None without HTTPS.
    `access_token` is the one of the last sign-in.
    """

    def __init__(self, api_url: str, cognito_url: str, ca_file: Path | None = None) -> None:
        self.api_url = api_url
        self.cognito_url = cognito_url
        self.ca_file = ca_file
        self.access_token = ""
        self._http = requests.Session()
        self._http.trust_env = False  # no proxy and no .netrc between loopback addresses
        self._http.headers["Connection"] = "close"  # a server that stops waits for kept ones
        if ca_file:
            self._http.verify = str(ca_file)

    def finds_the_service_ready(self) -> bool:
        """Whether /readyz answers 200."""
        try:
            return self._http.get(f"{self.api_url}/readyz", timeout=TIMEOUT).ok
        except requests.RequestException:
            return False

    def sign_in_everywhere(self) -> None:
        """Three devices that are remembered, and a browser at the managed login, which has none.

        Only the last device signs in as clients do, by SRP and TOTP: a TOTP code is good once, and
        some must be left for the person who tries the demo.
        """
        for address, (city, country) in LOCATIONS.items():
            self._steer("location", address=address, city=city, country=country)
        self._steer("sign-in", device_name="Ada's iPhone", user_agent=IPHONE, address=HOME)
        self._steer("sign-in", device_name=WINDOWS_BY_AMPLIFY, user_agent=WINDOWS, address=OFFICE)
        self._steer(
            "managed-login", client_id=seed.OTHER_CLIENT_ID, user_agent=IPHONE, address=HOME
        )
        tokens = self._sign_in(MAC)
        self.access_token = tokens["AccessToken"]
        new_device = tokens["NewDeviceMetadata"]
        device = {
            "deviceKey": new_device["DeviceKey"],
            "secretVerifier": _secret_verifier(new_device),
        }
        self._call("POST", "/devices", device, MAC)  # no name: the service makes one of MAC
        self._call("PATCH", "/devices/current", {"status": "remembered"}, MAC)

    def devices_table(self) -> str:
        """What GET /devices answers, a row for each device."""
        return _table(
            ("device", "type", "status", "current", "last seen", "id"),
            (
                (
                    it["displayName"],
                    it["deviceType"],
                    it["status"],
                    _mark(it["current"]),
                    _moment(it["lastAuthenticatedAt"]),
                    it["id"],
                )
                for it in self._call("GET", "/devices")["items"]
            ),
        )

    def sessions_table(self) -> str:
        """What GET /sessions answers, a row for each session."""
        return _table(
            ("session", "kind", "app", "place", "current", "last active", "id"),
            (
                (
                    it["displayName"],
                    it["sessionType"],
                    it["clientName"] or it["clientId"],
                    _place(it["lastLocation"]),
                    _mark(it["current"]),
                    _moment(it["lastActiveAt"]),
                    it["id"],
                )
                for it in self._call("GET", "/sessions")["items"]
            ),
        )

    def _steer(self, what: str, **members: Any) -> Any:
        """One call of the local Cognito's `/_local`; its JSON. Raises requests.HTTPError."""
        answer = self._http.post(f"{self.cognito_url}/_local/{what}", json=members, timeout=TIMEOUT)
        answer.raise_for_status()
        return answer.json()

    def _call(self, method: str, path: str, body: Any = None, user_agent: str = "") -> Any:
        """One call of the API; its JSON, or None. Raises requests.HTTPError."""
        answer = self._http.request(
            method,
            f"{self.api_url}{path}",
            json=body,
            headers={"Authorization": f"Bearer {self.access_token}", "User-Agent": user_agent},
            timeout=TIMEOUT,
        )
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def _sign_in(self, user_agent: str) -> dict[str, Any]:
        """One sign-in with pycognito, from a device that is new to Cognito."""
        client = boto3.client(
            "cognito-idp",
            region_name=seed.REGION,
            endpoint_url=self.cognito_url,
            config=Config(signature_version=UNSIGNED, user_agent=user_agent),
        )
        srp = AWSSRP(
            seed.DEMO_USERNAME, seed.DEMO_PASSWORD, seed.POOL_ID, seed.CLIENT_ID, client=client
        )
        try:
            answer = srp.authenticate_user()
        except SoftwareTokenMFAChallengeException as challenge:
            answer = client.respond_to_auth_challenge(
                ClientId=seed.CLIENT_ID,
                ChallengeName="SOFTWARE_TOKEN_MFA",
                Session=challenge.get_tokens()["Session"],
                ChallengeResponses={
                    "USERNAME": seed.DEMO_USERNAME,
                    "SOFTWARE_TOKEN_MFA_CODE": self._steer("totp")["code"],
                },
            )
        result: dict[str, Any] = answer["AuthenticationResult"]
        return result


def _secret_verifier(new_device: dict[str, str]) -> dict[str, str]:
    _, verifier = generate_hash_device(new_device["DeviceGroupKey"], new_device["DeviceKey"])
    return {"passwordVerifier": verifier["PasswordVerifier"], "salt": verifier["Salt"]}


def _table(header: tuple[str, ...], rows: Iterable[tuple[str | None, ...]]) -> str:
    lines = [header, *(tuple("-" if cell is None else cell for cell in row) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join("  " + "  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)


def _mark(current: bool) -> str:
    return "this one" if current else ""


def _moment(timestamp: str | None) -> str | None:
    """RFC 3339 as people write it, to the minute."""
    if timestamp is None:
        return None
    return f"{datetime.fromisoformat(timestamp).astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _place(location: dict[str, str | None] | None) -> str | None:
    return ", ".join(filter(None, (location or {}).values())) or None
