"""The CloudFormation templates, and the call for what CloudFormation cannot say."""

import re
from pathlib import Path
from typing import Any

import pytest
from botocore import xform_name
from botocore.session import Session
from botocore.validate import validate_parameters
from cfnlint.decode import decode

from tests.deploy.programs import DEPLOY, output_of, settings_in

SERVICE = DEPLOY / "aws" / "service.yaml"
USER_POOL = DEPLOY / "aws" / "user-pool.yaml"
NEW_DEVICE_MAIL = DEPLOY / "aws" / "new-device-mail.yaml"

EXAMPLES = {
    "UserPoolId": "eu-west-1_Example01",
    "ClientIds": "0example0client0id00000000",
    "CorsOrigins": "https://app.example.com",
}
"""What the parameters may be that reach the service."""


def test_templates_satisfy_cfn_lint_down_to_its_remarks() -> None:
    output_of(
        "cfn-lint", "--include-checks", "I", "--template", SERVICE, USER_POOL, NEW_DEVICE_MAIL
    )


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
    variables = [
        variable["Fn::If"][1] if "Fn::If" in variable else variable
        for variable in container["Environment"]
    ]
    return {variable["Name"]: filled_in(variable["Value"]) for variable in variables}


def filled_in(value: Any) -> str:
    if isinstance(value, str):
        return value
    if "Ref" in value:
        return EXAMPLES[value["Ref"]]
    return str(value["Fn::Sub"]).replace("${Redis.PrimaryEndPoint.Address}", "redis.example.com")


def test_settings_start_the_service(environment: dict[str, str]) -> None:
    settings = settings_in(environment)
    assert settings.cognito_user_pool_id == EXAMPLES["UserPoolId"]
    assert settings.redis_url == "rediss://redis.example.com:6379/0"


def test_load_balancer_forwards_to_calls_and_not_to_metrics(
    container: Any, environment: dict[str, str]
) -> None:
    settings = settings_in(environment)
    ports = [mapping["ContainerPort"] for mapping in container["PortMappings"]]
    assert ports == [settings.port, settings.metrics_port]
    assert properties(SERVICE, "TargetGroup")["Port"] == settings.port
    assert settings.trusted_proxy_hops == 1


def test_a_task_has_the_time_to_finish_its_longest_call(
    container: Any, environment: dict[str, str]
) -> None:
    settings = settings_in(environment)
    longest = settings.forget_deadline + settings.cognito_deadline
    attributes = {
        attribute["Key"]: int(attribute["Value"])
        for attribute in properties(SERVICE, "TargetGroup")["TargetGroupAttributes"]
    }
    assert attributes["deregistration_delay.timeout_seconds"] > longest
    assert container["StopTimeout"] > settings.graceful_timeout > longest


def test_an_outage_of_cognito_does_not_make_ecs_replace_tasks() -> None:
    assert properties(SERVICE, "TargetGroup")["HealthCheckPath"] == "/healthz"


def test_task_has_no_rights_in_aws_nor_on_its_root(container: Any) -> None:
    assert "TaskRoleArn" not in properties(SERVICE, "TaskDefinition")
    assert container["ReadonlyRootFilesystem"] is True
    assert container["LinuxParameters"]["Capabilities"] == {"Drop": ["ALL"]}


def test_user_pool_has_devices_that_stand_in_for_the_second_factor() -> None:
    pool = properties(USER_POOL, "UserPool")
    assert pool["DeviceConfiguration"]["ChallengeRequiredOnNewDevice"] is True
    assert pool["MfaConfiguration"] == "OPTIONAL"
    assert pool["EnabledMfas"] == ["SOFTWARE_TOKEN_MFA"]


def test_client_signs_in_in_the_one_way_that_gives_a_device_and_can_be_signed_out() -> None:
    client = properties(USER_POOL, "Client")
    assert client["ExplicitAuthFlows"] == ["ALLOW_USER_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]
    assert client["GenerateSecret"] is False
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
