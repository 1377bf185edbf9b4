"""The CloudFormation templates, and the call for what CloudFormation cannot say.

`make check` has cfn-lint read the templates.
"""

import re
from pathlib import Path
from typing import Any

import pytest
from botocore import xform_name
from botocore.session import Session
from botocore.validate import validate_parameters
from cfnlint.decode import decode

from tests.deploy.programs import DEPLOY, settings_in

SERVICE = DEPLOY / "aws" / "service.yaml"
USER_POOL = DEPLOY / "aws" / "user-pool.yaml"

EXAMPLES = {
    "UserPoolId": "eu-west-1_Example01",
    "ClientIds": "0example0client0id00000000",
    "CorsOrigins": "https://app.example.com",
}
"""Values of the parameters that reach the service."""


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
def environment(container: Any) -> dict[str, str]:
    """Its variables, with examples for parameters, and Redis as it is by default."""
    variables = [it["Fn::If"][1] if "Fn::If" in it else it for it in container["Environment"]]
    return {variable["Name"]: filled_in(variable["Value"]) for variable in variables}


def filled_in(value: Any) -> str:
    if isinstance(value, str):
        return value
    if "Ref" in value:
        return EXAMPLES[value["Ref"]]
    return str(value["Fn::Sub"]).replace("${Redis.PrimaryEndPoint.Address}", "redis.example.com")


def test_settings_start_the_service_where_the_load_balancer_forwards_to(
    container: Any, environment: dict[str, str]
) -> None:
    settings = settings_in(environment)
    assert settings.cognito_user_pool_id == EXAMPLES["UserPoolId"]
    assert settings.redis_url == "rediss://redis.example.com:6379/0"
    ports = [mapping["ContainerPort"] for mapping in container["PortMappings"]]
    assert ports == [settings.port, settings.metrics_port]
    assert properties(SERVICE, "TargetGroup")["Port"] == settings.port
    assert settings.trusted_proxy_hops == 1


def test_a_task_has_the_time_to_finish_its_longest_call(
    container: Any, environment: dict[str, str]
) -> None:
    settings = settings_in(environment)
    longest = settings.forget_deadline + settings.cognito_deadline
    (delay,) = (
        int(attribute["Value"])
        for attribute in properties(SERVICE, "TargetGroup")["TargetGroupAttributes"]
        if attribute["Key"] == "deregistration_delay.timeout_seconds"
    )
    assert delay > longest
    assert container["StopTimeout"] > settings.graceful_timeout > longest


def test_an_outage_of_cognito_does_not_make_ecs_replace_tasks() -> None:
    assert properties(SERVICE, "TargetGroup")["HealthCheckPath"] == "/healthz"


def test_task_has_no_rights_in_aws_nor_on_its_root(container: Any) -> None:
    assert "TaskRoleArn" not in properties(SERVICE, "TaskDefinition")
    assert container["ReadonlyRootFilesystem"] is True
    assert container["LinuxParameters"]["Capabilities"] == {"Drop": ["ALL"]}


def test_user_pool_has_devices_and_its_client_can_sign_in_and_be_signed_out() -> None:
    pool, client = properties(USER_POOL, "UserPool"), properties(USER_POOL, "Client")
    assert pool["DeviceConfiguration"]["ChallengeRequiredOnNewDevice"] is True
    assert client["ExplicitAuthFlows"] == ["ALLOW_USER_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]
    assert client["EnableTokenRevocation"] is True


def test_the_call_that_turns_session_tracking_on_is_one_of_cognitos() -> None:
    page = (DEPLOY / "README.md").read_text().replace("\\\n", "")
    call = re.search(r"^aws cognito-idp ([a-z-]+) (.+)$", page, re.MULTILINE)
    assert call is not None
    model = Session().get_service_model("cognito-idp")
    operations = {xform_name(name, "-"): name for name in model.operation_names}
    shape = model.operation_model(operations[call[1]]).input_shape
    members = {xform_name(name, "-"): name for name in shape.members}
    given: dict[str, Any] = {
        members[option]: value for option, value in re.findall(r"--([a-z-]+) (\S+)", call[2])
    }
    name, value = given["TokenSession"].split("=")
    given["TokenSession"] = {name: int(value)}
    validate_parameters(given, shape)
    assert given["UserSessionTracking"] in shape.members["UserSessionTracking"].enum
