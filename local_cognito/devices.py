"""Devices: offered by a sign-in, confirmed, listed, remembered, forgotten.

The user's own ListDevices and GetDevice know remembered devices only, and tell nothing of `dev:*`.
An administrator's forms know every tracked device, as UpdateDeviceStatus and ForgetDevice do
(`docs/cognito.md`).
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import secrets
import string
import time
import uuid
from typing import Any

from moto.cognitoidp.models import CognitoIdpUser

from local_cognito import srp
from local_cognito.errors import (
    CognitoError,
    invalid_parameter,
    no_device_tracking,
    no_such_device,
    no_such_user,
    not_found,
)
from local_cognito.parameters import Params, required
from local_cognito.pools import Device, DeviceOffer, Pools, SignedIn, TrackedUserPool
from local_cognito.tokens import TokenFamily

MAX_PAGE = 60
PAGE_TOKEN_SECONDS = 3600
MAX_SALT_BYTES = 64
GROUP_KEY_ALPHABET = string.ascii_letters + string.digits


def find_device(pool: TrackedUserPool, sub: str, device_key: str) -> Device | None:
    """A tracked device of that user, remembered or not."""
    return pool.devices_by_owner.get(sub, {}).get(device_key)


def authenticated(device: Device, caller_ip: str) -> None:
    """The device has just signed in or refreshed, from that address."""
    device.authenticated = time.time()
    device.last_ip = caller_ip


def offer_device(
    pool: TrackedUserPool,
    client_id: str,
    user: CognitoIdpUser,
    methods: frozenset[str],
    *,
    confirmable: bool = True,
) -> tuple[TokenFamily, dict[str, str]]:
    """Opens the tokens of a sign-in from a device not seen before, and its NewDeviceMetadata.

    Not `confirmable`: ConfirmDevice will say "Invalid device key given." (amplify-js 7615).
    """
    device_key = f"{pool.region}_{uuid.uuid4()}"
    group_key = "-" + "".join(secrets.choice(GROUP_KEY_ALPHABET) for _ in range(8))
    family = pool.open_family(client_id, user, methods, device_key)
    if confirmable:
        with pool.lock:
            pool.device_offers[device_key] = DeviceOffer(group_key, family.origin_jti)
    return family, {"DeviceKey": device_key, "DeviceGroupKey": group_key}


def track(
    pool: TrackedUserPool,
    family: TokenFamily,
    device_key: str,
    *,
    salt: int,
    verifier: int,
    name: str | None,
    caller_ip: str,
) -> Device:
    """Turns the offer that this sign-in was given into a tracked device.

    Raises DeviceKeyExistsException when the device is tracked already, and
    InvalidParameterException for a key that this sign-in was not offered (boto3 4059, amplify-js
    2087).
    """
    with pool.lock:
        devices = pool.devices_by_owner.setdefault(family.sub, {})
        if device_key in devices:
            raise CognitoError("DeviceKeyExistsException", "Device already exists.")
        offer = pool.device_offers.get(device_key)
        if offer is None or offer.origin_jti != family.origin_jti:
            raise invalid_parameter("Invalid device key given.")
        del pool.device_offers[device_key]
        pool.devices_ever += 1
        device = Device(
            key=device_key,
            group_key=offer.group_key,
            owner_sub=family.sub,
            salt=salt,
            verifier=verifier,
            name=name,
            remembered=not _opt_in(pool),
            last_ip=caller_ip,
            created=time.time(),
            sequence=pool.devices_ever,
        )
        devices[device_key] = device
    return device


def set_remembered(pool: TrackedUserPool, device: Device, remembered: bool) -> None:
    with pool.lock:
        device.remembered = remembered
        device.modified = time.time()


def _opt_in(pool: TrackedUserPool) -> bool:
    return bool((pool.device_configuration or {}).get("DeviceOnlyRememberedOnUserPrompt"))


class DeviceOperations:
    """The user's own device operations, by access token, and an administrator's, by user name."""

    def __init__(self, pools: Pools) -> None:
        self._pools = pools
        # New in every process and at every reset: a page token outlives neither.
        self._page_key = secrets.token_bytes(32)

    # By access token

    def confirm_device(self, params: Params, caller_ip: str) -> Params:
        signed_in = self._owner(params)
        salt, verifier = _secret_verifier(params.get("DeviceSecretVerifierConfig"))
        track(
            signed_in.pool,
            signed_in.family,
            params["DeviceKey"],
            salt=salt,
            verifier=verifier,
            name=params.get("DeviceName"),
            caller_ip=caller_ip,
        )
        return {"UserConfirmationNecessary": _opt_in(signed_in.pool)}

    def get_device(self, params: Params, caller_ip: str) -> Params:
        signed_in = self._owner(params)
        device = _tracked(signed_in.pool, signed_in.user, params)
        if not device.remembered:
            raise no_such_device()
        return {"Device": as_told_to_the_user(device)}

    def list_devices(self, params: Params, caller_ip: str) -> Params:
        signed_in = self._owner(params)
        devices = [one for one in _devices_of(signed_in.pool, signed_in.user) if one.remembered]
        page, page_token = self._page(signed_in.user, devices, params)
        return {"Devices": [as_told_to_the_user(device) for device in page]} | page_token

    def update_device_status(self, params: Params, caller_ip: str) -> Params:
        signed_in = self._owner(params)
        return _update(signed_in.pool, signed_in.user, params)

    def forget_device(self, params: Params, caller_ip: str) -> None:
        signed_in = self._owner(params)
        _forget(signed_in.pool, signed_in.user, params)

    # By an administrator

    # The models of the first two have no UserNotFoundException.

    def admin_get_device(self, params: Params, caller_ip: str) -> Params:
        pool, user = self._named(params, not_found("User does not exist."))
        return {"Device": as_told_to_an_administrator(pool, user, _tracked(pool, user, params))}

    def admin_list_devices(self, params: Params, caller_ip: str) -> Params:
        pool, user = self._named(params, not_found("User does not exist."))
        page, page_token = self._page(user, _devices_of(pool, user), params)
        devices = [as_told_to_an_administrator(pool, user, device) for device in page]
        return {"Devices": devices} | page_token

    def admin_update_device_status(self, params: Params, caller_ip: str) -> Params:
        return _update(*self._named(params), params)

    def admin_forget_device(self, params: Params, caller_ip: str) -> None:
        _forget(*self._named(params), params)

    # What both do

    def _owner(self, params: Params) -> SignedIn:
        signed_in = self._pools.signed_in(required(params, "AccessToken"))
        if signed_in.pool.device_configuration is None:
            raise no_device_tracking()
        return signed_in

    def _named(
        self, params: Params, no_user: CognitoError | None = None
    ) -> tuple[TrackedUserPool, CognitoIdpUser]:
        pool = self._pools.pool(params["UserPoolId"])
        user = pool.find_user(params["Username"])
        if user is None:
            raise no_user or no_such_user()
        if pool.device_configuration is None:
            raise no_device_tracking()
        return pool, user

    def _page(
        self, user: CognitoIdpUser, devices: list[Device], params: Params
    ) -> tuple[list[Device], Params]:
        """The page that `params` ask for, and PaginationToken where another one follows."""
        limit = params.get("Limit") or MAX_PAGE
        after = self._read_page_token(user, params.get("PaginationToken"))
        following = [device for device in devices if device.sequence > after]
        page = following[:limit]
        if len(following) <= limit:
            return page, {}
        return page, {"PaginationToken": self._page_token(user, page[-1].sequence)}

    # Page tokens name the last device seen by its sequence number, so that forgetting devices
    # between two pages moves nothing; they are signed for one user.

    def _page_token(self, user: CognitoIdpUser, sequence: int) -> str:
        content = json.dumps([sequence, int(time.time())]).encode()
        return base64.urlsafe_b64encode(content + self._page_signature(user, content)).decode()

    def _page_signature(self, user: CognitoIdpUser, content: bytes) -> bytes:
        return hmac.digest(self._page_key, user.id.encode() + content, "sha256")

    def _read_page_token(self, user: CognitoIdpUser, token: str | None) -> int:
        if token is None:
            return 0
        refused = invalid_parameter("Invalid pagination token.")
        try:
            raw = base64.b64decode(token, altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raise refused from None
        content, signature = raw[:-32], raw[-32:]
        if not hmac.compare_digest(self._page_signature(user, content), signature):
            raise refused
        sequence, made_at = json.loads(content)
        if time.time() - made_at > PAGE_TOKEN_SECONDS:
            raise refused
        return int(sequence)


def _devices_of(pool: TrackedUserPool, user: CognitoIdpUser) -> list[Device]:
    with pool.lock:
        return list(pool.devices_by_owner.get(user.id, {}).values())


def _tracked(pool: TrackedUserPool, user: CognitoIdpUser, params: Params) -> Device:
    device = find_device(pool, user.id, params["DeviceKey"])
    if device is None:
        raise no_such_device()
    return device


def _update(pool: TrackedUserPool, user: CognitoIdpUser, params: Params) -> Params:
    device = _tracked(pool, user, params)
    status = required(params, "DeviceRememberedStatus")
    set_remembered(pool, device, status == "remembered")
    return {}


def _forget(pool: TrackedUserPool, user: CognitoIdpUser, params: Params) -> None:
    with pool.lock:
        if pool.devices_by_owner.get(user.id, {}).pop(params["DeviceKey"], None) is None:
            raise no_such_device()


def _secret_verifier(config: dict[str, str] | None) -> tuple[int, int]:
    """Salt and verifier of DeviceSecretVerifierConfig, out of base64.

    The verifier must be a number of the group, or DEVICE_SRP_AUTH could never succeed with it.
    """
    if not config or not config.get("PasswordVerifier") or not config.get("Salt"):
        raise invalid_parameter("Missing required parameter DeviceSecretVerifierConfig")
    salt = _decoded(config["Salt"], "Salt")
    verifier = int.from_bytes(_decoded(config["PasswordVerifier"], "PasswordVerifier"), "big")
    if len(salt) > MAX_SALT_BYTES:
        raise invalid_parameter("Invalid Salt given.")
    if not 1 < verifier < srp.N:
        raise invalid_parameter("Invalid PasswordVerifier given.")
    return int.from_bytes(salt, "big"), verifier


def _decoded(text: str, name: str) -> bytes:
    """Cognito takes base64 with and without its padding."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise invalid_parameter(f"Invalid {name} given.") from None


def as_told_to_the_user(device: Device) -> dict[str, Any]:
    """A DeviceType without any `dev:*` attribute: whatever a user is told of is remembered."""
    return _device_type(
        device,
        {
            "device_status": "valid",
            "device_name": device.name,
            "last_ip_used": device.last_ip,
        },
    )


def as_told_to_an_administrator(
    pool: TrackedUserPool, user: CognitoIdpUser, device: Device
) -> dict[str, Any]:
    """A DeviceType with the attributes of AWS's examples of the Admin calls."""
    owner = f"{user.username}.{pool.id}"
    arn = f"arn:aws:cognito-idp:{pool.region}:{pool.account_id}:owner/{owner}/device/{device.key}"
    return _device_type(
        device,
        {
            "device_status": "valid",
            "device_name": device.name,
            "dev:device_arn": arn,
            "dev:device_owner": owner,
            "last_ip_used": device.last_ip,
            "dev:device_remembered_status": "remembered" if device.remembered else "not_remembered",
            "dev:device_sdk": "aws-sdk",
        },
    )


def _device_type(device: Device, attributes: dict[str, str | None]) -> dict[str, Any]:
    return {
        "DeviceKey": device.key,
        "DeviceAttributes": [
            {"Name": name, "Value": value}
            for name, value in attributes.items()
            if value is not None
        ],
        "DeviceCreateDate": round(device.created, 3),
        "DeviceLastModifiedDate": round(device.modified, 3),
        "DeviceLastAuthenticatedDate": int(device.authenticated),
    }
