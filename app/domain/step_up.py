"""How recently, and how, somebody must have signed in for calls that raise trust or act on others.

RFC 9470 (OAuth 2.0 Step Up Authentication Challenge). `auth_time` and `acr` are claims of Cognito's
access tokens (Developer Guide, "Step-up authentication"); a refresh keeps them.
"""

import time

import structlog

from app.domain.access_token import AccessToken
from app.domain.errors import ErrorCode, ServiceError

logger = structlog.get_logger(__name__)


class StepUp:
    """`max_age`: seconds since the user signed in; None asks for none. `acr_values`: the `acr`
    values that are strong enough; empty asks for none."""

    def __init__(self, max_age: int | None = None, acr_values: tuple[str, ...] = ()) -> None:
        self._max_age = max_age
        self._acr_values = acr_values

    def require(self, token: AccessToken) -> None:
        """Let the call pass, or not. A pool whose tokens have no such claim yet does not suffice.

        Raises:
            ServiceError: `reauthentication-required`, with what is asked for.
        """
        asks: dict[str, object] = {}
        lacks = []
        if self._max_age is not None:
            asks["maxAge"] = self._max_age
            if token.auth_time is None or time.time() - token.auth_time > self._max_age:
                lacks.append("auth_time")
        if self._acr_values:
            asks["acrValues"] = self._acr_values
            if token.acr not in self._acr_values:
                lacks.append("acr")
        if lacks:
            logger.info("step_up_required", lacks=lacks)
            raise ServiceError(ErrorCode.REAUTHENTICATION_REQUIRED, members=asks)
