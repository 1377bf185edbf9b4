"""What Schemathesis must know to call the service as a signed-in user; SCHEMATHESIS_HOOKS names it.

In the environment: COGNITO_URL, the local Cognito's.
"""

import os
from typing import Any

import requests
import schemathesis
from schemathesis import AuthContext, Case, CheckContext, HookContext, Response

from local_cognito.process import RunningCognito
from tests.contract.test_problems import NOT_OF_A_CALL, documented

COGNITO = RunningCognito(os.environ["COGNITO_URL"])
CALLS_A_TOKEN = 20
"""A sign-in makes a device: a few for the calls to work on, and not too many for a page."""


@schemathesis.auth(refresh_interval=None)
class AccessTokens:
    """Tokens of `demo`, whose devices are what is tried; of `demo2`, to sign out with."""

    def __init__(self) -> None:
        self._token = ""
        self._given = 0

    def get(self, case: Case[Any], context: AuthContext) -> str:
        if _operation_id(case) == "signOutEverywhere":
            return _signed_in("demo2")
        if _operation_id(case) == "forgetCurrentDevice":  # each call needs one to forget
            return _signed_in("demo")
        if self._given % CALLS_A_TOKEN == 0:
            self._token = _signed_in("demo")
        self._given += 1
        return self._token

    def set(self, case: Case[Any], data: str, context: AuthContext) -> None:
        case.headers["Authorization"] = f"Bearer {data}"


@schemathesis.hook
def before_call(context: HookContext, case: Case[Any], kwargs: dict[str, Any]) -> None:
    """Put what only Cognito can give where it belongs: no generated value is one of its own."""
    well_formed = case.meta is not None and case.meta.generation.mode.is_positive
    if not well_formed or "Authorization" not in case.headers:
        return
    if _operation_id(case) == "trackDevice":
        offered = COGNITO.control("POST", "/_local/tokens", username="demo")
        case.headers["Authorization"] = f"Bearer {offered['token']}"
        body: Any = case.body
        body["deviceKey"] = offered["claims"]["device_key"]
        if body.get("secretVerifier"):  # exactly one, which the schema cannot say
            body.pop("deviceGroupKey", None)
        elif not body.get("deviceGroupKey"):
            body["deviceGroupKey"] = "-group"
    if _operation_id(case) == "updateDevice":  # no other can be remembered
        own = _get(case, "/devices").get("currentDeviceId")
        case.path_parameters["id"] = own or case.path_parameters["id"]
    if _operation_id(case) == "forgetDevices":  # they go together, which the schema cannot say
        if case.query.get("scope") == "inactive":
            case.query.setdefault("days", 90)
        else:
            case.query.pop("days", None)
    if _operation_id(case) == "endSession":
        COGNITO.control("POST", "/_local/sign-in", username="demo")
        for session in _get(case, "/sessions").get("items", ()):
            if not session["current"]:
                case.path_parameters["id"] = session["id"]
    if _operation_id(case) == "listSessions":
        case.query.pop("cursor", None)  # no user here has more sessions than a page
    if _operation_id(case) == "listDevices" and "cursor" in case.query:
        case.query["cursor"] = _cursor(case)


@schemathesis.check
def the_code_is_documented(context: CheckContext, response: Response, case: Case[Any]) -> None:
    """A problem's code is one that the contract lists for the call."""
    if response.headers.get("content-type") == ["application/problem+json"]:
        code = response.json()["code"]
        allowed = documented(case.operation.definition.raw) | NOT_OF_A_CALL
        assert code in allowed, f"{code} is not listed"


def _operation_id(case: Case[Any]) -> str:
    identifier: str = case.operation.definition.raw["operationId"]
    return identifier


def _signed_in(username: str) -> str:
    token: str = COGNITO.control("POST", "/_local/sign-in", username=username)["access_token"]
    return token


def _cursor(case: Case[Any]) -> str:
    """The second page's, of a user with two devices at least."""
    COGNITO.control("POST", "/_local/sign-in", username="demo", count=2)
    return str(_get(case, "/devices?limit=1")["nextCursor"])


def _get(case: Case[Any], path: str) -> Any:
    return requests.get(
        case.operation.base_url.rstrip("/") + path,
        headers={"Authorization": case.headers["Authorization"]},
        timeout=60,
    ).json()
