"""The user of `make run`'s demo: signs in from three devices, and reads the API's answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import boto3
import pyotp
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
        if ca_file:
            self._http.verify = str(ca_file)

    def finds_the_service_ready(self) -> bool:
        """Whether /readyz answers 200."""
        try:
            return self._http.get(f"{self.api_url}/readyz", timeout=TIMEOUT).ok
        except requests.RequestException:
            return False

    def sign_in_from_three_devices(self) -> None:
        """Sign in by SRP and TOTP, and track the device, three times.

        The first device's secret is made by the client, the second's by the service, and the third
        is named from its User-Agent.
        """
        for name, user_agent, secret_by_service in (
            ("Ada's iPhone", "device-bff-demo", False),
            ("Kitchen tablet", "device-bff-demo", True),
            (None, MAC, False),
        ):
            tokens = self._sign_in()
            self.access_token = tokens["AccessToken"]
            new_device = tokens["NewDeviceMetadata"]
            device = {"deviceKey": new_device["DeviceKey"]} | ({"name": name} if name else {})
            if secret_by_service:
                device["deviceGroupKey"] = new_device["DeviceGroupKey"]
            else:
                device["secretVerifier"] = _secret_verifier(new_device)
            self._call("POST", "/devices", device, user_agent)
            self._call("PATCH", "/devices/current", {"status": "remembered"}, user_agent)

    def devices_table(self) -> str:
        """What GET /devices answers, a row for each device."""
        columns = ("name", "status", "current", "lastIpAddress", "lastAuthenticatedAt", "id")
        items = self._call("GET", "/devices")["items"]
        rows = [columns, *(tuple(json.dumps(it[c]).strip('"') for c in columns) for it in items)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = (
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            for row in rows
        )
        return "\n".join(f"  {line}".rstrip() for line in lines)

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

    def _sign_in(self) -> dict[str, Any]:
        """One sign-in with pycognito, from a device that is new to Cognito."""
        client = boto3.client(
            "cognito-idp",
            region_name=seed.REGION,
            endpoint_url=self.cognito_url,
            config=Config(signature_version=UNSIGNED),
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
                    "SOFTWARE_TOKEN_MFA_CODE": pyotp.TOTP(seed.DEMO_TOTP_SECRET).now(),
                },
            )
        result: dict[str, Any] = answer["AuthenticationResult"]
        return result


def _secret_verifier(new_device: dict[str, str]) -> dict[str, str]:
    _, verifier = generate_hash_device(new_device["DeviceGroupKey"], new_device["DeviceKey"])
    return {"passwordVerifier": verifier["PasswordVerifier"], "salt": verifier["Salt"]}
