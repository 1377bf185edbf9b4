"""The problems that the contract lists for a call are those that the call can answer with."""

from typing import Any

import botocore.session
import pytest

from app.cognito.attempts import UNSETTLED
from app.cognito.errors import to_device_error
from app.contract import texts as contract_texts
from app.devices.service import LIST_CHANGED
from app.domain.errors import ErrorCode
from app.http.problems import PROBLEM_TYPES
from tests.contract.conftest import METHODS, Operation

COGNITO_OPERATIONS = {
    "listDevices": "ListDevices",
    "trackDevice": "ConfirmDevice",
    "forgetDevices": "ListDevices",  # what ForgetDevice answers is in its report
    "getDevice": "GetDevice",
    "updateDevice": "UpdateDeviceStatus",
    "forgetDevice": "ForgetDevice",
    "getCurrentDevice": "GetDevice",
    "updateCurrentDevice": "UpdateDeviceStatus",
    "forgetCurrentDevice": "ForgetDevice",
    "signOutEverywhere": "GlobalSignOut",
}
OURS = {
    ErrorCode.MISSING_TOKEN,
    ErrorCode.INVALID_TOKEN,
    ErrorCode.INSUFFICIENT_SCOPE,
    ErrorCode.RATE_LIMITED,
    ErrorCode.QUOTA_EXCEEDED,
    ErrorCode.UPSTREAM_ERROR,
    ErrorCode.UPSTREAM_TIMEOUT,
    ErrorCode.UPSTREAM_UNAVAILABLE,
    ErrorCode.INTERNAL_ERROR,
}
OF_A_BODY = {ErrorCode.MALFORMED_BODY, ErrorCode.BODY_TOO_LARGE, ErrorCode.VALIDATION_FAILED}
TAKES_A_BODY = {"trackDevice", "updateDevice", "updateCurrentDevice"}
TAKES_A_QUERY = {"listDevices", "forgetDevices"}
NOT_OF_A_CALL = {
    ErrorCode.NOT_FOUND,
    ErrorCode.METHOD_NOT_ALLOWED,
    ErrorCode.MALFORMED_REQUEST,
    ErrorCode.REQUEST_TIMEOUT,
    ErrorCode.URI_TOO_LONG,
    ErrorCode.HEADERS_TOO_LARGE,
}


@pytest.mark.parametrize("name", COGNITO_OPERATIONS)
def test_a_call_lists_what_it_can_answer_with(operations: dict[str, Operation], name: str) -> None:
    possible = OURS | _codes_of_cognito(COGNITO_OPERATIONS[name])
    if name in TAKES_A_BODY:
        possible |= OF_A_BODY
    if name in TAKES_A_QUERY:
        possible |= {ErrorCode.VALIDATION_FAILED}
    if "Current" in name:
        possible |= {ErrorCode.NO_CURRENT_DEVICE}
    assert documented(operations[name]) == possible


def test_every_code_is_listed_by_a_call_or_told_of_at_the_top(
    contract: dict[str, Any], operations: dict[str, Operation]
) -> None:
    listed = set().union(*map(documented, operations.values()))
    assert listed == set(ErrorCode) - NOT_OF_A_CALL
    assert all(f"`{code}`" in contract["info"]["description"] for code in NOT_OF_A_CALL)


def test_each_problem_has_an_example_of_the_call_itself(
    contract: dict[str, Any],
) -> None:
    for path, item in contract["paths"].items():
        for parameter in item.get("parameters", ()):
            path = path.replace(f"{{{parameter['name']}}}", parameter["example"])
        for method in item.keys() & set(METHODS):
            for code, value in _examples(item[method]).items():
                assert (value["status"], value["title"]) == PROBLEM_TYPES[ErrorCode(code)]
                assert (value["code"], value["instance"]) == (code, path)


@pytest.mark.parametrize("name", sorted(COGNITO_OPERATIONS.keys() - {"forgetDevices"}))
def test_a_refused_parameter_is_told_of_as_the_call_tells_it(
    operations: dict[str, Operation], name: str
) -> None:
    told = to_device_error(COGNITO_OPERATIONS[name], "InvalidParameterException", "").detail
    assert _examples(operations[name])["invalid-parameter"]["detail"] == told


def test_a_cursor_of_the_services_own_is_told_of_as_it_tells_it(
    operations: dict[str, Operation],
) -> None:
    assert _examples(operations["forgetDevices"])["invalid-parameter"]["detail"] == LIST_CHANGED


@pytest.mark.parametrize("name", sorted(TAKES_A_BODY | TAKES_A_QUERY))
def test_an_invalid_request_is_shown_with_a_field_of_the_call(
    contract: dict[str, Any], operations: dict[str, Operation], name: str
) -> None:
    schemas = contract["components"]["schemas"]
    fields = {it["name"] for it in operations[name]["parameters"] if it["in"] == "query"} | {"body"}
    for content in operations[name].get("requestBody", {}).get("content", {}).values():
        fields |= schemas[content["schema"]["$ref"].rpartition("/")[2]].get("properties", {}).keys()
    assert _examples(operations[name])["validation-failed"]["errors"].keys() <= fields


@pytest.mark.parametrize(
    "name", sorted(COGNITO_OPERATIONS.keys() - {"listDevices", "getDevice", "getCurrentDevice"})
)
def test_a_change_says_what_may_have_happened_when_cognito_does_not_answer(
    operations: dict[str, Operation], name: str
) -> None:
    for status in ("502", "503", "504"):
        assert (
            contract_texts.UNSETTLED[name] in operations[name]["responses"][status]["description"]
        )
    if advice := UNSETTLED.get(COGNITO_OPERATIONS[name]):
        assert _examples(operations[name])["upstream-timeout"]["detail"].endswith(advice)


@pytest.mark.parametrize(
    ("status", "header"),
    [
        ("401", "WWW-Authenticate"),
        ("403", "WWW-Authenticate"),
        ("429", "Retry-After"),
        ("503", "Retry-After"),
    ],
)
def test_a_problem_lists_the_headers_that_clients_act_on(
    operations: dict[str, Operation], status: str, header: str
) -> None:
    for name in COGNITO_OPERATIONS:
        assert header in operations[name]["responses"][status]["headers"]


def documented(operation: Operation) -> set[ErrorCode]:
    """The codes that an operation lists, each under its own status."""
    codes = set()
    for status, response in operation["responses"].items():
        content = response.get("content", {}).get("application/problem+json", {})
        for code in content.get("examples", {}):
            assert str(PROBLEM_TYPES[ErrorCode(code)].status) == status
            assert f"`{code}`" in response["description"]
            codes.add(ErrorCode(code))
    return codes


def _examples(operation: Operation) -> dict[str, dict[str, Any]]:
    """The problems shown with an operation, by code."""
    return {
        code: example["value"]
        for response in operation["responses"].values()
        for code, example in response.get("content", {})
        .get("application/problem+json", {})
        .get("examples", {})
        .items()
    }


def _codes_of_cognito(operation: str) -> set[ErrorCode]:
    """What we make of the errors that botocore's model lists for an operation of Cognito."""
    model = botocore.session.get_session().get_service_model("cognito-idp")
    shapes = model.operation_model(operation).error_shapes
    return {to_device_error(operation, shape.name, "").code for shape in shapes}
