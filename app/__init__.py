"""Device BFF: a user's devices in Amazon Cognito, for any frontend."""

import threading

from flask import Flask

from app.assembly import make_breaker, make_cognito, make_forget_pace, make_jwks, make_verifier
from app.cognito.breaker import STATE_OPEN
from app.contract import api as openapi
from app.contract.docs import docs_blueprint
from app.counters import counters_at
from app.devices import routes
from app.devices.service import DeviceService
from app.domain.ports import CognitoPort
from app.http import (
    authentication,
    cors,
    problems,
    proxies,
    rate_limits,
    request_ids,
    security_headers,
)
from app.http.body import BODY_MAX_BYTES
from app.observability import audit, logs, metrics, traces
from app.settings import Settings

DRAINING = "draining"
"""The extension, a threading.Event, that gunicorn.conf.py sets when this worker is to stop."""


def create_app(
    settings: Settings,
    cognito: CognitoPort | None = None,
) -> Flask:
    """The service, ready to serve.

    `cognito`: what to use instead of Amazon Cognito, in tests.
    """
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = BODY_MAX_BYTES
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.url_map.merge_slashes = False  # its redirect would lead to wherever the Host header says
    app.extensions[DRAINING] = threading.Event()
    proxies.trust(app, settings.trusted_proxy_hops)

    traces.register(app, settings.otlp_endpoint)  # first: what is refused is traced, too
    request_ids.register(app)
    logs.register(app)
    security_headers.register(app)
    cors.register(app, settings.cors_origins)
    problems.register(app)
    metrics.register(app, settings.metrics_port)

    counters = counters_at(settings.redis_url)
    breaker = make_breaker(settings)
    jwks = make_jwks(settings)
    authentication.identify(app, routes.blueprint.name, make_verifier(settings, jwks))
    rate_limits.register(
        app,
        per_user=settings.rate_limit_per_user,
        per_address=settings.rate_limit_per_address,
        counters=counters,
    )
    authentication.admit(app)

    app.extensions[routes.SERVICE] = DeviceService(
        cognito or make_cognito(settings, breaker, counters),
        audit.AuditLog(source=settings.cognito_issuer),
        make_forget_pace(settings),
    )
    openapi.register(
        app,
        health_checks={
            "accepting": lambda: not app.extensions[DRAINING].is_set(),
            "keys": jwks.ready,
            "cognito": lambda: breaker.state() != STATE_OPEN,
        },
    )
    if settings.docs_enabled:
        app.register_blueprint(docs_blueprint(settings.docs_sign_in_url))
    jwks.ready()  # begins to fetch the keys; without them we start all the same
    return app
