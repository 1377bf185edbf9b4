"""What one request cost Cognito: gathered as the calls happen, for the request's log line."""

from contextvars import ContextVar
from dataclasses import dataclass, field

from app.observability import metrics
from app.observability.traces import tell_request_id


@dataclass(slots=True)
class CognitoUse:
    """Attempts made, seconds spent in them, and Cognito's own ids of them."""

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
    """Count one attempt at a Cognito operation; `outcome` is `ok` or an error code."""
    metrics.cognito_histogram(operation, outcome).observe(seconds)
    use = _use.get()
    if use is not None:
        use.attempts += 1
        use.seconds += seconds


def record_request_id(request_id: str | None) -> None:
    """Note Cognito's own id of an attempt, if its answer named one."""
    if not request_id:
        return
    tell_request_id(request_id)
    use = _use.get()
    if use is not None:
        use.request_ids.append(request_id)
