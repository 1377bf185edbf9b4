"""For those who run the service: is it alive, can it serve."""

from collections.abc import Callable

from flask import Blueprint, Response, jsonify

Check = Callable[[], bool]


def health_blueprint(checks: dict[str, Check]) -> Blueprint:
    """`/healthz`, which does no I/O at all, and `/readyz`, which runs `checks` (by name)."""
    blueprint = Blueprint("health", __name__)

    @blueprint.get("/healthz")
    def healthz() -> Response:
        return jsonify(status="ok")

    @blueprint.get("/readyz")
    def readyz() -> tuple[Response, int]:
        found = {name: check() for name, check in checks.items()}
        ready = all(found.values())
        return jsonify(ready=ready, checks=found), 200 if ready else 503

    return blueprint
