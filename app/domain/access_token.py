"""A verified Cognito access token."""

from dataclasses import dataclass, field

DEVICES_SCOPE = "aws.cognito.signin.user.admin"
"""The scope that Cognito's device operations ask for; a Hosted UI token may lack it."""
SCOPE_LACKING = (
    f"The access token lacks the scope {DEVICES_SCOPE}. Ask for it when the user signs in."
)
"""What such a token's caller is told, whether we find it out or Cognito does."""


@dataclass(frozen=True)
class AccessToken:
    """Who calls, as Cognito signed it (Developer Guide, "Understanding the access token").

    `device_key` is the device that signed in; None on federated and Hosted UI sign-ins and where
    the pool tracks no devices. It outlives the device. `expires_at` is in epoch seconds.
    `value` is the token itself, for Cognito alone.
    """

    sub: str
    client_id: str
    device_key: str | None
    expires_at: int
    value: str = field(default="", repr=False)
