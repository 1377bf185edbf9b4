"""Our share of Cognito's request quotas, kept so that one caller cannot burn the account's.

Quotas are per AWS account and region, over all its pools (Cognito Developer Guide, "Quotas"). With
Redis, all machines share one budget; without, or while it is away, each worker process has its part
of it.
"""

import math

from limits import RateLimitItemPerSecond

from app.counters import Counters
from app.domain.errors import ErrorCode, ServiceError
from app.domain.operations import READS, SIGN_OUTS, UPDATES, Operation
from app.observability import metrics
from app.settings import Settings


class QuotaBudget:
    """Lets a call through while its category has some of this second left."""

    def __init__(self, settings: Settings, counters: Counters) -> None:
        self._counters = counters
        per_second = {
            READS: settings.cognito_read_quota,
            UPDATES: settings.cognito_update_quota,
            SIGN_OUTS: settings.cognito_user_update_quota,
        }
        self._limits = {
            category: (RateLimitItemPerSecond(amount), _part(amount, settings.workers))
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
    """Of a process that counts alone. Less than one call is one call in several seconds."""
    seconds = math.ceil(workers / amount)
    return RateLimitItemPerSecond(amount * seconds // workers, seconds)
