"""Devices that sign in with the Cognito clients that people use: one of Python, two of Node.

Each object is one device with its own memory: it keeps the key and the secret of its device from
one sign-in to the next, as its library does.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import boto3
import pyotp
from botocore import UNSIGNED
from botocore.config import Config
from pycognito.aws_srp import AWSSRP, generate_hash_device
from pycognito.exceptions import SoftwareTokenMFAChallengeException

from local_cognito import seed

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

    @property
    def totp_asked(self) -> bool:
        return "SOFTWARE_TOKEN_MFA" in self.challenges


class RealClient(Protocol):
    """One device of the demo user."""

    device_name: str

    def sign_in(self) -> SignIn:
        """By SRP with the password, with TOTP when asked; a new device is confirmed."""

    def remember(self) -> None:
        """Say yes to "remember this device"."""

    def refresh(self) -> bool:
        """Whether Cognito gives new tokens for the refresh token."""


@contextmanager
def cognito_idp(url: str) -> Iterator[Any]:
    """boto3's client, unsigned: for the calls that need only what the user has."""
    client = boto3.client(
        "cognito-idp",
        region_name=seed.REGION,
        endpoint_url=url,
        config=Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1}),
    )
    try:
        yield client
    finally:
        client.close()


class Authenticator:
    """A user's authenticator app. Cognito takes each code once, the one of the next step included.

    So two codes are to be had at once, and the third after a wait of at most 30 seconds.
    """

    def __init__(self, secret: str) -> None:
        self._totp = pyotp.TOTP(secret)
        self._last_step = 0

    def code(self) -> str:
        self._last_step = max(int(time.time()) // self._totp.interval, self._last_step + 1)
        good_from = (self._last_step - 1) * self._totp.interval
        time.sleep(max(0, good_from - time.time()))
        return self._totp.generate_otp(self._last_step)


class Pycognito:
    """A device that signs in with pycognito.

    Its own confirm_device and update_device_status go to AWS whatever the client's endpoint is, so
    the secret is pycognito's (`generate_hash_device`) and the calls are boto3's. Its refresh names
    no device, which Cognito refuses once the device is confirmed: that call is boto3's as well.
    """

    device_name = "Ada's workstation"

    def __init__(self, pool: Pool, idp: Any) -> None:
        self._pool = pool
        self._idp = idp
        self._device: dict[str, str] = {}
        self._tokens: dict[str, Any] = {}
        self._challenges: list[str] = []
        self._authenticator = Authenticator(seed.DEMO_TOTP_SECRET)
        idp.meta.events.register("after-call.cognito-idp", self._note_challenge)

    def sign_in(self) -> SignIn:
        try:
            self.authenticate()
        except self._idp.exceptions.ResourceNotFoundException:
            # pycognito leaves it to its caller to drop a device that Cognito does not know.
            self._device = {}
            self.authenticate()
        if "NewDeviceMetadata" in self._tokens:
            self._confirm_device()
        return SignIn(self._challenges, self._tokens["AccessToken"], self._device["device_key"])

    def authenticate(self) -> dict[str, Any]:
        """The sign-in alone: AuthenticationResult. A new device is left unconfirmed."""
        self._challenges = []
        srp = AWSSRP(
            seed.DEMO_USERNAME,
            seed.DEMO_PASSWORD,
            self._pool.id,
            self._pool.client_id,
            client=self._idp,
            **self._device,
        )
        try:
            answer = srp.authenticate_user()
        except SoftwareTokenMFAChallengeException as asked:
            answer = self._idp.respond_to_auth_challenge(
                ClientId=self._pool.client_id,
                ChallengeName="SOFTWARE_TOKEN_MFA",
                Session=asked.get_tokens()["Session"],
                ChallengeResponses={
                    "USERNAME": seed.DEMO_USERNAME,
                    "SOFTWARE_TOKEN_MFA_CODE": self._authenticator.code(),
                },
            )
        self._tokens = answer["AuthenticationResult"]
        return self._tokens

    def keep_device(self, device_key: str, group_key: str, password: str) -> None:
        """Sign in with this device from now on."""
        self._device = {
            "device_key": device_key,
            "device_group_key": group_key,
            "device_password": password,
        }

    def keep_wrong_secret(self) -> None:
        """Sign in with a secret that is not the device's."""
        self._device["device_password"] += "x"

    def remember(self) -> None:
        self._idp.update_device_status(
            AccessToken=self._tokens["AccessToken"],
            DeviceKey=self._device["device_key"],
            DeviceRememberedStatus="remembered",
        )

    def refresh(self) -> bool:
        try:
            self._idp.initiate_auth(
                AuthFlow="REFRESH_TOKEN_AUTH",
                ClientId=self._pool.client_id,
                AuthParameters={
                    "REFRESH_TOKEN": self._tokens["RefreshToken"],
                    "DEVICE_KEY": self._device["device_key"],
                },
            )
        except self._idp.exceptions.NotAuthorizedException:
            return False
        return True

    def _confirm_device(self) -> None:
        new = self._tokens["NewDeviceMetadata"]
        password, verifier = generate_hash_device(new["DeviceGroupKey"], new["DeviceKey"])
        self._idp.confirm_device(
            AccessToken=self._tokens["AccessToken"],
            DeviceKey=new["DeviceKey"],
            DeviceName=self.device_name,
            DeviceSecretVerifierConfig=verifier,
        )
        self.keep_device(new["DeviceKey"], new["DeviceGroupKey"], password)

    def _note_challenge(self, parsed: dict[str, Any], **_: Any) -> None:
        if "ChallengeName" in parsed:
            self._challenges.append(parsed["ChallengeName"])


class RefusedError(Exception):
    """A Node client's call failed; the message has the error's name and message."""


class NodeClient:
    """A device that runs a program of `clients/`, told what to do a line at a time."""

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
    with cognito_idp(pool.cognito_url) as idp:
        yield Pycognito(pool, idp)


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


REAL_CLIENTS: dict[str, Callable[[Pool], Any]] = {
    "pycognito": pycognito,
    "amazon-cognito-identity-js": amazon_cognito_identity_js,
    "aws-amplify": aws_amplify,
}
"""By the name of the library; each opens a device that has never signed in."""
