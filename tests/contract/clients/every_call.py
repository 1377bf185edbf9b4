"""Every call of the API through the generated Python client.

In the environment: SERVICE_URL; ACCESS_TOKEN, of a sign-in whose device is not tracked yet, and
DEVICE_KEY, that device's; OTHER_TOKEN and OTHER_KEY, of another such sign-in; the user is also
signed in from two remembered devices. TOMORROW_URL: a service with members and words to come.
"""

import os
import sys
from collections.abc import Callable

from device_bff import (
    ApiClient,
    ApiException,
    Configuration,
    DevicesApi,
    HealthApi,
    SessionsApi,
)
from device_bff.models import Device, ErrorCode, Problem, SecretVerifier, StatusUpdate, TrackDevice

device_key = os.environ["DEVICE_KEY"]


def client(token: str, url: str = "SERVICE_URL") -> ApiClient:
    return ApiClient(Configuration(host=os.environ[url], access_token=os.environ[token]))


ours = client("ACCESS_TOKEN")
devices, sessions, health = DevicesApi(ours), SessionsApi(ours), HealthApi(ours)


def list_all() -> list[Device]:
    page = devices.list_devices(limit=1)
    found = list(page.items)
    while page.next_cursor is not None:
        page = devices.list_devices(limit=1, cursor=page.next_cursor)
        found += page.items
    return found


def problem_of(call: Callable[..., object], *arguments: object) -> str:
    """The code of the problem that a call ends with."""
    try:
        call(*arguments)
    except ApiException as error:
        refusal = error
    problem = Problem.from_json(refusal.body)
    assert problem.status == refusal.status
    code: str = problem.code
    return code


assert health.get_health().status == "ok"
assert health.get_readiness().ready

verifier = SecretVerifier(passwordVerifier="cGFzc3dvcmQtdmVyaWZpZXI=", salt="c2FsdHNhbHQ=")
by_verifier = TrackDevice(deviceKey=os.environ["OTHER_KEY"], secretVerifier=verifier)
assert by_verifier.to_dict()["secretVerifier"]["salt"] == "c2FsdHNhbHQ="
other = DevicesApi(client("OTHER_TOKEN")).track_device(by_verifier)
assert (other.status, other.device_password) == ("remembered", None)
by_group_key = TrackDevice(deviceKey=device_key, name="A client", deviceGroupKey="-generated")
tracked = devices.track_device_with_http_info(by_group_key)
assert tracked.headers["Location"] == f"/devices/{device_key}"
assert tracked.data.device_password
assert problem_of(devices.track_device, by_group_key) == ErrorCode.DEVICE_ALREADY_TRACKED

listed = {device.id: device for device in list_all()}
assert len(listed) == 4
shown = devices.get_device(device_key)
assert shown == devices.get_current_device() == listed[device_key]
assert (shown.display_name, shown.device_type, shown.current) == ("A client", None, True)
assert set(shown.to_dict()) >= {"id", "status", "current", "attributes"}

no_longer = StatusUpdate(status="not_remembered")
assert devices.update_device(device_key, no_longer).status == "not_remembered"
assert problem_of(devices.get_device, device_key) == ErrorCode.DEVICE_NOT_FOUND
back = devices.update_current_device(StatusUpdate(status="remembered"))
assert (back.id, back.current) == (device_key, True)

others = [session.id for session in sessions.list_sessions().items if not session.current]
assert len(others) == 3
assert sessions.end_session(others[0], linked=True, reason="not-mine") is None
assert sessions.end_sessions("others").ended == others[1:]

report = devices.forget_devices("others")
assert {*report.forgotten, device_key} == listed.keys()
assert devices.forget_device(device_key) is None
assert problem_of(devices.forget_current_device) == ErrorCode.DEVICE_NOT_FOUND

tomorrow = client("ACCESS_TOKEN", "TOMORROW_URL")
watch = DevicesApi(tomorrow).get_current_device()
assert (watch.device_type, watch.status) == ("watch", "lost")
assert SessionsApi(tomorrow).list_sessions().items[0].session_type == "passkey"
assert problem_of(DevicesApi(tomorrow).get_device, device_key) == "on-holiday"

assert devices.sign_out_everywhere() is None
assert problem_of(devices.list_devices) == ErrorCode.INVALID_TOKEN
sys.stdout.write("done\n")
