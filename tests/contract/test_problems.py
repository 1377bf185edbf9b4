"""The problems that the contract lists for a call are those that the call can answer with."""

from typing import Any

import botocore.session
import pytest

from app.cognito.errors import to_service_error
from app.domain import operations as cognito
from app.domain.errors import ErrorCode
from tests.contract.conftest import METHODS, Operation

CALLS = {
    "listDevices": cognito.LIST_DEVICES,
    "trackDevice": cognito.CONFIRM_DEVICE,
    "forgetDevices": cognito.LIST_DEVICES,  # what ForgetDevice answers is in its report
    "getDevice": cognito.GET_DEVICE,
    "updateDevice": cognito.UPDATE_DEVICE_STATUS,
    "forgetDevice": cognito.FORGET_DEVICE,
    "getCurrentDevice": cognito.GET_DEVICE,
    "updateCurrentDevice": cognito.UPDATE_DEVICE_STATUS,
    "forgetCurrentDevice": cognito.FORGET_DEVICE,
    "signOutEverywhere": cognito.GLOBAL_SIGN_OUT,
    "listSessions": cognito.LIST_USER_SESSIONS,
    "endSession": cognito.REVOKE_USER_SESSION,
    "endSessions": cognito.LIST_USER_SESSIONS,  # likewise
}
CODES = {code.value: code for code in ErrorCode}
TAKES_A_BODY = {"trackDevice", "updateDevice", "updateCurrentDevice"}
TAKES_A_QUERY = {
    *("listDevices", "forgetDevices", "forgetDevice"),
    *("listSessions", "endSession", "endSessions"),
}
ASKS_TO_SIGN_IN_AGAIN = {
    *("trackDevice", "forgetDevices", "updateDevice", "forgetDevice", "updateCurrentDevice"),
    *("endSession", "endSessions"),
}
OURS = {
    *(ErrorCode.MISSING_TOKEN, ErrorCode.INVALID_TOKEN, ErrorCode.INSUFFICIENT_SCOPE),
    *(ErrorCode.RATE_LIMITED, ErrorCode.QUOTA_EXCEEDED, ErrorCode.INTERNAL_ERROR),
    *(ErrorCode.UPSTREAM_ERROR, ErrorCode.UPSTREAM_TIMEOUT, ErrorCode.UPSTREAM_UNAVAILABLE),
}
OF_A_BODY = {ErrorCode.MALFORMED_BODY, ErrorCode.BODY_TOO_LARGE, ErrorCode.VALIDATION_FAILED}
NOT_OF_A_CALL = {
    *(ErrorCode.NOT_FOUND, ErrorCode.METHOD_NOT_ALLOWED, ErrorCode.MALFORMED_REQUEST),
    *(ErrorCode.REQUEST_TIMEOUT, ErrorCode.URI_TOO_LONG, ErrorCode.HEADERS_TOO_LARGE),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_call_lists_what_it_can_answer_with(operations: dict[str, Operation], name: str) -> None:
    possible = OURS | _codes_of_cognito(CALLS[name])
    possible |= OF_A_BODY if name in TAKES_A_BODY else set()
    possible |= {ErrorCode.VALIDATION_FAILED} if name in TAKES_A_QUERY else set()
    possible |= {ErrorCode.NO_CURRENT_DEVICE} if "Current" in name else set()
    possible |= {ErrorCode.INVALID_PARAMETER} if name == "endSession" else set()  # not the own one
    possible |= {ErrorCode.REAUTHENTICATION_REQUIRED} if name in ASKS_TO_SIGN_IN_AGAIN else set()
    possible |= {ErrorCode.NOT_THIS_DEVICE} if name == "updateDevice" else set()
    assert documented(operations[name]) == possible


def test_every_code_is_listed_by_a_call_or_told_of_at_the_top(
    contract: dict[str, Any], operations: dict[str, Operation]
) -> None:
    listed = set().union(*map(documented, operations.values()))
    assert listed == set(ErrorCode) - NOT_OF_A_CALL
    assert all(f"`{code}`" in contract["info"]["description"] for code in NOT_OF_A_CALL)


def test_each_problem_has_an_example_of_the_call_itself(contract: dict[str, Any]) -> None:
    for path, item in contract["paths"].items():
        for parameter in item.get("parameters", ()):
            path = path.replace(f"{{{parameter['name']}}}", parameter["example"])
        for method in item.keys() & set(METHODS):
            for code, value in _examples(item[method]).items():
                row = CODES[code]
                assert (value["code"], value["instance"]) == (code, path)
                assert (value["status"], value["title"]) == (row.status, row.heading)


@pytest.mark.parametrize("name", CALLS)
def test_a_refused_parameter_is_told_of_as_the_call_tells_it(
    operations: dict[str, Operation], name: str
) -> None:
    told = to_service_error(CALLS[name], "InvalidParameterException", "")
    assert _examples(operations[name])[told.code]["detail"] == told.detail


@pytest.mark.parametrize("name", sorted(TAKES_A_BODY | TAKES_A_QUERY))
def test_an_invalid_request_is_shown_with_a_field_of_the_call(
    contract: dict[str, Any], operations: dict[str, Operation], name: str
) -> None:
    fields = {it["name"] for it in operations[name].get("parameters", ()) if it["in"] == "query"}
    for content in operations[name].get("requestBody", {}).get("content", {}).values():
        schema = content["schema"]["$ref"].rpartition("/")[2]
        fields |= contract["components"]["schemas"][schema]["properties"].keys()
    assert _examples(operations[name])["validation-failed"]["errors"].keys() <= fields


@pytest.mark.parametrize("name", sorted(name for name, call in CALLS.items() if call.lost))
def test_a_change_says_what_may_have_happened_when_cognito_does_not_answer(
    operations: dict[str, Operation], name: str
) -> None:
    advice = str(CALLS[name].lost)
    for status in ("502", "504"):
        assert advice in operations[name]["responses"][status]["description"]
    assert advice not in operations[name]["responses"]["503"]["description"]  # nothing was changed
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
    for name in CALLS:
        assert header in operations[name]["responses"][status]["headers"]


def documented(operation: Operation) -> set[ErrorCode]:
    """The codes that an operation lists, each under its own status."""
    codes = set()
    for status, response in operation["responses"].items():
        content = response.get("content", {}).get("application/problem+json", {})
        for code in map(CODES.__getitem__, content.get("examples", {})):
            assert str(code.status) == status
            assert f"`{code}`" in response["description"]
            codes.add(code)
    return codes


def _examples(operation: Operation) -> dict[str, dict[str, Any]]:
    """The problems shown with an operation, by code."""
    return {
        code: example["value"]
        for response in operation["responses"].values()
        for content in [response.get("content", {}).get("application/problem+json", {})]
        for code, example in content.get("examples", {}).items()
    }


def _codes_of_cognito(operation: cognito.Operation) -> set[ErrorCode]:
    """What we make of the errors that botocore's model lists for an operation of Cognito."""
    model = botocore.session.get_session().get_service_model("cognito-idp")
    shapes = model.operation_model(operation.name).error_shapes
    return {to_service_error(operation, shape.name, "").code for shape in shapes}
