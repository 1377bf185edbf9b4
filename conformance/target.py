"""Where the probes run: pools and their clients, made from the template and deleted again."""

from __future__ import annotations

import base64
import json
import secrets
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Event, Lock
from typing import Any

import boto3
import pyotp
import requests
import yaml
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from pycognito.aws_srp import AWSSRP, generate_hash_device

TEMPLATE = Path(__file__).parent.parent / "deploy/aws/user-pool.yaml"
PASSWORD = "Conformance-1-Passw0rd"  # noqa: S105 - of users that live for a minute
LAG_SECONDS = 15
"""Lists of sessions lag by a few seconds on AWS (Developer Guide, "Managing user sessions")."""
TOTP_SECONDS = 30
Answer = dict[str, Any]


class _Template(yaml.SafeLoader):
    """CloudFormation's short forms, as (name, argument)."""


def _short_form(loader: yaml.SafeLoader, name: str, node: yaml.Node) -> tuple[str, Any]:
    if isinstance(node, yaml.SequenceNode):
        return name, loader.construct_sequence(node, deep=True)
    assert isinstance(node, yaml.ScalarNode)  # noqa: S101 - the template has no other
    return name, loader.construct_scalar(node)


_Template.add_multi_constructor("!", _short_form)


class Template:
    """`deploy/aws/user-pool.yaml` with these parameters, the others at their defaults."""

    def __init__(self, **parameters: str) -> None:
        document = yaml.load(TEMPLATE.read_text(), _Template)  # noqa: S506 - a SafeLoader
        defaults = {name: it["Default"] for name, it in document["Parameters"].items()}
        self._values = defaults | parameters
        self._conditions = document["Conditions"]
        self._resources = document["Resources"]

    def properties(self, resource: str) -> Answer:
        made: Answer = self._made(self._resources[resource]["Properties"])
        return made

    def _made(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {name: self._made(it) for name, it in value.items()}
        if isinstance(value, list):
            return [self._made(it) for it in value]
        if not isinstance(value, tuple):
            return value
        name, argument = value
        if name == "Ref":
            return self._values.get(argument, argument)
        if name == "Sub":
            return argument.replace("${PoolName}", str(self._values["PoolName"]))
        if name == "Equals":
            left, right = map(self._made, argument)
            return left == right
        condition, then, otherwise = argument  # If
        return self._made(then if self._made(self._conditions[condition]) else otherwise)


@dataclass
class User:
    """A user of the probes. `secret`: that of the authenticator app, where there is one."""

    name: str
    secret: str | None = None
    last_code: str | None = field(default=None, repr=False)


@dataclass
class Pool:
    """A pool that this run made. `srp_client`: as the template has it; `any_client`: with every
    flow that a probe asks for."""

    id: str
    srp_client: str
    any_client: str


@dataclass
class Target:
    """Cognito with the pools of this run.

    `idp` is a client without credentials, as a user's; `client` makes another one. `always`
    remembers devices at once, `opt_in` when the user says so.
    """

    client: Callable[[Config], Any]
    admin: Any
    run: Run
    pace: Pace
    key_set_of: Callable[[str], requests.Response]
    always: Pool = field(init=False)
    opt_in: Pool = field(init=False)

    def __post_init__(self) -> None:
        self.idp = self.client(Config())
        self.always, self.opt_in = self.from_template("always"), self.from_template("opt-in")

    def as_program(self, user_agent: str) -> Target:
        """The same pools, called by another program."""
        other = copy(self)
        other.idp = self.client(Config(user_agent=user_agent))
        return other

    # Pools

    def make_pool(self, kind: str, **properties: Any) -> str:
        name = f"{self.run.name}-{kind}"
        pool_id: str = self.admin.create_user_pool(PoolName=name, **properties)["UserPool"]["Id"]
        self.run.made.append(pool_id)
        return pool_id

    def from_template(self, mode: str) -> Pool:
        """A pool and its clients by the template; `mode` is its RememberDevices."""
        template = Template(RememberDevices=mode)
        wanted = template.properties("UserPool")
        factors, mfa = wanted.pop("EnabledMfas"), wanted.pop("MfaConfiguration")
        del wanted["UserPoolName"], wanted["DeletionProtection"]  # this one goes
        pool_id = self.make_pool(f"{mode}-{secrets.token_hex(2)}", **wanted)
        self.admin.set_user_pool_mfa_config(
            UserPoolId=pool_id,
            MfaConfiguration=mfa,
            SoftwareTokenMfaConfiguration={"Enabled": "SOFTWARE_TOKEN_MFA" in factors},
        )
        client = template.properties("Client") | {"UserPoolId": pool_id}
        flows = [*client["ExplicitAuthFlows"], "ALLOW_ADMIN_USER_PASSWORD_AUTH", "ALLOW_USER_AUTH"]
        self.admin.set_user_pool_session_configuration(
            **template.properties("SessionTracking") | {"UserPoolId": pool_id}
        )
        return Pool(
            pool_id, self.make_client(client), self.make_client(client, ExplicitAuthFlows=flows)
        )

    def make_client(self, properties: Answer, **others: Any) -> str:
        made = self.admin.create_user_pool_client(**properties | others)
        client_id: str = made["UserPoolClient"]["ClientId"]
        return client_id

    # Users

    def user(self, pool: Pool, *, totp: bool = False) -> User:
        """A new confirmed user. No mail is sent."""
        user = User(f"{secrets.token_hex(8)}@example.com")
        self.admin.admin_create_user(
            UserPoolId=pool.id,
            Username=user.name,
            MessageAction="SUPPRESS",
            UserAttributes=[
                {"Name": "email", "Value": user.name},
                {"Name": "email_verified", "Value": "true"},
            ],
        )
        self.admin.admin_set_user_password(
            UserPoolId=pool.id, Username=user.name, Password=PASSWORD, Permanent=True
        )
        if totp:
            self._enrol_totp(pool, user)
        return user

    def _enrol_totp(self, pool: Pool, user: User) -> None:
        token = self.by_password(pool, user)["AccessToken"]
        user.secret = self.idp.associate_software_token(AccessToken=token)["SecretCode"]
        self.idp.verify_software_token(AccessToken=token, UserCode=self.code(user))
        self.idp.set_user_mfa_preference(
            AccessToken=token, SoftwareTokenMfaSettings={"Enabled": True, "PreferredMfa": True}
        )

    def code(self, user: User) -> str:
        """A code that has not been used: waits for the next one if it must."""
        totp = pyotp.TOTP(user.secret or "")
        while (code := totp.now()) == user.last_code:
            self.pace.wait(TOTP_SECONDS - time.time() % TOTP_SECONDS + 0.1)
        user.last_code = code
        return code

    # Sign-in

    def begin(
        self, pool: Pool, user: User, flow: str = "ADMIN_USER_PASSWORD_AUTH", **given: str
    ) -> Answer:
        """InitiateAuth through the client that has every flow."""
        given = {"USERNAME": user.name} | given
        if flow.startswith("ADMIN"):
            given = {"PASSWORD": PASSWORD} | given
            place = {"UserPoolId": pool.id, "ClientId": pool.any_client}
            answer = self.admin.admin_initiate_auth(**place, AuthFlow=flow, AuthParameters=given)
        else:
            answer = self.idp.initiate_auth(
                ClientId=pool.any_client, AuthFlow=flow, AuthParameters=given
            )
        return dict(answer)

    def by_password(self, pool: Pool, user: User, **given: str) -> Answer:
        """A sign-in by password; answers TOTP when it is asked. The AuthenticationResult."""
        return self.finish(pool, user, self.begin(pool, user, **given))

    def finish(self, pool: Pool, user: User, asked: Answer) -> Answer:
        if asked.get("ChallengeName") == "SOFTWARE_TOKEN_MFA":
            asked = self.admin.admin_respond_to_auth_challenge(
                UserPoolId=pool.id,
                ClientId=pool.any_client,
                ChallengeName="SOFTWARE_TOKEN_MFA",
                Session=asked["Session"],
                ChallengeResponses={
                    "USERNAME": asked["ChallengeParameters"].get("USER_ID_FOR_SRP", user.name),
                    "SOFTWARE_TOKEN_MFA_CODE": self.code(user),
                },
            )
        result: Answer = asked["AuthenticationResult"]
        return result

    def by_srp(
        self, pool: Pool, user: User, device: Device | None = None
    ) -> tuple[list[str], Answer]:
        """A sign-in by SRP through the template's client: the challenges, and the result."""
        named = device.for_pycognito() if device else {}
        srp = AWSSRP(user.name, PASSWORD, pool.id, pool.srp_client, client=self.idp, **named)
        given = srp.get_auth_params()
        asked = self.idp.initiate_auth(
            ClientId=pool.srp_client, AuthFlow="USER_SRP_AUTH", AuthParameters=given
        )
        challenges = []
        while name := asked.get("ChallengeName"):
            challenges.append(name)
            parameters = asked["ChallengeParameters"]
            if name == "PASSWORD_VERIFIER":
                answers = srp.process_challenge(parameters, given)
            elif name == "DEVICE_SRP_AUTH":
                answers = {
                    "USERNAME": parameters.get("USERNAME", user.name),
                    "DEVICE_KEY": srp.device_key,
                    "SRP_A": f"{srp.large_a_value:x}",
                }
            elif name == "DEVICE_PASSWORD_VERIFIER":
                answers = srp.process_device_challenge(parameters)
            else:
                answers = {
                    "USERNAME": parameters.get("USER_ID_FOR_SRP", user.name),
                    "SOFTWARE_TOKEN_MFA_CODE": self.code(user),
                }
            session = {"Session": asked["Session"]} if asked.get("Session") else {}
            asked = self.idp.respond_to_auth_challenge(
                ClientId=pool.srp_client, ChallengeName=name, ChallengeResponses=answers, **session
            )
        return challenges, asked["AuthenticationResult"]

    def confirm(self, tokens: Answer, **how: Any) -> Device:
        """ConfirmDevice for the new device of a sign-in."""
        offer = tokens["NewDeviceMetadata"]
        key, group_key = offer["DeviceKey"], offer["DeviceGroupKey"]
        password, verifier = generate_hash_device(group_key, key)
        answer = self.idp.confirm_device(
            AccessToken=tokens["AccessToken"],
            DeviceKey=key,
            DeviceSecretVerifierConfig=verifier,
            **({"DeviceName": "A probe"} | how),
        )
        return Device(key, group_key, password, bool(answer.get("UserConfirmationNecessary")))

    def refresh(self, pool: Pool, tokens: Answer, device_key: str | None) -> Answer:
        named = {"DEVICE_KEY": device_key} if device_key else {}
        answer = self.idp.initiate_auth(
            ClientId=pool.any_client,
            AuthFlow="REFRESH_TOKEN_AUTH",
            AuthParameters={"REFRESH_TOKEN": tokens["RefreshToken"]} | named,
        )
        result: Answer = answer["AuthenticationResult"]
        return result

    # Reading

    def listed(self, tokens: Answer) -> list[Answer]:
        devices: list[Answer] = self.idp.list_devices(AccessToken=tokens["AccessToken"])["Devices"]
        return devices

    def eventually(self, ask: Callable[[], bool]) -> bool:
        """Whether it comes true while AWS's lists catch up."""
        deadline = time.monotonic() + LAG_SECONDS
        while not (true := ask()) and time.monotonic() < deadline:
            self.pace.wait(1)
        return true


@dataclass(frozen=True)
class Device:
    """A tracked device and its secret."""

    key: str
    group_key: str
    password: str = field(repr=False)
    needs_opt_in: bool

    def for_pycognito(self) -> dict[str, str]:
        return {
            "device_key": self.key,
            "device_group_key": self.group_key,
            "device_password": self.password,
        }


def claims_of(token: str) -> Answer:
    payload = token.split(".")[1]
    claims: Answer = json.loads(base64.urlsafe_b64decode(payload + "==="))
    return claims


# Making and deleting


class Stopped(Exception):
    """The run is being ended; no further call is made."""


class Pace:
    """Keeps the calls of all probes apart, by the quotas that the account's pools share."""

    def __init__(self, calls_per_second: float) -> None:
        self.stopped = Event()
        self._apart = 1 / calls_per_second
        self._one_at_a_time = Lock()

    def before_call(self, **_: object) -> None:
        """Raises: Stopped."""
        with self._one_at_a_time:
            self.wait(self._apart)

    def wait(self, seconds: float) -> None:
        """Raises: Stopped."""
        if self.stopped.wait(seconds):
            raise Stopped


class LeftOver(Exception):
    """Pools that this run made and could not delete."""

    def __init__(self, pool_ids: Iterable[str]) -> None:
        super().__init__(f"Not deleted, delete them yourself: {', '.join(pool_ids)}")


class Run:
    """One run's pools: their names begin with its own, and no other pool is ever touched."""

    def __init__(self, admin: Any) -> None:
        self.name = f"device-bff-conformance-{secrets.token_hex(8)}"
        self.made: list[str] = []
        self._admin = admin

    def delete_all(self) -> None:
        """Also what was made by a call whose answer did not arrive.

        Raises:
            LeftOver: names the pools that it could not delete.
        """
        left = {it for it in {*self.made, *self._found()} if not self._deleted(it)}
        if left:
            raise LeftOver(sorted(left))

    def _found(self) -> list[str]:
        pages = self._admin.get_paginator("list_user_pools").paginate(MaxResults=60)
        try:
            listed = [pool for page in pages for pool in page["UserPools"]]
        except (ClientError, BotoCoreError):
            return []
        return [pool["Id"] for pool in listed if pool["Name"].startswith(self.name)]

    def _deleted(self, pool_id: str) -> bool:
        try:
            self._admin.delete_user_pool(UserPoolId=pool_id)
        except self._admin.exceptions.ResourceNotFoundException:
            return True
        except (ClientError, BotoCoreError):
            return False
        return True


@contextmanager
def pools(
    region: str, endpoint: str | None, calls_per_second: float, **credentials: str
) -> Iterator[Target]:
    """Pools of this run alone. They are deleted at the end, however that comes.

    Raises:
        LeftOver: some could not be deleted.
    """
    place: Answer = {"region_name": region, "endpoint_url": endpoint}
    limits = Config(retries={"total_max_attempts": 4}, connect_timeout=5, read_timeout=30)
    pace = Pace(calls_per_second)

    def client(config: Config, **how: Any) -> Any:
        return boto3.client("cognito-idp", **place, **how, config=limits.merge(config))

    def paced(made: Any) -> Any:
        made.meta.events.register("before-call", pace.before_call)
        return made

    run = Run(client(Config(), **credentials))
    try:
        yield Target(
            lambda config: paced(client(config.merge(Config(signature_version=UNSIGNED)))),
            paced(client(Config(), **credentials)),
            run,
            pace,
            partial(_key_set, endpoint),
        )
    finally:
        ignore_signals()  # deleting takes a moment
        run.delete_all()


def ignore_signals() -> None:
    """Ctrl-C and SIGTERM do nothing from here on."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


def _key_set(endpoint: str | None, issuer: str) -> requests.Response:
    """Where the keys of an issuer are; the local Cognito has them under its own address."""
    host, pool_id = issuer.removeprefix("https://").split("/")
    updated = "issuer-cognito-idp/" if host.startswith("issuer-") else ""
    base = f"{endpoint}/{updated}{pool_id}" if endpoint else issuer
    return requests.get(f"{base}/.well-known/jwks.json", timeout=10)
