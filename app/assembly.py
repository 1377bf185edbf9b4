"""Puts the parts together as the settings say: what `create_app` is handed, ready-made."""

from app.auth.jwks import JwksCache, JwksUnavailable, Keys, fetch_jwks, parse_jwks
from app.auth.verifier import TokenVerifier
from app.cognito.attempts import Attempts, as_outage
from app.cognito.breaker import STATE_CLOSED, STATE_HALF_OPEN, STATE_OPEN, CognitoBreaker
from app.cognito.client import CognitoClient, cognito_idp
from app.cognito.quota import QuotaBudget
from app.counters import Counters
from app.deadlines import TooLate, within
from app.devices.service import ForgetPace
from app.observability import logs, metrics
from app.settings import Settings


def make_jwks(settings: Settings) -> JwksCache:
    """The user pool's keys."""
    url = settings.cognito_jwks_url
    connect, read = settings.cognito_connect_timeout, settings.cognito_read_timeout

    def fetch() -> Keys:
        try:
            body = within(connect + read, lambda: fetch_jwks(url, connect, read))
        except TooLate:
            raise JwksUnavailable("no answer in time") from None
        return parse_jwks(body)

    return JwksCache(
        fetch,
        max_age=settings.jwks_max_age,
        refetch_interval=settings.jwks_refetch_interval,
        max_waiting=100,
        on_fetch=lambda outcome: metrics.JWKS_FETCHES.labels(outcome).inc(),
    )


def make_verifier(settings: Settings, jwks: JwksCache) -> TokenVerifier:
    """The judge of access tokens."""
    return TokenVerifier(
        jwks,
        issuer=settings.cognito_issuer,
        client_ids=settings.cognito_client_ids,
        leeway=settings.token_leeway,
        cache_size=settings.token_cache_size,
        on_lookup=lambda outcome: metrics.TOKEN_CACHE_LOOKUPS.labels(outcome).inc(),
    )


def make_breaker(settings: Settings) -> CognitoBreaker:
    """The circuit breaker, its state shown in a metric and a log line."""
    levels = {STATE_CLOSED: 0.0, STATE_HALF_OPEN: 0.5, STATE_OPEN: 1.0}

    def show(state: str) -> None:
        metrics.BREAKER_STATE.set(levels[state])
        logs.logger.warning("cognito_breaker", state=state)

    return CognitoBreaker(
        failures=settings.breaker_failures,
        open_seconds=settings.breaker_open_seconds,
        is_failure=as_outage,
        on_change=show,
    )


def make_cognito(settings: Settings, breaker: CognitoBreaker, counters: Counters) -> CognitoClient:
    """Amazon Cognito, or what stands at COGNITO_ENDPOINT_URL."""
    quotas = {
        "UserResourceRead": settings.cognito_read_quota,
        "UserResourceUpdate": settings.cognito_update_quota,
        "UserUpdate": settings.cognito_user_update_quota,
    }
    attempts = Attempts(
        budget=QuotaBudget(quotas, counters, settings.workers),
        breaker=breaker,
        deadline=settings.cognito_deadline,
        longest_attempt=settings.cognito_connect_timeout + settings.cognito_read_timeout,
        max_attempts=settings.cognito_max_attempts,
        max_in_flight=settings.cognito_max_in_flight,
    )
    return CognitoClient(
        cognito_idp(
            region=settings.cognito_region,
            endpoint_url=settings.cognito_endpoint_url,
            connect_timeout=settings.cognito_connect_timeout,
            read_timeout=settings.cognito_read_timeout,
            connections=settings.cognito_max_in_flight,
        ),
        attempts,
    )


def make_forget_pace(settings: Settings) -> ForgetPace:
    """How forgetting many devices goes about it."""
    return ForgetPace(
        per_second=settings.forget_rate,
        deadline=settings.forget_deadline,
        at_once=20,
    )
