"""Our share of Cognito's request quotas, kept so that one caller cannot burn the account's.

Quotas are per AWS account and region, over all its pools (Cognito Developer Guide, "Quotas"). With
Redis, all machines share one budget; without, or while it is away, each worker process has its part
of it.
"""

import math
from collections.abc import Mapping

from limits import RateLimitItemPerSecond

from app.counters import Counters
from app.domain.errors import ErrorCode, ServiceError
from app.domain.operations import Operation
from app.observability import metrics


class QuotaBudget:
    """Lets a call through while its category has some of this second left.

    `per_second`: category → calls a second. `workers`: how many processes share the budget out
    where they count alone; a part of less than one call is one call in several seconds.
    """

    def __init__(self, per_second: Mapping[str, int], counters: Counters, workers: int) -> None:
        self._counters = counters
        self._limits = {
            category: (RateLimitItemPerSecond(amount), _part(amount, workers))
            for category, amount in per_second.items()
        }

    def take(self, operation: Operation) -> None:
        """Count one call.

        Raises:
            ServiceError: `quota-exceeded`, at once, when this second's share is used up.
        """
        together, alone = self._limits[operation.quota]
        window = self._counters.hit(together, "cognito", operation.quota, alone=alone)
        if window.allowed:
            return
        metrics.RATE_LIMITED.labels("quota").inc()
        raise ServiceError(
            ErrorCode.QUOTA_EXCEEDED,
            "The service's share of Cognito's request quota is used up for the moment.",
            retry_after=window.reset,
        )


def _part(amount: int, workers: int) -> RateLimitItemPerSecond:
    seconds = math.ceil(workers / amount)
    return RateLimitItemPerSecond(amount * seconds // workers, seconds)
