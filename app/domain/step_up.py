"""How recently, and how, somebody must have signed in for calls that raise trust or act on others.

RFC 9470 (OAuth 2.0 Step Up Authentication Challenge). `auth_time` and `acr` are claims of Cognito's
access tokens (Developer Guide, "Step-up authentication"); a refresh keeps them.
"""

import time
from collections.abc import Callable

import structlog

from app.domain.access_token import AccessToken
from app.domain.errors import ErrorCode, ServiceError
from app.domain.operations import Operation, StepUpRule

logger = structlog.get_logger(__name__)


class StepUp:
    """Asks for a recent or a strong sign-in where an operation's row says so.

    `max_age`: seconds since the user signed in; None asks for none. `acr_values`: the `acr` values
    that are strong enough; empty asks for none. `clock`: epoch seconds; tests may pass their own.
    """

    def __init__(
        self,
        max_age: int | None = None,
        acr_values: tuple[str, ...] = (),
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._max_age = max_age
        self._acr_values = acr_values
        self._clock = clock

    def require(
        self,
        operation: Operation,
        token: AccessToken,
        *,
        another_device: bool = False,
        remembering: bool = False,
    ) -> None:
        """Let the call pass, or not, by the rules of `operation`.

        Raises:
            ServiceError: `reauthentication-required`, with what is asked for.
        """
        asked = StepUpRule.ALWAYS in operation.step_up
        asked |= another_device and StepUpRule.ANOTHER_DEVICE in operation.step_up
        asked |= remembering and StepUpRule.REMEMBERING in operation.step_up
        lacks = self._lacks(token) if asked else None
        if lacks is None:
            return
        logger.info("step_up_required", operation=operation.name, lacks=lacks)
        asks: dict[str, object] = {}
        if self._max_age is not None:
            asks["maxAge"] = self._max_age
        if self._acr_values:
            asks["acrValues"] = list(self._acr_values)
        raise ServiceError(ErrorCode.REAUTHENTICATION_REQUIRED, members=asks)

    def _lacks(self, token: AccessToken) -> str | None:
        """What the token lacks. A pool whose tokens have no such claim yet does not suffice."""
        if self._max_age is not None:
            if token.auth_time is None:
                return "auth_time"
            if self._clock() - token.auth_time > self._max_age:
                return "a sign-in that is recent enough"
        if self._acr_values and token.acr not in self._acr_values:
            return "acr" if token.acr is None else "an acr that is strong enough"
        return None
