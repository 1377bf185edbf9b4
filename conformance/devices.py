"""Devices: tracked, remembered, not remembered, forgotten."""

from __future__ import annotations

import re

from conformance.probe import names, probe, refusal, scrubbed, yes
from conformance.target import Answer, Pool, Target

GONE = "ResourceNotFoundException: Device does not exist."
INVALID = re.compile(r"InvalidParameterException: .*", re.DOTALL)


def _attributes(device: Answer) -> list[str]:
    return [one["Name"] for one in device["DeviceAttributes"]]


def _admin(target: Target, pool: Pool, user_name: str, device_key: str) -> Answer:
    return {"UserPoolId": pool.id, "Username": user_name, "DeviceKey": device_key}


@probe(
    "device-offered",
    "A sign-in without DEVICE_KEY has NewDeviceMetadata with DeviceKey and DeviceGroupKey.",
    "aws-cli initiate-auth.rst; amplify-js 7615",
    "DeviceGroupKey, DeviceKey",
)
def offered(target: Target) -> str:
    tokens = target.by_password(target.always, target.user(target.always))
    return names(tokens["NewDeviceMetadata"])


@probe(
    "device-not-listed-before-confirm",
    "A device that was only offered is not listed.",
    "Developer Guide, Working with user devices",
    "0",
)
def not_listed(target: Target) -> str:
    return str(len(target.listed(target.by_password(target.always, target.user(target.always)))))


@probe(
    "device-attributes-of-user",
    "By the user's token a device has device_status, device_name and last_ip_used, and no dev:*.",
    "API reference, ListDevices; amplify-js 12171",
    "device_name, device_status, last_ip_used",
)
def attributes_of_user(target: Target) -> str:
    tokens = target.by_password(target.always, target.user(target.always))
    target.confirm(tokens)
    return names(_attributes(target.listed(tokens)[0]))


@probe(
    "device-members",
    "A device has its key, three dates and attributes.",
    "API reference, DeviceType",
    "DeviceAttributes, DeviceCreateDate, DeviceKey, DeviceLastAuthenticatedDate, "
    "DeviceLastModifiedDate",
)
def members(target: Target) -> str:
    tokens = target.by_password(target.always, target.user(target.always))
    key = target.confirm(tokens).key
    device = target.idp.get_device(AccessToken=tokens["AccessToken"], DeviceKey=key)["Device"]
    return names(device)


@probe(
    "device-attributes-of-admin",
    "AdminGetDevice adds dev:device_arn, dev:device_owner, dev:device_remembered_status, "
    "dev:device_sdk.",
    "API reference, AdminGetDevice",
    re.compile(
        r"dev:device_arn, dev:device_owner, dev:device_remembered_status, dev:device_sdk, "
        r"device_name, device_status, last_ip_used remembered"
    ),
)
def attributes_of_admin(target: Target) -> str:
    user = target.user(target.always)
    key = target.confirm(target.by_password(target.always, user)).key
    device = target.admin.admin_get_device(**_admin(target, target.always, user.name, key))
    told = {one["Name"]: one["Value"] for one in device["Device"]["DeviceAttributes"]}
    return f"{names(told)} {told.get('dev:device_remembered_status')}"


@probe(
    "device-opt-in",
    "In an opt-in pool ConfirmDevice wants the user's word; until then the user sees no device, "
    "and an administrator does.",
    "Android SDK, testRememberDevice; amplify-js 12171",
    f"asks: yes; listed: 0; {GONE}; administrator: not_remembered",
)
def opt_in(target: Target) -> str:
    user = target.user(target.opt_in)
    tokens = target.by_password(target.opt_in, user)
    device = target.confirm(tokens)
    listed = len(target.listed(tokens))
    mine = {"AccessToken": tokens["AccessToken"], "DeviceKey": device.key}
    seen = refusal(target.idp.get_device, **mine)
    by_admin = target.admin.admin_get_device(**_admin(target, target.opt_in, user.name, device.key))
    told = {one["Name"]: one["Value"] for one in by_admin["Device"]["DeviceAttributes"]}
    status = told.get("dev:device_remembered_status")
    asks = yes(device.needs_opt_in)
    return f"asks: {asks}; listed: {listed}; {seen}; administrator: {status}"


@probe(
    "device-always",
    "In an always pool a confirmed device is remembered at once.",
    "API reference, DeviceConfigurationType",
    "asks: no; listed: 1",
)
def always(target: Target) -> str:
    tokens = target.by_password(target.always, target.user(target.always))
    device = target.confirm(tokens)
    return f"asks: {yes(device.needs_opt_in)}; listed: {len(target.listed(tokens))}"


@probe(
    "device-status-round-trip",
    "A device goes from remembered to not_remembered and back.",
    "Android SDK, testRememberDevice",
    "1, 0, 1",
)
def round_trip(target: Target) -> str:
    tokens = target.by_password(target.always, target.user(target.always))
    mine = {"AccessToken": tokens["AccessToken"], "DeviceKey": target.confirm(tokens).key}
    listed = [len(target.listed(tokens))]
    for status in ("not_remembered", "remembered"):
        target.idp.update_device_status(**mine, DeviceRememberedStatus=status)
        listed.append(len(target.listed(tokens)))
    return ", ".join(map(str, listed))


@probe(
    "device-confirmed-twice",
    "A second ConfirmDevice of one key is DeviceKeyExistsException.",
    "botocore model",
    re.compile(r"DeviceKeyExistsException: .*"),
)
def confirmed_twice(target: Target) -> str:
    tokens = target.by_password(target.always, target.user(target.always))
    target.confirm(tokens)
    return refusal(lambda: target.confirm(tokens))


@probe(
    "device-key-of-another",
    "ConfirmDevice with a key that this sign-in was not given is refused.",
    "amplify-js 7615, 4047",
    "InvalidParameterException: Invalid device key given.",
)
def key_of_another(target: Target) -> str:
    mine, theirs = (target.by_password(target.always, target.user(target.always)) for _ in "ab")
    mine["NewDeviceMetadata"] = theirs["NewDeviceMetadata"]
    return refusal(lambda: target.confirm(mine))


@probe(
    "device-name-length",
    "DeviceName has 1 to 1024 characters.",
    "botocore model, DeviceNameType",
    re.compile(r"1024: no error; 1025: InvalidParameterException: .*", re.DOTALL),
)
def name_length(target: Target) -> str:
    pool = target.always
    long, too_long = (target.by_password(pool, target.user(pool)) for _ in "ab")
    fits = refusal(lambda: target.confirm(long, DeviceName="x" * 1024))
    refused = refusal(lambda: target.confirm(too_long, DeviceName="x" * 1025))
    return f"1024: {fits}; 1025: {refused}"


@probe(
    "device-forgotten",
    "After ForgetDevice, GetDevice, UpdateDeviceStatus and ForgetDevice are Device does not exist.",
    "Android SDK, testForgetDevice",
    f"{GONE} {GONE} {GONE}",
)
def forgotten(target: Target) -> str:
    tokens = target.by_password(target.always, target.user(target.always))
    mine = {"AccessToken": tokens["AccessToken"], "DeviceKey": target.confirm(tokens).key}
    target.idp.forget_device(**mine)
    return " ".join(
        (
            refusal(target.idp.get_device, **mine),
            refusal(target.idp.update_device_status, **mine, DeviceRememberedStatus="remembered"),
            refusal(target.idp.forget_device, **mine),
        )
    )


@probe(
    "device-forgotten-by-admin",
    "AdminForgetDevice forgets the user's device as well.",
    "botocore model",
    "0",
)
def forgotten_by_admin(target: Target) -> str:
    user = target.user(target.always)
    tokens = target.by_password(target.always, user)
    key = target.confirm(tokens).key
    target.admin.admin_forget_device(**_admin(target, target.always, user.name, key))
    return str(len(target.listed(tokens)))


@probe(
    "device-limit",
    "ListDevices takes a Limit from 0 to 60.",
    "botocore model, QueryLimitType",
    re.compile(r"60: no error; 61: InvalidParameterException: .*", re.DOTALL),
)
def limit(target: Target) -> str:
    token = target.by_password(target.always, target.user(target.always))["AccessToken"]
    answers = (refusal(target.idp.list_devices, AccessToken=token, Limit=it) for it in (60, 61))
    return "60: {}; 61: {}".format(*answers)


@probe(
    "device-cursor",
    "A PaginationToken leads to the rest, and one that is made up is refused.",
    "botocore model, SearchPaginationTokenType",
    re.compile(r"pages: 1, 1, 0?; made up: InvalidParameterException: .*", re.DOTALL),
    re.compile(r"pages: 1, 1; made up: InvalidParameterException: .*", re.DOTALL),
    undocumented=True,
)
def cursor(target: Target) -> str:
    """Whether the last page has a cursor to an empty one is not documented."""
    user = target.user(target.always)
    for _ in range(2):
        tokens = target.by_password(target.always, user)
        target.confirm(tokens)
    pages: list[str] = []
    where: Answer = {}
    while len(pages) < 4:
        page = target.idp.list_devices(AccessToken=tokens["AccessToken"], Limit=1, **where)
        pages.append(str(len(page["Devices"])))
        if not page.get("PaginationToken"):
            break
        where = {"PaginationToken": page["PaginationToken"]}
    made_up = refusal(
        target.idp.list_devices, AccessToken=tokens["AccessToken"], PaginationToken="made-up"
    )
    return f"pages: {', '.join(pages)}; made up: {made_up}"


@probe(
    "device-cursor-length",
    "A cursor fits a URL.",
    "not documented; our own addresses take 8,000 characters",
    re.compile(r"[1-9]\d{0,2}|[1-6]\d{3}"),
    undocumented=True,
)
def cursor_length(target: Target) -> str:
    user = target.user(target.always)
    for _ in range(2):
        tokens = target.by_password(target.always, user)
        target.confirm(tokens)
    page = target.idp.list_devices(AccessToken=tokens["AccessToken"], Limit=1)
    return str(len(page.get("PaginationToken", "")))


@probe(
    "device-odd-salt",
    "ConfirmDevice takes base64 without its padding, as AWS's own example has it.",
    "API reference, ConfirmDevice",
    "no error",
)
def without_padding(target: Target) -> str:
    tokens = target.by_password(target.always, target.user(target.always))
    offer = tokens["NewDeviceMetadata"]
    return scrubbed(
        refusal(
            target.idp.confirm_device,
            AccessToken=tokens["AccessToken"],
            DeviceKey=offer["DeviceKey"],
            DeviceSecretVerifierConfig={"PasswordVerifier": "VgAAAAE", "Salt": "c2FsdHNhbHQ"},
        )
    )
