"""What each attempt at a Cognito operation leaves in metrics, in its span, and in the log line of
the request that it is for."""

from contextvars import ContextVar
from dataclasses import dataclass, field

from opentelemetry import trace

from app.observability import metrics


@dataclass(slots=True)
class CognitoUse:
    """What one request cost: attempts made, seconds spent in them, and Cognito's ids of them."""

    attempts: int = 0
    seconds: float = 0.0
    request_ids: list[str] = field(default_factory=list)


_use: ContextVar[CognitoUse | None] = ContextVar("cognito_use", default=None)


def start_gathering() -> CognitoUse:
    """Begin a request's account: what its greenlet calls from now on counts for it."""
    use = CognitoUse()
    _use.set(use)
    return use


def record_attempt(operation: str, outcome: str, seconds: float) -> None:
    """Count one attempt; `outcome` is `ok` or an error code."""
    metrics.COGNITO_CALLS.labels(operation, outcome).observe(seconds)
    if use := _use.get():
        use.attempts += 1
        use.seconds += seconds


def record_request_id(request_id: str | None) -> None:
    """Note Cognito's own id of an attempt, if its answer named one."""
    if not request_id:
        return
    trace.get_current_span().set_attribute("aws.request_id", request_id)
    if use := _use.get():
        use.request_ids.append(request_id)
