"""The words of the contract that belong to no single call."""

from pathlib import Path

from app.domain.errors import USER_ADMIN_SCOPE
from app.domain.operations import StepUpRule

TITLE = "Device BFF"
SUMMARY = "A signed-in user's devices and sessions in Amazon Cognito, for any frontend."

DESCRIPTION = Path(__file__).with_name("introduction.md").read_text()

TAGS = [
    {"name": "devices", "description": "The devices of the user whose access token is sent."},
    {"name": "sessions", "description": "The places where that user is signed in."},
    {"name": "health", "description": "For those who run the service, and their load balancers."},
]

ACCESS_TOKEN = "accessToken"  # noqa: S105
SECURITY_SCHEME = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "JWT",
    "description": f"The user's Cognito access token, with the scope `{USER_ADMIN_SCOPE}`.",
}

STEP_UP_ASKED = (
    "Where the operator has set it (`STEP_UP_MAX_AGE`, `STEP_UP_ACR`), this asks for a recent or "
    "strong sign-in"
)
STEP_UP = {
    StepUpRule.ALWAYS: "each time",
    StepUpRule.ANOTHER_DEVICE: "for another device than this one",
    StepUpRule.REMEMBERING: "for `remembered`",
}

INSUFFICIENT_SCOPE = "WWW-Authenticate-Scope"
"""The header component for WWW-Authenticate where only one code of a status sends it."""

OF_USER_CALLS = ("Cache-Control", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
