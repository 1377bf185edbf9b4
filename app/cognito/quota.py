"""Our share of Cognito's request quotas, kept so that one caller cannot burn the account's.

Quotas are per AWS account and region, over all its pools (Cognito Developer Guide, "Quotas"): reads
and updates of user resources are counted apart. With Redis, all machines share one budget; without,
each worker process has its part of it (`app.assembly`).
"""

import math
import time
from collections.abc import Mapping

from limits import RateLimitItemPerSecond
from limits.storage import Storage
from limits.strategies import FixedWindowRateLimiter

from app.errors import DeviceError, ErrorCode
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

    `per_second`: category → calls a second. `counters`: where they are counted (`app.counters`).
    """

    def __init__(self, per_second: Mapping[str, int], counters: Storage) -> None:
        self._limits = {
            category: RateLimitItemPerSecond(amount) for category, amount in per_second.items()
        }
        self._windows = FixedWindowRateLimiter(counters)

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
