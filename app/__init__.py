"""Device BFF: a user's devices in Amazon Cognito, for any frontend."""

import threading

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from app.auth.jwks import JwksCache, fetch_jwks
from app.auth.verifier import TokenVerifier
from app.cognito.attempts import Attempts, as_outage
from app.cognito.breaker import STATE_CLOSED, STATE_HALF_OPEN, STATE_OPEN, CognitoBreaker
from app.cognito.client import CognitoClient, cognito_idp
from app.cognito.port import CognitoPort
from app.cognito.quota import QuotaBudget
from app.counters import counters_uri, open_counters
from app.devices import routes
from app.devices.service import DeviceService, ForgetPace
from app.http import (
    authentication,
    cors,
    problems,
    rate_limits,
    request_ids,
    security_headers,
)
from app.http.body import BODY_MAX_BYTES
from app.http.health import health_blueprint
from app.observability import logs, metrics
from app.settings import Settings

API_VERSION = "1.0.0"


def create_app(settings: Settings, cognito: CognitoPort | None = None) -> Flask:
    """The service, ready to serve. `cognito`: what to use instead of Amazon Cognito, in tests."""
    app = Flask(__name__, static_folder=None)
    app.config.update(
        API_TITLE="Device BFF",
        API_VERSION=API_VERSION,
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX="/",
        MAX_CONTENT_LENGTH=BODY_MAX_BYTES,
    )
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.url_map.converters["device_id"] = routes.DeviceIdConverter
    trust_proxies(app, settings.trusted_proxy_hops)

    request_ids.register(app)
    logs.register(app)
    security_headers.register(app)
    cors.register(app, settings.cors_origins)
    problems.register(app)

    uri = counters_uri(settings.redis_url)
    breaker = make_breaker(settings)
    jwks = make_jwks(settings)
    authentication.identify(app, routes.blueprint.name, make_verifier(settings, jwks))
    rate_limits.register(
        app,
        per_user=settings.rate_limit_per_user,
        per_address=settings.rate_limit_per_address,
        counters_uri=uri,
    )
    authentication.admit(app)

    app.extensions[routes.SERVICE] = DeviceService(
        cognito or make_cognito(settings, breaker, uri),
        ForgetPace(
            per_second=settings.forget_rate,
            deadline=settings.forget_deadline,
            at_once=max(1, settings.threads // 8),
        ),
    )
    problems.ProblemApi(app).register_blueprint(routes.blueprint)
    app.register_blueprint(
        health_blueprint(
            {"keys": lambda: jwks.known, "cognito": lambda: breaker.state != STATE_OPEN}
        )
    )
    threading.Thread(target=jwks.load, name="jwks-load", daemon=True).start()
    return app


def trust_proxies(app: Flask, hops: int) -> None:
    """Believe the last `hops` entries of X-Forwarded-For, -Proto and -Host, and nothing more."""
    if hops:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]


def make_jwks(settings: Settings) -> JwksCache:
    """The user pool's keys."""
    return JwksCache(
        lambda: fetch_jwks(
            settings.cognito_jwks_url,
            settings.cognito_connect_timeout,
            settings.cognito_read_timeout,
        ),
        max_age=settings.jwks_max_age,
        refetch_interval=settings.jwks_refetch_interval,
        max_waiting=max(1, settings.threads // 4),
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


def make_cognito(settings: Settings, breaker: CognitoBreaker, counters_uri: str) -> CognitoClient:
    """Amazon Cognito, or what stands at COGNITO_ENDPOINT_URL."""
    quotas = {
        "UserResourceRead": settings.cognito_read_quota,
        "UserResourceUpdate": settings.cognito_update_quota,
        "UserUpdate": settings.cognito_user_update_quota,
    }
    attempts = Attempts(
        budget=QuotaBudget(quotas, open_counters(counters_uri)),
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
