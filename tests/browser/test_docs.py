"""The docs page in a real browser, where docs.mjs does what people do; and how it is served."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import requests

from local_cognito.process import RunningCognito
from tests.servers import Service, serving, settings_for

HERE = Path(__file__).parent


def visit(name: str, service: Service, cognito: RunningCognito, width: int = 1280) -> None:
    """Run a visit of docs.mjs. No console error, and no request that leaves this machine."""
    chromium = shutil.which("chromium")
    assert chromium, "tests/system-packages.sh installs it"
    done = subprocess.run(
        ["node", str(HERE / "browser.mjs")],
        env={
            "PATH": os.environ["PATH"],
            "HOME": os.environ["HOME"],
            "VISIT": name,
            "SERVICE_URL": service.url,
            "COGNITO_URL": cognito.url,
            "CHROMIUM": chromium,
            "WIDTH": str(width),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=90,
    )
    assert done.returncode == 0, done.stdout


def test_a_pasted_token_carries_a_device_through_its_life(
    cognito: RunningCognito, service: Service
) -> None:
    visit("lifeOfADevice", service, cognito)


def test_the_demo_user_signs_in_without_a_terminal(
    cognito: RunningCognito, service_with_sign_in: Service
) -> None:
    visit("demoSignIn", service_with_sign_in, cognito)


def test_a_reload_forgets_the_token(cognito: RunningCognito, service_with_sign_in: Service) -> None:
    visit("reload", service_with_sign_in, cognito)


def test_a_link_leads_to_an_operation(cognito: RunningCognito, service: Service) -> None:
    visit("deepLink", service, cognito)


def test_the_filter_filters(cognito: RunningCognito, service: Service) -> None:
    visit("filter", service, cognito)


@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_is_wider_than_the_screen(
    cognito: RunningCognito, service_with_sign_in: Service, width: int
) -> None:
    visit("width", service_with_sign_in, cognito, width)


def test_all_text_can_be_read(cognito: RunningCognito, service: Service) -> None:
    visit("contrast", service, cognito)


def test_scripts_come_from_this_server_alone(service: Service) -> None:
    policy = requests.get(f"{service.url}/docs", timeout=5).headers["Content-Security-Policy"]
    assert policy.split("; ") == [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]


def test_the_page_may_call_the_sign_in_only_where_it_is_set(
    cognito: RunningCognito, service: Service, service_with_sign_in: Service
) -> None:
    without, with_it = (
        requests.get(f"{it.url}/docs", timeout=5) for it in (service, service_with_sign_in)
    )
    assert f"connect-src 'self' {cognito.url};" in with_it.headers["Content-Security-Policy"]
    assert "sign-in" in with_it.text
    assert "sign-in" not in without.text


@pytest.mark.parametrize(
    "path", ["/docs/swagger-ui.js.map", "/docs/..%2Fdocs.py", "/docs/docs.html"]
)
def test_no_other_file_is_served(service: Service, path: str) -> None:
    assert requests.get(service.url + path, timeout=5).status_code == 404


def test_the_page_and_the_way_to_it_can_be_switched_off(cognito_server: RunningCognito) -> None:
    with serving(settings_for(cognito_server) | {"DOCS_ENABLED": "false"}) as service:
        for path in ("/", "/docs", "/docs/docs.js"):
            answer = requests.get(service.url + path, timeout=5)
            assert (answer.status_code, answer.json()["code"]) == (404, "not-found")
        assert requests.get(f"{service.url}/openapi.json", timeout=5).status_code == 200
