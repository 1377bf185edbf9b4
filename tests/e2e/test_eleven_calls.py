"""Every call of the API in one pass with curl. `pytest -s` prints what it printed."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from local_cognito.process import RunningCognito
from tests.e2e.real_clients import Pool, pycognito
from tests.servers import Service

SCRIPT = Path(__file__).with_name("eleven_calls.sh")
CALL = re.compile(r"^ ?\d+  (.*)\n +HTTP/1\.1 (\d+)", re.MULTILINE)


@pytest.fixture
def environment(cognito: RunningCognito, service: Service) -> dict[str, str]:
    """What the script asks for: a device that is not tracked, and three that are."""
    other, third, _ = cognito.control(
        "POST", "/_local/sign-in", count=3, device_name="Ada's phone"
    )["sign_ins"]
    with pycognito(Pool(cognito.url)) as device:
        tokens = device.authenticate()
    return {
        "PATH": os.environ["PATH"],
        "BASE": service.url,
        "TOKEN": tokens["AccessToken"],
        "DEVICE_KEY": tokens["NewDeviceMetadata"]["DeviceKey"],
        "DEVICE_GROUP_KEY": tokens["NewDeviceMetadata"]["DeviceGroupKey"],
        "OTHER_TOKEN": other["access_token"],
        "THIRD_KEY": third["device_key"],
    }


def test_the_eleven_calls_succeed_in_one_pass_with_curl(environment: dict[str, str]) -> None:
    done = subprocess.run(
        [SCRIPT], env=environment, stdout=subprocess.PIPE, text=True, timeout=60, check=False
    )
    print(done.stdout)  # noqa: T201 - to be read
    assert done.returncode == 0
    new, third = environment["DEVICE_KEY"], environment["THIRD_KEY"]
    tracking = f'{{"deviceKey": "{new}", "deviceGroupKey": "{environment["DEVICE_GROUP_KEY"]}"}}'
    assert CALL.findall(done.stdout) == [
        (f"POST /devices  {tracking}", "201"),
        ("GET /devices?limit=2", "200"),
        (f"GET /devices/{third}", "200"),
        ("GET /devices/current", "200"),
        (f'PATCH /devices/{third}  {{"status": "not_remembered"}}', "200"),
        ('PATCH /devices/current  {"status": "remembered"}', "200"),
        (f"DELETE /devices/{third}", "204"),
        ("DELETE /devices/current", "204"),
        ("DELETE /devices?scope=others", "200"),
        ("DELETE /devices?scope=all", "200"),
        ("POST /devices/sign-out", "204"),
    ]
