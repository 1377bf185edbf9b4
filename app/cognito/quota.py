"""Our share of Cognito's request quotas, kept so that one caller cannot burn the account's.

Quotas are per AWS account and region, over all its pools (Cognito Developer Guide, "Quotas"): reads
and updates of user resources are counted apart. With Redis, all machines share one budget; without,
or while it is away, each worker process has its part of it.
"""

import math
import time
from collections.abc import Mapping

from limits import RateLimitItemPerSecond
from limits.strategies import FixedWindowRateLimiter

from app.counters import Counters
from app.domain.errors import DeviceError, ErrorCode
from app.observability import metrics

OPERATION_CATEGORIES = {
    "ListDevices": "UserResourceRead",
    "GetDevice": "UserResourceRead",
    "ConfirmDevice": "UserResourceUpdate",
    "UpdateDeviceStatus": "UserResourceUpdate",
    "ForgetDevice": "UserResourceUpdate",
    "GlobalSignOut": "UserUpdate",
}
"""Operation → category, as the quotas page names them."""


class QuotaBudget:
    """Lets a call through while its category has some of this second left.

    `per_second`: category → calls a second. `counters`: where they are counted. `workers`: how many
    have a part of each where they count apart; if that is less than one call, it is one call in as
    many seconds as make up for it.
    """

    def __init__(self, per_second: Mapping[str, int], counters: Counters, workers: int = 1) -> None:
        self._limits = {}
        for category, amount in per_second.items():
            seconds = math.ceil(workers / amount)
            self._limits[category] = RateLimitItemPerSecond(amount * seconds, seconds)
        self._windows = FixedWindowRateLimiter(counters.open(sharers=workers))

    def take(self, operation: str) -> None:
        """Count one call.

        Raises:
            DeviceError: `quota-exceeded`, at once, when this second's share is used up.
        """
        category = OPERATION_CATEGORIES[operation]
        limit = self._limits[category]
        if self._windows.hit(limit, "cognito", category):
            return
        metrics.RATE_LIMITED.labels("quota").inc()
        wait = self._windows.get_window_stats(limit, "cognito", category).reset_time - time.time()
        raise DeviceError(
            ErrorCode.QUOTA_EXCEEDED,
            "The service's share of Cognito's request quota is used up for the moment.",
            retry_after=max(1, math.ceil(wait)),
        )
