"""The service, put together: what it is made of, from top to bottom."""

from collections.abc import Callable
from typing import Any

from flask import Flask

from app.auth.keys import key_sets
from app.auth.verifier import TokenVerifier
from app.cognito.breaker import STATE_OPEN, CognitoBreaker
from app.cognito.client import CognitoClient
from app.contract.docs import contract_blueprint, docs_blueprint
from app.contract.elements import elements_blueprint
from app.counters import Counters
from app.devices import routes as devices
from app.devices.service import DeviceService
from app.domain.audit import AuditTrail
from app.domain.bulk import Bulk
from app.domain.step_up import StepUp
from app.http import (
    cors,
    gate,
    headers,
    json,
    problems,
    proxies,
)
from app.http.health import health_blueprint
from app.observability import audit, logs, metrics, traces
from app.sessions import routes as sessions
from app.sessions.service import SessionService
from app.settings import Settings

DRAINING = "draining"
"""The extension, a bool, that `app.server` sets when this worker is to stop."""
VERIFIER = "verifier"
"""The extension that verifies access tokens."""


class SyncFlask(Flask):
    """A Flask without coroutines; whether a function is one would be asked for every call of it."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        return func


def create_app(settings: Settings, cognito: CognitoClient | None = None) -> Flask:
    """The service, which `start` begins. `cognito`: tests may pass one; None is Amazon Cognito."""
    app = SyncFlask(__name__, static_folder=None)
    app.url_map.merge_slashes = False  # its redirect would lead to wherever the Host header says
    app.extensions[DRAINING] = False
    json.register(app)
    proxies.mount(app, settings.public_path)
    proxies.trust(app, settings.trusted_proxy_hops, settings.proxy_header)

    traces.register(app, traced=settings.traced)  # first: refusals are traced, too
    headers.register(app)
    logs.register(app, settings.log_addresses)
    cors.register(app, settings.cors_origins, settings.cors_headers)
    problems.register(app)
    metrics.register(app, settings.metrics_port, settings.port)

    counters = Counters(settings.redis_url)
    breaker = CognitoBreaker(settings)
    verifier = app.extensions[VERIFIER] = TokenVerifier(settings, key_sets(settings))
    gate.register(
        app,
        settings,
        verifier,
        counters,
        blueprints=frozenset((devices.blueprint.name, sessions.blueprint.name)),
        sign_out=devices.SIGN_OUT,
    )

    cognito = cognito or CognitoClient(settings, breaker, counters)
    trail = audit.AuditLog(settings.cognito_issuer[0], enabled=settings.audit_log)
    bulk = make_bulk(settings, trail)
    step_up = StepUp(settings.step_up_max_age, settings.step_up_acr)
    app.extensions[devices.SERVICE] = DeviceService(
        cognito, trail, bulk, step_up, settings.trust_days
    )
    app.extensions[sessions.SERVICE] = SessionService(
        cognito, trail, bulk, step_up, settings.cognito_client_names
    )
    app.url_map.converters["device_id"] = devices.DeviceIdConverter
    app.register_blueprint(devices.blueprint)
    app.register_blueprint(sessions.blueprint)
    app.register_blueprint(
        health_blueprint(
            {
                "accepting": lambda: not app.extensions[DRAINING],
                "keys": verifier.ready,
                "cognito": lambda: breaker.state() != STATE_OPEN,
            }
        )
    )
    app.register_blueprint(contract_blueprint(settings.public_path))
    if settings.elements_enabled:
        app.register_blueprint(elements_blueprint())
    if settings.docs_enabled:
        app.register_blueprint(docs_blueprint(settings.docs_sign_in_url))
    return app


def make_bulk(settings: Settings, audit: AuditTrail) -> Bulk:
    """The runs over many, which leave a fifth of a worker's share of Cognito's updates to other
    calls."""
    share = 0.8 * settings.cognito_update_quota / settings.workers
    rate = min(settings.forget_rate, share)
    return Bulk(audit, per_second=rate, deadline=settings.forget_deadline)


def start(app: Flask) -> None:
    """Begin background work, in each process that serves: no thread outlives a fork."""
    traces.start(app)
    app.extensions[VERIFIER].ready()  # begins to fetch the keys; without them we start all the same
