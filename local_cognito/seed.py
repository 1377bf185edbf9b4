"""What every start and every reset begins with, under names that never change.

Three pools, one for each setting of device tracking, each with a public client, a user with TOTP
(``demo``) and one without (``demo2``). Scripts and tests import these names. The passwords and TOTP
secrets are public on purpose: only this machine reaches what they open.

A TOTP code is good once. Three codes are good at any moment: those of now, of the step before and
of the step after. ``POST /_local/totp`` tells one that is not used yet. ``POST /_local/sign-in``
needs none, and with ``track: false`` it leaves the new device to be tracked by its caller.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass

REGION = "us-east-1"
ACCOUNT_ID = "123456789012"

# Devices are remembered as soon as they are confirmed; a remembered device skips TOTP.
ALWAYS_POOL_ID = f"{REGION}_Always001"
ALWAYS_CLIENT_ID = "1alwaysclient0000000000001"
# A second client of the same pool: its tokens are valid, and meant for somebody else.
OTHER_CLIENT_ID = "1alwaysclient0000000000002"

# Devices are tracked when confirmed, and remembered when the user says so.
OPT_IN_POOL_ID = f"{REGION}_OptIn0001"
OPT_IN_CLIENT_ID = "2optinclient00000000000001"

# No device tracking at all.
NO_DEVICES_POOL_ID = f"{REGION}_NoDevices"
NO_DEVICES_CLIENT_ID = "3nodevicesclient0000000001"

# The names for callers that do not care which pool.
POOL_ID = ALWAYS_POOL_ID
CLIENT_ID = ALWAYS_CLIENT_ID

DEMO_USERNAME = "demo"
DEMO_PASSWORD = "Demo-Passw0rd!"
# Base32, as an authenticator app takes it.
DEMO_TOTP_SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"

DEMO2_USERNAME = "demo2"
DEMO2_PASSWORD = "Demo2-Passw0rd!"

AUTH_FLOWS = [
    "ALLOW_ADMIN_USER_PASSWORD_AUTH",
    "ALLOW_CUSTOM_AUTH",
    "ALLOW_USER_AUTH",
    "ALLOW_USER_PASSWORD_AUTH",
    "ALLOW_USER_SRP_AUTH",
    "ALLOW_REFRESH_TOKEN_AUTH",
]


# Sessions are tracked in every seed pool, and as many as Cognito allows: one sign-in more ends the
# tokens of the least recently used.
MAX_SESSIONS_PER_USER = 100


@dataclass(frozen=True)
class SeedPool:
    """A pool as it is at the start: its settings, and its clients by id and name."""

    id: str
    name: str
    clients: dict[str, str]
    device_configuration: dict[str, bool] | None


POOLS = (
    SeedPool(
        ALWAYS_POOL_ID,
        "always",
        {ALWAYS_CLIENT_ID: "always-web", OTHER_CLIENT_ID: "always-other"},
        {"ChallengeRequiredOnNewDevice": True, "DeviceOnlyRememberedOnUserPrompt": False},
    ),
    SeedPool(
        OPT_IN_POOL_ID,
        "opt-in",
        {OPT_IN_CLIENT_ID: "opt-in-web"},
        {"ChallengeRequiredOnNewDevice": True, "DeviceOnlyRememberedOnUserPrompt": True},
    ),
    SeedPool(NO_DEVICES_POOL_ID, "no-devices", {NO_DEVICES_CLIENT_ID: "no-devices-web"}, None),
)


@dataclass(frozen=True)
class SeedUser:
    """A confirmed user of every seed pool; one with a ``totp_secret`` prefers TOTP."""

    username: str
    password: str
    totp_secret: str | None

    def sub(self, pool_id: str) -> str:
        """The same in every run, so that a script can know it."""
        return str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{self.username}.{pool_id}"))


USERS = (
    SeedUser(DEMO_USERNAME, DEMO_PASSWORD, DEMO_TOTP_SECRET),
    SeedUser(DEMO2_USERNAME, DEMO2_PASSWORD, None),
)
