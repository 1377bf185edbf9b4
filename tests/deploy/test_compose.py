"""compose.yaml, as Docker Compose itself reads it."""

import json
from typing import Any

import pytest

from local_cognito.demo import WEB_ORIGINS
from local_cognito.seed import CLIENT_ID, POOL_ID
from tests.deploy.programs import output_of, settings_in


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    """Compose's services with everything filled in."""
    found: dict[str, Any] = json.loads(output_of("docker-compose", "config", "--format", "json"))
    return dict(found["services"])


def test_the_api_has_the_pool_origins_and_ports_of_make_run(services: dict[str, Any]) -> None:
    settings = settings_in(services["service"]["environment"])
    assert settings.cognito_user_pool_id == POOL_ID
    assert settings.cognito_client_ids == {CLIENT_ID}
    assert settings.docs_sign_in_url == "http://127.0.0.1:9229/_local/sign-in"
    assert ",".join(settings.cors_origins) == WEB_ORIGINS
    published = {
        (name, port["host_ip"], port["published"])
        for name, service in services.items()
        for port in service.get("ports", [])
    }
    assert published == {("proxy", "127.0.0.1", "8000"), ("cognito", "127.0.0.1", "9229")}


def test_no_container_may_write_to_its_root_or_gain_rights(services: dict[str, Any]) -> None:
    for service in services.values():
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
