"""Devices that sign in with the Cognito clients that people use: one of Python, two of Node.

Each object is one device with its own memory: it keeps the key and the secret of its device from
one sign-in to the next, as its library does.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local_cognito import seed
from local_cognito.process import RunningCognito
from tests.local_cognito.clients import Aws, SrpSignIn

NODE_PROGRAMS = Path(__file__).parent / "clients"
STOP_SECONDS = 10


@dataclass(frozen=True)
class Pool:
    """A user pool of the local Cognito, and the client of it that signs in."""

    cognito_url: str
    id: str = seed.ALWAYS_POOL_ID
    client_id: str = seed.ALWAYS_CLIENT_ID


@dataclass(frozen=True)
class SignIn:
    """What came of a sign-in: the challenges that Cognito set, in order, and the tokens."""

    challenges: list[str]
    access_token: str
    device_key: str


class Pycognito:
    """A device that signs in with pycognito, and leaves the rest to `Aws`.

    pycognito's own confirm_device and update_device_status go to AWS whatever the client's endpoint
    is. Its refresh names no device, which Cognito refuses once the device is confirmed.
    """

    device_name = "Ada's workstation"

    def __init__(self, pool: Pool, aws: Aws) -> None:
        self._pool = pool
        self._aws = aws
        self._device: dict[str, str] = {}
        self._tokens: dict[str, Any] = {}
        self._challenges: list[str] = []
        aws.idp.meta.events.register("after-call.cognito-idp", self._note_challenge)

    def sign_in(self) -> SignIn:
        """By SRP with the password, with TOTP when asked; a new device is confirmed."""
        try:
            signed_in = self.authenticate()
        except self._aws.idp.exceptions.ResourceNotFoundException:
            # pycognito leaves it to its caller to drop a device that Cognito does not know.
            self.clear()
            signed_in = self.authenticate()
        if "NewDeviceMetadata" in self._tokens:
            self._device, _ = self._aws.confirm(signed_in, self.device_name)
        return SignIn(self._challenges, signed_in.access_token, self._device["device_key"])

    def authenticate(self) -> SrpSignIn:
        """The sign-in alone. A new device is left unconfirmed."""
        self._challenges = []
        signed_in = self._aws.sign_in(self._pool.id, self._pool.client_id, **self._device)
        self._tokens = signed_in.result
        return signed_in

    def keep_device(self, device_key: str, group_key: str, password: str) -> None:
        """Sign in with this device from now on."""
        self._device = {
            "device_key": device_key,
            "device_group_key": group_key,
            "device_password": password,
        }

    def remember(self) -> None:
        """Say yes to "remember this device"."""
        self._aws.idp.update_device_status(
            AccessToken=self._tokens["AccessToken"],
            DeviceKey=self._device["device_key"],
            DeviceRememberedStatus="remembered",
        )

    def refresh(self) -> bool:
        """Whether Cognito gives new tokens for the refresh token."""
        return self._aws.refreshes(
            self._tokens["RefreshToken"], self._device["device_key"], self._pool.client_id
        )

    def clear(self) -> None:
        """Be a device that has never signed in."""
        self._device = {}

    def _note_challenge(self, parsed: dict[str, Any], **_: Any) -> None:
        if "ChallengeName" in parsed:
            self._challenges.append(parsed["ChallengeName"])


class RefusedError(Exception):
    """A Node client's call failed; the message has the error's name and message."""


class NodeClient:
    """As `Pycognito`, by a program of `clients/` that is told what to do a line at a time."""

    device_name = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Safari/605.1.15"

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def sign_in(self) -> SignIn:
        answer = self.ask("signIn")
        return SignIn(answer["challenges"], answer["accessToken"], answer["deviceKey"])

    def remember(self) -> None:
        self.ask("remember")

    def refresh(self) -> bool:
        return bool(self.ask("refresh"))

    def clear(self) -> None:
        self.ask("clear")

    def ask(self, name: str, *args: Any) -> Any:
        """One call of the program's table. Raises RefusedError."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"name": name, "args": args}) + "\n")
        self._process.stdin.flush()
        said = json.loads(self._process.stdout.readline() or '{"refused": {"name": "it ended"}}')
        if "refused" in said:
            raise RefusedError(f"{name}: {said['refused']}")
        return said["answer"]


@contextmanager
def pycognito(pool: Pool) -> Iterator[Pycognito]:
    with closing(Aws(RunningCognito(pool.cognito_url))) as aws:
        yield Pycognito(pool, aws)


@contextmanager
def amazon_cognito_identity_js(pool: Pool) -> Iterator[NodeClient]:
    with _node("amazon-cognito-identity-js.mjs", pool) as client:
        yield client


@contextmanager
def aws_amplify(pool: Pool) -> Iterator[NodeClient]:
    with _node("aws-amplify.mjs", pool) as client:
        yield client


@contextmanager
def _node(program: str, pool: Pool) -> Iterator[NodeClient]:
    given = {
        "endpoint": f"{pool.cognito_url}/",
        "poolId": pool.id,
        "clientId": pool.client_id,
        "username": seed.DEMO_USERNAME,
        "password": seed.DEMO_PASSWORD,
        "totpSecret": seed.DEMO_TOTP_SECRET,
        "deviceName": NodeClient.device_name,
    }
    with subprocess.Popen(
        ["node", NODE_PROGRAMS / program, json.dumps(given)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield NodeClient(process)
        finally:
            process.kill()
            process.wait(STOP_SECONDS)


RealClient = Pycognito | NodeClient
REAL_CLIENTS: dict[str, Callable[[Pool], Any]] = {
    "pycognito": pycognito,
    "amazon-cognito-identity-js": amazon_cognito_identity_js,
    "aws-amplify": aws_amplify,
}
"""By the name of the library; each opens a device that has never signed in."""
