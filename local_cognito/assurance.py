"""How strongly somebody has signed in: the claims `acr` and `amr`, and TARGET_ACR_VALUES.

Sources: botocore's model (AuthParameters of InitiateAuth, AcrConfigurationType) and the Developer
Guide, "Authentication levels with ACR and AMR claims". Not documented, and chosen here: a target
level asks for its code from a remembered device as well; a level above the target reaches it;
MAX_AGE without a target changes nothing; a sign-in by CUSTOM_AUTH alone has neither claim.
"""

from __future__ import annotations

import time

from moto.cognitoidp.models import CognitoIdpUser

from local_cognito import factors
from local_cognito.challenges import StepUp
from local_cognito.errors import CognitoError, invalid_parameter
from local_cognito.factors import EMAIL, SMS, TOTP
from local_cognito.parameters import Params
from local_cognito.pools import TrackedUserPool
from local_cognito.tokens import TokenFamily

METHODS = {TOTP: "otp", SMS: "sms", EMAIL: "email_otp"}
"""Second factor → its word in `amr`. A password is `pwd`; a device has no word."""
PASSWORD = "pwd"
FACTORS_OF_LEVEL: dict[int, tuple[str, ...]] = {1: (), 3: (SMS, EMAIL), 4: (TOTP,)}
"""What must be shown after the password. Level 2, a code alone, is not offered here."""


def methods_of(pool: TrackedUserPool, user: CognitoIdpUser) -> frozenset[str]:
    """What a whole sign-in of this user shows: a password, and the first factor that is asked."""
    asked = factors.asked_of(pool, user)
    return frozenset((PASSWORD, METHODS[asked[0]]) if asked else (PASSWORD,))


def asked_for(pool: TrackedUserPool, given: Params, earlier: TokenFamily | None) -> StepUp | None:
    """TARGET_ACR_VALUES, MAX_AGE and ACCESS_TOKEN; None without a target.

    Raises InvalidParameterException: no target is one of the pool's, MAX_AGE is no number, or the
    token comes without a target; FeatureUnavailableInTierException on a Lite pool.
    """
    target = given.get("TARGET_ACR_VALUES")
    if target is None:
        if earlier is not None:
            raise invalid_parameter("ACCESS_TOKEN requires TARGET_ACR_VALUES.")
        return None
    if pool.config.get("UserPoolTier") == "LITE":
        raise CognitoError(
            "FeatureUnavailableInTierException",
            "Step-up authentication is not available in the user pool's feature plan.",
        )
    named = {name: level for level, name in pool.acr_names.items()}
    levels = tuple(named[name] for name in target.split() if name in named)
    if not levels:
        raise invalid_parameter("TARGET_ACR_VALUES has no level of the user pool.")
    max_age = given.get("MAX_AGE")
    if max_age is not None and not (max_age.isascii() and max_age.isdigit()):
        raise invalid_parameter("MAX_AGE must be a whole number of seconds.")
    if earlier and max_age and time.time() - earlier.auth_time > int(max_age):
        earlier = None
    return StepUp(levels, earlier)


def factors_towards(
    levels: tuple[int, ...], ready: list[str], methods: frozenset[str]
) -> list[str]:
    """The factors to choose from for the best level that is in reach; empty when none is needed."""
    reached = max(
        level
        for level, factors in FACTORS_OF_LEVEL.items()
        if not factors or any(METHODS[one] in methods for one in factors)
    )
    for level in levels:
        if level <= reached:
            return []
        if usable := [one for one in FACTORS_OF_LEVEL.get(level, ()) if one in ready]:
            return usable
    return []
