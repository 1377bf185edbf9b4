"""The API as a whole: every documented call, and the document that says so."""

from typing import Any

from flask import Flask

from app.contract.spec import ContractApi
from app.devices import examples, routes
from app.devices.schemas import PORTABLE_DEVICE_KEY
from app.domain.devices import DEVICE_KEY_MAX_LENGTH
from app.http.health import Check, health_blueprint


def register(app: Flask, health_checks: dict[str, Check]) -> ContractApi:
    """Serve every call of the contract, and the contract at `/openapi.json`."""
    app.url_map.converters["device_id"] = routes.DeviceIdConverter
    api = ContractApi(app, examples.NAMED)
    api.register_converter(routes.DeviceIdConverter, _device_id_schema)
    api.register_blueprint(routes.blueprint)
    api.register_blueprint(health_blueprint(health_checks))
    return api


def document() -> dict[str, Any]:
    """The contract, made of the blueprints alone: no setting, no Cognito, no clock."""
    return register(Flask(__name__, static_folder=None), {}).document()


def _device_id_schema(converter: routes.DeviceIdConverter) -> dict[str, Any]:
    return {
        "type": "string",
        "pattern": PORTABLE_DEVICE_KEY,
        "minLength": 1,
        "maxLength": DEVICE_KEY_MAX_LENGTH,
    }
