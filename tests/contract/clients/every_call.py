"""Every call of the API through the generated Python client.

In the environment: SERVICE_URL; ACCESS_TOKEN, of a sign-in whose device is not tracked yet;
DEVICE_KEY, that device's. The user is also signed in from two remembered devices.
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
from device_bff.models import (
    DeletionScope,
    Device,
    DeviceStatus,
    EndingScope,
    ErrorCode,
    Problem,
    StatusUpdate,
    TrackDevice,
)

device_key = os.environ["DEVICE_KEY"]
client = ApiClient(
    Configuration(host=os.environ["SERVICE_URL"], access_token=os.environ["ACCESS_TOKEN"])
)
devices, sessions, health = DevicesApi(client), SessionsApi(client), HealthApi(client)


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
    except ApiException as refusal:
        problem = Problem.from_json(refusal.body)
        stated = (refusal.status, refusal.headers["X-Request-ID"])
    assert (problem.status, problem.request_id) == stated
    code: str = problem.code
    return code


assert health.get_health().status == "ok"
assert health.get_readiness().ready

to_track = TrackDevice(deviceKey=device_key, name="A client", deviceGroupKey="-generated")
tracked = devices.track_device_with_http_info(to_track)
assert tracked.headers["Location"] == f"/devices/{device_key}"
assert tracked.data.status == "remembered"
assert tracked.data.device_password
assert problem_of(devices.track_device, to_track) == ErrorCode.DEVICE_ALREADY_TRACKED

listed = {device.id: device for device in list_all()}
assert len(listed) == 3
shown = devices.get_device(device_key)
assert shown == devices.get_current_device() == listed[device_key]
assert (shown.display_name, shown.device_type, shown.current) == ("A client", None, True)

no_longer = StatusUpdate(status=DeviceStatus.NOT_REMEMBERED)
assert devices.update_device(device_key, no_longer).status == "not_remembered"
assert problem_of(devices.get_device, device_key) == ErrorCode.DEVICE_NOT_FOUND
back = devices.update_current_device(StatusUpdate(status=DeviceStatus.REMEMBERED))
assert (back.id, back.current) == (device_key, True)

others = [session.id for session in sessions.list_sessions().items if not session.current]
assert len(others) == 2
assert sessions.end_session(others[0], linked=True) is None
assert sessions.end_sessions(EndingScope.OTHERS).ended == others[1:]

report = devices.forget_devices(DeletionScope.OTHERS)
assert {*report.forgotten, device_key} == listed.keys()
assert devices.forget_device(device_key) is None
assert problem_of(devices.forget_current_device) == ErrorCode.DEVICE_NOT_FOUND

# A code that came after this client was generated is read like any other.
newer = {"code": "user-disabled", "type": "urn:x", "title": "T", "status": 403, "detail": "D"}
assert Problem.from_dict(newer | {"instance": "/", "requestId": "1"}).code == "user-disabled"

assert devices.sign_out_everywhere() is None
assert problem_of(devices.list_devices) == ErrorCode.INVALID_TOKEN
sys.stdout.write("done\n")
