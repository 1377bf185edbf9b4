"""The `/devices` calls: HTTP only. Each view is its contract, then one call of the service."""

from typing import Any

from flask import current_app, request, url_for
from flask.views import MethodView
from werkzeug.routing import BaseConverter

from app.devices.schemas import (
    ONE_SECRET,
    DeletionQuerySchema,
    DevicePageSchema,
    DeviceSchema,
    ForgetReportSchema,
    ForgettingQuerySchema,
    PageQuerySchema,
    StatusChangeSchema,
    StatusUpdateSchema,
    TrackDeviceSchema,
    TrackedDeviceSchema,
)
from app.devices.service import DeviceService
from app.domain import operations
from app.domain.devices import (
    DEVICE_KEY_MAX_LENGTH,
    DEVICE_KEY_PATTERN,
    Device,
    DevicePage,
    DeviceStatus,
    StatusChange,
    TrackedDevice,
)
from app.domain.errors import ErrorCode
from app.http.blueprint import ApiBlueprint, id_in_path, named, operation
from app.http.gate import caller, caller_has_left, current_device
from app.http.links import next_page
from app.http.problems import failures

SIGN_OUT = "devices.SignOut"
SERVICE = "device_service"
"""Where `create_app` puts the DeviceService among the application's extensions."""

THEN = {
    "getDevice": "Show the device.",
    "updateDevice": "Stop remembering the device, or remember it where it is this one.",
    "forgetDevice": "Forget the device.",
}
REASON_ERRORS = {"reason": ["Must be one of: not-mine."]}
STATUS_ERRORS = {"status": ["Must be one of: remembered, not_remembered."]}


class DeviceIdConverter(BaseConverter):
    """Any path segment but those that are resources of their own."""

    regex = r"(?!(?:current|sign-out)$)[^/]+"


def device_id_schema(converter: DeviceIdConverter) -> dict[str, Any]:
    """The OpenAPI schema of an id in a path."""
    return {
        "type": "string",
        "pattern": DEVICE_KEY_PATTERN,
        "minLength": 1,
        "maxLength": DEVICE_KEY_MAX_LENGTH,
    }


blueprint = ApiBlueprint("devices", __name__, url_prefix="/devices")


def _devices() -> DeviceService:
    service: DeviceService = current_app.extensions[SERVICE]
    return service


@blueprint.route("")
class Devices(MethodView):
    @operation(
        "listDevices",
        calls=operations.LIST_DEVICES,
        errors={"limit": ["Must be greater than or equal to 1 and less than or equal to 60."]},
        id_at="/items/0/id",
        then=THEN,
    )
    @blueprint.arguments(PageQuerySchema, location="query")
    @blueprint.response(
        200,
        DevicePageSchema,
        description="A page of devices.",
        examples=named("first-page", "last-page"),
        headers={"Link": "Link"},
    )
    def get(self, query: dict[str, Any]) -> tuple[DevicePage, dict[str, str]]:
        """List the user's devices.

        Page by page, remembered devices only: Cognito lists no other kind. While `nextCursor` is
        not null there is another page, even when this one is short or empty.
        """
        page = _devices().page(caller(), **query)
        return page, next_page("devices.Devices", page.next_cursor, limit=query["limit"])

    @operation(
        "trackDevice",
        ErrorCode.DEVICE_ALREADY_TRACKED,
        calls=operations.CONFIRM_DEVICE,
        errors={"secretVerifier": [ONE_SECRET], "deviceGroupKey": [ONE_SECRET]},
        id_at="/id",
        then=THEN,
    )
    @blueprint.arguments(
        TrackDeviceSchema,
        description="The device, and one of two ways to its secret.",
        examples=named("track-with-verifier", "track-with-group-key"),
    )
    @blueprint.response(
        201,
        TrackedDeviceSchema,
        description="The device is tracked.",
        examples=named("remembered-at-once", "tracked-until-opt-in"),
        headers={"Location": "Location"},
    )
    def post(self, device: dict[str, Any]) -> tuple[TrackedDevice, dict[str, str]]:
        """Track a device that has just signed in.

        Amplify's libraries do this themselves; with them, do not call it. Elsewhere call it once,
        after a sign-in whose result holds `NewDeviceMetadata`, with the access token of that very
        sign-in. Send `secretVerifier` if your client can compute one; otherwise send
        `deviceGroupKey`, and keep the `devicePassword` that is answered.

        When `userConfirmationNecessary` is true, ask "Remember this device?" and call
        `updateCurrentDevice` on a yes; until then Cognito does not list the device.

        When no answer came, or a 502 or 504, the device may be tracked already. With
        `secretVerifier`, repeat the call with the same verifier, and take 409
        `device-already-tracked` for success; `getCurrentDevice` then tells whether the device is
        remembered. With `deviceGroupKey`, do not repeat it: the `devicePassword` may be lost.
        Forget the device and sign the user in again.
        """
        tracked = _devices().track(caller(), **device, user_agent=request.headers.get("User-Agent"))
        return tracked, {"Location": url_for("devices.Device", id=tracked.id)}

    @operation(
        "forgetDevices",
        ErrorCode.INVALID_PARAMETER,
        calls=operations.LIST_DEVICES,
        each=operations.FORGET_DEVICE,
        errors={"scope": ["Missing data for required field."]},
    )
    @blueprint.arguments(DeletionQuerySchema, location="query")
    @blueprint.response(
        200,
        ForgetReportSchema,
        description="What was forgotten and what was not. Look at `failed`.",
        examples=named("all-forgotten", "some-failed"),
    )
    def delete(self, query: dict[str, Any]) -> dict[str, Any]:
        """Forget many devices: all others, all, or those long unused or no longer trusted.

        Those that `listDevices` shows, that is, remembered devices only. Devices that are tracked
        and not remembered stay, and stay signed in: use `forgetDevice` for one whose id you know,
        or `signOutEverywhere`.

        The refresh tokens of forgotten devices stop working: those devices are signed out when
        their access tokens expire. One at a time, as Cognito's quota allows, so that it may take
        some seconds. An error means that nothing was forgotten: the list is read first. A device
        that could not be forgotten does not stop the rest: it is in `failed`, with
        `device-not-found` when it was forgotten elsewhere meanwhile. Repeating the call is safe.
        """
        report = _devices().forget_many(caller(), **query, has_left=caller_has_left)
        return {"forgotten": report.done, "failed": failures(report, "devices.Device")}


@blueprint.route(
    "/<device_id:id>",
    endpoint="Device",
    parameters=[id_in_path("The device key: a device's `id`.", "phone/id")],
)
class OneDevice(MethodView):
    @operation("getDevice", calls=operations.GET_DEVICE)
    @blueprint.response(200, DeviceSchema, description="The device.", examples=named("phone"))
    def get(self, id: str) -> Device:
        """Show one device.

        Remembered devices only: one that is tracked and not remembered answers 404, as one that
        does not exist.
        """
        return _devices().get(caller(), id)

    @operation(
        "updateDevice",
        ErrorCode.NOT_THIS_DEVICE,
        calls=operations.UPDATE_DEVICE_STATUS,
        errors=STATUS_ERRORS,
    )
    @blueprint.arguments(
        StatusUpdateSchema, description="The status.", examples=named("remember", "no-longer")
    )
    @blueprint.response(
        200,
        StatusChangeSchema,
        description="The status is as asked.",
        examples=named("phone-not-remembered"),
    )
    def patch(self, body: dict[str, DeviceStatus], id: str) -> StatusChange:
        """Stop remembering a device, or remember this one.

        A remembered device may skip the second factor, so only the device that signed in can be
        remembered: the one in the access token's `device_key`. Any may be set to `not_remembered`:
        it stays tracked and signed in, but leaves the list. Repeating the call is safe.
        """
        return _devices().set_status(caller(), id, body["status"])

    @operation("forgetDevice", calls=operations.FORGET_DEVICE, errors=REASON_ERRORS)
    @blueprint.arguments(ForgettingQuerySchema, location="query")
    @blueprint.response(204, description="The device is forgotten.")
    def delete(self, query: dict[str, Any], id: str) -> None:
        """Forget a device.

        Its refresh tokens stop working, so that it is signed out when its access token expires.
        The client on that device must drop its stored device key, group key and password, or its
        next sign-in fails with "Device does not exist." A forgotten device is new at its next
        sign-in. Repeating the call is safe: 404 `device-not-found` then means that it is done.
        """
        _devices().forget(caller(), id, **query)


@blueprint.route("/current")
class CurrentDevice(MethodView):
    @operation("getCurrentDevice", ErrorCode.NO_CURRENT_DEVICE, calls=operations.GET_DEVICE)
    @blueprint.response(200, DeviceSchema, description="The device.", examples=named("laptop"))
    def get(self) -> Device:
        """Show the device that the call is made from.

        The access token says which it is, so there is nothing to keep or to send. 404 with
        `device-not-found` means that this device is not remembered (yet, or any more): a page can
        offer to remember it. 404 with `no-current-device` means that the token names no device, as
        after a federated or Hosted UI sign-in: there is nothing to offer; `listSessions` shows
        where such users are signed in.
        """
        return _devices().get(caller(), current_device())

    @operation(
        "updateCurrentDevice",
        ErrorCode.NO_CURRENT_DEVICE,
        calls=operations.UPDATE_DEVICE_STATUS,
        errors=STATUS_ERRORS,
    )
    @blueprint.arguments(
        StatusUpdateSchema, description="The status.", examples=named("remember", "no-longer")
    )
    @blueprint.response(
        200,
        StatusChangeSchema,
        description="The status is as asked.",
        examples=named("laptop-remembered"),
    )
    def patch(self, body: dict[str, DeviceStatus]) -> StatusChange:
        """Remember the device that the call is made from, or stop remembering it.

        This is the user's answer to "Remember this device?" where the user pool asks for it.
        Repeating the call is safe.
        """
        return _devices().set_status(caller(), current_device(), body["status"])

    @operation("forgetCurrentDevice", ErrorCode.NO_CURRENT_DEVICE, calls=operations.FORGET_DEVICE)
    @blueprint.response(204, description="The device is forgotten.")
    def delete(self) -> None:
        """Forget the device that the call is made from.

        Its refresh token stops working; the access token of this call works until it expires.
        The client must drop its stored device key, group key and password, or its next sign-in
        fails with "Device does not exist." Repeating the call is safe: 404 `device-not-found` then
        means that it is done.
        """
        _devices().forget(caller(), current_device())


@blueprint.route("/sign-out")
class SignOut(MethodView):
    @operation("signOutEverywhere", calls=operations.GLOBAL_SIGN_OUT)
    @blueprint.response(204, description="Every token of the user is revoked.")
    def post(self) -> None:
        """Sign the user out everywhere, here too.

        Every access and refresh token of the user stops working at once with Cognito and with this
        service. Devices stay tracked and remembered. Takes no body. Repeating the call is safe.
        After a 401 `invalid-token`, refresh the token: if that fails, too, it is done; otherwise
        repeat the call with the new token.
        """
        _devices().sign_out_everywhere(caller())
