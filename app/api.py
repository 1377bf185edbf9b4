"""The API as a whole: every documented call, and the OpenAPI document that describes them."""

import json
from typing import Any

from flask import Flask

from app.contract.spec import ContractApi, finished
from app.devices import routes as devices
from app.http.health import Check, health_blueprint
from app.sessions import routes as sessions


def register(
    app: Flask, health_checks: dict[str, Check], openapi_version: str = "3.1.0"
) -> ContractApi:
    """Serve every call of the contract."""
    app.url_map.converters["device_id"] = devices.DeviceIdConverter
    api = ContractApi(app, openapi_version)
    api.register_converter(devices.DeviceIdConverter, devices.device_id_schema)
    api.register_blueprint(devices.blueprint)
    api.register_blueprint(sessions.blueprint)
    api.register_blueprint(health_blueprint(health_checks))
    return api


def openapi(version: str = "3.1.0", public_path: str = "") -> dict[str, Any]:
    """The contract, made of the blueprints alone: no Cognito, no clock.

    `version`: 3.1.0, or 3.0.3 for API Gateway and older generators.
    """
    api = register(Flask(__name__, static_folder=None), {}, version)
    return finished(api.spec.to_dict(), public_path)


def openapi_json(version: str = "3.1.0", public_path: str = "") -> bytes:
    """The bytes of the published file and of `/openapi.json`: always the same."""
    document = openapi(version, public_path)
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()
