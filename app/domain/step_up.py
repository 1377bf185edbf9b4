"""How recently, and how, somebody must have signed in for calls that raise trust or act on others.

RFC 9470 (OAuth 2.0 Step Up Authentication Challenge). `auth_time` and `acr` are claims of Cognito's
access tokens (Developer Guide, "Step-up authentication"); a refresh keeps them.
"""

import time

import structlog

from app.domain.access_token import AccessToken
from app.domain.errors import ErrorCode, ServiceError
from app.domain.operations import Operation, StepUpRule

logger = structlog.get_logger(__name__)


class StepUp:
    """Asks for a recent or a strong sign-in where an operation's row says so.

    `max_age`: seconds since the user signed in; None asks for none. `acr_values`: the `acr` values
    that are strong enough; empty asks for none.
    """

    def __init__(self, max_age: int | None = None, acr_values: tuple[str, ...] = ()) -> None:
        self._max_age = max_age
        self._acr_values = acr_values

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
        applies = {
            StepUpRule.ALWAYS: True,
            StepUpRule.ANOTHER_DEVICE: another_device,
            StepUpRule.REMEMBERING: remembering,
        }
        lacks = self._lacks(token) if any(applies[it] for it in operation.step_up) else []
        if not lacks:
            return
        logger.info("step_up_required", operation=operation.name, lacks=lacks)
        asks: dict[str, object] = {}
        if self._max_age is not None:
            asks["maxAge"] = self._max_age
        if self._acr_values:
            asks["acrValues"] = self._acr_values
        raise ServiceError(ErrorCode.REAUTHENTICATION_REQUIRED, members=asks)

    def _lacks(self, token: AccessToken) -> list[str]:
        """What the token lacks: a claim, or a better one. A pool whose tokens have no such claim
        yet does not suffice."""
        lacks = []
        if self._max_age is not None:
            if token.auth_time is None:
                lacks.append("auth_time")
            elif abs(time.time() - token.auth_time) > self._max_age:
                lacks.append("a sign-in that is recent enough")
        if self._acr_values:
            if token.acr is None:
                lacks.append("acr")
            elif token.acr not in self._acr_values:
                lacks.append("an acr that is strong enough")
        return lacks
