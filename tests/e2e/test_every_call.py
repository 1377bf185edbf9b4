"""Every call of the API in one pass with curl. `pytest -s` prints what it printed."""

import os
import re
import subprocess
from pathlib import Path

from local_cognito.process import RunningCognito
from tests.servers import Service

SCRIPT = Path(__file__).with_name("every_call.sh")
CALL = re.compile(r"^ ?\d+  (\S+ \S+).*\n +HTTP/1\.1 (\d+)", re.MULTILINE)


def test_every_call_succeeds_in_one_pass_with_curl(
    cognito: RunningCognito, service: Service
) -> None:
    other, third = cognito.control("POST", "/_local/sign-in", count=2)["sign_ins"]
    new = cognito.control("POST", "/_local/sign-in", track=False)
    environment = {
        "PATH": os.environ["PATH"],
        "BASE": service.url,
        "TOKEN": new["access_token"],
        "DEVICE_KEY": new["device_key"],
        "DEVICE_GROUP_KEY": new["device_group_key"],
        "OTHER_TOKEN": other["access_token"],
        "THIRD_KEY": third["device_key"],
    }
    done = subprocess.run([SCRIPT], env=environment, stdout=subprocess.PIPE, text=True)
    print(done.stdout)  # noqa: T201 - to be read
    assert done.returncode == 0
    made = re.sub(r"tkn\w{25}", "{session}", done.stdout.replace(third["device_key"], "{id}"))
    assert CALL.findall(made) == [
        ("POST /devices", "201"),
        ("GET /devices?limit=2", "200"),
        ("GET /devices/{id}", "200"),
        ("GET /devices/current", "200"),
        ("PATCH /devices/{id}", "200"),
        ("PATCH /devices/current", "200"),
        ("DELETE /devices/{id}", "204"),
        ("DELETE /devices/current", "204"),
        ("GET /sessions", "200"),
        ("DELETE /sessions/{session}?linked=true", "204"),
        ("DELETE /sessions?scope=others", "200"),
        ("DELETE /devices?scope=others", "200"),
        ("DELETE /devices?scope=all", "200"),
        ("POST /devices/sign-out", "204"),
    ]
