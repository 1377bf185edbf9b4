"""The CloudFormation templates. `make check` has cfn-lint read them."""

import json
from pathlib import Path
from typing import Any

import pytest
from cfnlint.decode import decode

from app.domain.errors import ErrorCode
from app.settings import Settings
from tests.deploy.programs import DEPLOY, PROBLEM, settings_in

SERVICE = DEPLOY / "aws" / "service.yaml"
USER_POOL = DEPLOY / "aws" / "user-pool.yaml"

EXAMPLES = {
    "UserPoolId": "eu-west-1_Example01",
    "ClientIds": "0example0client0id00000000",
    "CorsOrigins": "https://app.example.com",
}
"""Values of the parameters that reach the service."""
PASSWORD = {"Fn::Sub": "{{resolve:secretsmanager:${RedisPassword}}}"}


def properties(template: Path, resource: str) -> Any:
    """The properties of one of a template's resources."""
    decoded, _ = decode(str(template))
    assert decoded is not None
    return decoded["Resources"][resource]["Properties"]


@pytest.fixture(scope="module")
def container() -> Any:
    """The service's container."""
    (container,) = properties(SERVICE, "TaskDefinition")["ContainerDefinitions"]
    return container


@pytest.fixture(scope="module")
def settings(container: Any) -> Settings:
    """Its variables, with examples for parameters, and REDIS_URL of its secret."""
    (redis,) = (it["Fn::If"][1] for it in container["Secrets"])
    secret = properties(SERVICE, redis["ValueFrom"]["Ref"])["SecretString"]
    variables = {it["Name"]: filled_in(it["Value"]) for it in container["Environment"]}
    return settings_in(variables | {redis["Name"]: filled_in(secret)})


def filled_in(value: Any) -> str:
    if isinstance(value, str):
        return value
    if "Ref" in value:
        return EXAMPLES[value["Ref"]]
    text = str(value["Fn::Sub"]).replace("${Redis.PrimaryEndPoint.Address}", "redis.example.com")
    return text.replace(PASSWORD["Fn::Sub"], "secret")


def test_settings_start_it_where_the_load_balancer_forwards_to_and_let_the_longest_call_end(
    container: Any, settings: Settings
) -> None:
    assert settings.cognito_user_pool_id == EXAMPLES["UserPoolId"]
    assert settings.redis_url == "rediss://:secret@redis.example.com:6379/0"
    ports = [mapping["ContainerPort"] for mapping in container["PortMappings"]]
    assert ports == [settings.port, settings.metrics_port]
    target = properties(SERVICE, "TargetGroup")
    assert target["Port"] == settings.port
    # Not /readyz: a task that knows no keys is not mended by another.
    assert target["HealthCheckPath"] == "/healthz"
    assert settings.trusted_proxy_hops == 1
    longest = settings.forget_deadline + settings.cognito_deadline
    (delay,) = target["TargetGroupAttributes"]
    assert delay["Key"] == "deregistration_delay.timeout_seconds"
    assert int(delay["Value"]) > longest
    assert container["StopTimeout"] > settings.graceful_timeout > longest


def test_task_has_no_rights_in_aws_nor_on_its_root(container: Any) -> None:
    assert "TaskRoleArn" not in properties(SERVICE, "TaskDefinition")
    assert container["ReadonlyRootFilesystem"] is True
    assert container["LinuxParameters"]["Capabilities"] == {"Drop": ["ALL"]}


def test_redis_asks_for_its_password_over_tls_and_only_secrets_hold_it(container: Any) -> None:
    redis = properties(SERVICE, "Redis")
    assert redis["TransitEncryptionEnabled"] is True
    assert redis["AuthToken"] == PASSWORD
    assert "REDIS_URL" not in {it["Name"] for it in container["Environment"]}


def test_the_firewalls_429_is_a_problem_that_pages_can_read_and_preflights_do_not_get_it() -> None:
    firewall = properties(SERVICE, "Firewall")
    (rule,) = firewall["Rules"]
    answer = rule["Action"]["Block"]["CustomResponse"]
    headers = {it["Name"]: it["Value"] for it in answer["ResponseHeaders"]}
    body = firewall["CustomResponseBodies"][answer["CustomResponseBodyKey"]]["Content"]
    problem = json.loads(body)
    PROBLEM.validate(problem)
    code = ErrorCode.RATE_LIMITED
    assert (problem["code"], problem["title"]) == (code, code.heading)
    assert answer["ResponseCode"] == problem["status"] == code.status
    assert headers["X-Request-ID"] == problem["requestId"]
    assert headers["Access-Control-Allow-Origin"] == "*"
    counted = rule["Statement"]["RateBasedStatement"]["ScopeDownStatement"]
    assert counted["NotStatement"]["Statement"]["ByteMatchStatement"]["SearchString"] == "OPTIONS"


def test_user_pool_has_devices_and_sessions_and_its_client_can_sign_in_and_be_signed_out() -> None:
    pool, client = properties(USER_POOL, "UserPool"), properties(USER_POOL, "Client")
    assert pool["DeviceConfiguration"]["ChallengeRequiredOnNewDevice"] is True
    assert client["ExplicitAuthFlows"] == ["ALLOW_USER_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]
    assert client["EnableTokenRevocation"] is True
    assert properties(USER_POOL, "SessionTracking")["UserSessionTracking"] == "ENABLED"
    assert properties(USER_POOL, "ClientSessions")["ClientId"] == {"Ref": "Client"}
