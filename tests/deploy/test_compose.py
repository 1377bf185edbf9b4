"""compose.yaml, as Docker Compose itself reads it."""

import json
from typing import Any

import pytest

from local_cognito.seed import CLIENT_ID, POOL_ID
from tests.deploy.programs import output_of, settings_in


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    """Compose's services with everything filled in."""
    found: dict[str, Any] = json.loads(output_of("docker-compose", "config", "--format", "json"))
    return dict(found["services"])


def test_service_starts_with_these_settings_over_the_seeded_pool(services: dict[str, Any]) -> None:
    settings = settings_in(services["service"]["environment"])
    assert settings.cognito_user_pool_id == POOL_ID
    assert settings.cognito_client_ids == {CLIENT_ID}
    assert settings.cognito_endpoint_url == "http://cognito:9229"
    assert settings.redis_url == "redis://redis:6379/0"


def test_ports_are_those_of_make_run_and_on_loopback(services: dict[str, Any]) -> None:
    published = {
        name: [(port["host_ip"], port["published"]) for port in service.get("ports", [])]
        for name, service in services.items()
    }
    assert published == {
        "service": [("127.0.0.1", "8000")],
        "cognito": [("127.0.0.1", "9229")],
        "redis": [],
    }


def test_service_waits_for_what_it_calls(services: dict[str, Any]) -> None:
    waits = {
        name: dependency["condition"]
        for name, dependency in services["service"]["depends_on"].items()
    }
    assert waits == {"cognito": "service_healthy", "redis": "service_healthy"}
    assert all("healthcheck" in services[name] for name in waits)


def test_nobody_may_write_to_a_root_or_gain_rights(services: dict[str, Any]) -> None:
    for service in services.values():
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
