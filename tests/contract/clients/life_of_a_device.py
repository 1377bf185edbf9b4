"""The whole life of a device through the generated Python client.

In the environment: SERVICE_URL; ACCESS_TOKEN, of a sign-in whose device is not tracked yet;
DEVICE_KEY, that device's; OTHER_DEVICE_KEY, of a remembered device of the same user.
"""

import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime

from device_bff import ApiClient, ApiException, Configuration, DevicesApi
from device_bff.models import (
    DeletionScope,
    Device,
    DeviceStatus,
    Problem,
    StatusUpdate,
    TrackDevice,
    TrackDeviceWithGroupKey,
)

device_key, other_device_key = os.environ["DEVICE_KEY"], os.environ["OTHER_DEVICE_KEY"]
api = DevicesApi(
    ApiClient(
        Configuration(host=os.environ["SERVICE_URL"], access_token=os.environ["ACCESS_TOKEN"])
    )
)
to_track = TrackDevice(
    TrackDeviceWithGroupKey(
        deviceKey=device_key, name="A generated client", deviceGroupKey="-generated"
    )
)


def list_all() -> list[Device]:
    devices, cursor = [], None
    while True:
        page = api.list_devices(limit=1, cursor=cursor)
        devices += page.items
        cursor = page.next_cursor
        if cursor is None:
            return devices


def problem_of(call: Callable[..., object], *arguments: object) -> str:
    """The code of the problem that a call ends with."""
    try:
        call(*arguments)
    except ApiException as refusal:
        problem = Problem.from_json(refusal.body)
        stated = (refusal.status, refusal.headers["X-Request-ID"])
    assert (problem.status, problem.request_id) == stated
    return problem.code


# It signs in, and is tracked; a second time it cannot be.
tracked = api.track_device_with_http_info(to_track)
assert tracked.status_code == 201
assert tracked.headers["Location"] == f"/devices/{device_key}"
assert tracked.data.status is DeviceStatus.REMEMBERED
assert tracked.data.user_confirmation_necessary is False
assert tracked.data.device_password
assert problem_of(api.track_device, to_track) == "device-already-tracked"

# It is listed, page by page, beside the other one.
listed = {device.id: device for device in list_all()}
assert listed.keys() == {device_key, other_device_key}
assert [device.name for device in listed.values() if device.current] == ["A generated client"]

# It is shown, by its id and as the current one.
shown = api.get_device(device_key)
assert shown == api.get_current_device() == listed[device_key]
assert shown.created_at <= datetime.now(UTC)

# It is remembered no longer, and then again.
no_longer = StatusUpdate(status=DeviceStatus.NOT_REMEMBERED)
assert api.update_device(device_key, no_longer).status is DeviceStatus.NOT_REMEMBERED
assert problem_of(api.get_device, device_key) == "device-not-found"
back = api.update_current_device(StatusUpdate(status=DeviceStatus.REMEMBERED))
assert (back.id, back.current) == (device_key, True)

# The other one is forgotten, then it is itself.
report = api.forget_devices(DeletionScope.OTHERS)
assert (report.forgotten, report.failed) == ([other_device_key], [])
assert api.forget_device(device_key) is None
assert problem_of(api.forget_current_device) == "device-not-found"

# A problem code that came after this client was generated is read like any other.
unknown = {
    "type": "urn:device-bff:problem:user-disabled",
    "title": "User disabled",
    "status": 403,
    "detail": "The user was disabled.",
    "instance": "/devices",
    "code": "user-disabled",
    "requestId": "1",
}
assert Problem.from_dict(unknown).code == "user-disabled"

# The user signs out everywhere.
assert api.sign_out_everywhere() is None
assert problem_of(api.list_devices) == "invalid-token"
sys.stdout.write("lived\n")
