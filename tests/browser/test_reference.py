"""What Swagger UI at /docs shows and where, in a real browser: reference_visits.mjs."""

import gzip
import json

import pytest
import requests

from local_cognito.process import RunningCognito
from tests.browser.visits import ServedPage, Visitor
from tests.servers import Service

MAX_BYTES_ON_THE_WIRE = 100 * 1024


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("pastedToken", id="what a token that the visitor brought may do"),
        pytest.param("demoSignIn", id="the demo user, until the page is loaded again"),
        pytest.param("deepLink", id="an operation, unfolded, for a link"),
        pytest.param("heights", id="the first call on the first screen, each within three"),
        pytest.param("problemExamples", id="one example a status, when asked for"),
        pytest.param("signedInState", id="who is signed in, until a sign-out everywhere"),
        pytest.param("revokedToken", id="a token that is not accepted any more"),
        pytest.param("newDevice", id="a sign-in on a new device ends in 201"),
        pytest.param("scope", id="no scope is chosen beforehand"),
        pytest.param("filterById", id="the filter knows operation ids"),
        pytest.param("phone", id="nothing too wide for a phone, and buttons clear of the text"),
        pytest.param("darkTheme", id="a dark theme that can be read"),
    ],
)
def test_the_page_shows(
    name: str, cognito: RunningCognito, service_with_sign_in: Service, visitor: Visitor
) -> None:
    visitor.visit(
        "reference_visits.mjs",
        name,
        cognito,
        ServedPage(service_with_sign_in.url, [f"{cognito.url}/_local/sign-in", "data:", "blob:"]),
        strict=name != "revokedToken",
    )


def test_the_document_is_small_on_the_wire(service: Service) -> None:
    answer = requests.get(
        f"{service.url}/openapi.json", headers={"Accept-Encoding": "gzip"}, stream=True, timeout=5
    )
    sent = answer.raw.read(decode_content=False)
    assert json.loads(gzip.decompress(sent))["openapi"] == "3.1.0"
    assert len(sent) < MAX_BYTES_ON_THE_WIRE
