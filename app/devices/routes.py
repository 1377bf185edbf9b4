"""The `/devices` calls: HTTP only. Each view is its contract, then one call of the service."""

from typing import Any

from flask import Response, current_app, request, url_for
from flask.views import MethodView
from flask_smorest import Blueprint
from werkzeug.routing import BaseConverter

from app.devices.model import (
    DeletionScope,
    Device,
    DevicePage,
    DeviceStatusChange,
    RememberedStatus,
    TrackedDevice,
)
from app.devices.naming import name_from_user_agent
from app.devices.schemas import (
    DeletionQuerySchema,
    DevicePageSchema,
    DeviceSchema,
    ForgetReportSchema,
    PageQuerySchema,
    StatusChangeSchema,
    StatusSchema,
    TrackDeviceSchema,
    TrackedDeviceSchema,
)
from app.devices.service import DeviceService
from app.http.authentication import caller
from app.http.body import StrictParser
from app.http.problems import problem

SERVICE = "device_service"
"""Where `create_app` puts the DeviceService among the application's extensions."""


class DeviceIdConverter(BaseConverter):
    """Any path segment but those that are resources of their own."""

    regex = r"(?!(?:current|sign-out)$)[^/]+"


class DevicesBlueprint(Blueprint):  # type: ignore[misc]
    """flask-smorest's Blueprint, strict about what it is sent."""

    ARGUMENTS_PARSER = StrictParser()


blueprint = DevicesBlueprint("devices", __name__, url_prefix="/devices")


def _devices() -> DeviceService:
    service: DeviceService = current_app.extensions[SERVICE]
    return service


@blueprint.after_request
def keep_out_of_caches(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.route("")
class Devices(MethodView):
    @blueprint.arguments(PageQuerySchema, location="query")
    @blueprint.response(200, DevicePageSchema)
    def get(self, query: dict[str, Any]) -> tuple[DevicePage, dict[str, str]]:
        page = _devices().page(caller(), **query)
        return page, _link_to_next(page, query["limit"])

    @blueprint.arguments(TrackDeviceSchema)
    @blueprint.response(201, TrackedDeviceSchema)
    def post(self, device: dict[str, Any]) -> tuple[TrackedDevice, dict[str, str]]:
        device["name"] = device["name"] or name_from_user_agent(request.headers.get("User-Agent"))
        tracked = _devices().track(caller(), **device)
        return tracked, {"Location": url_for("devices.Device", id=tracked.id)}

    @blueprint.arguments(DeletionQuerySchema, location="query")
    @blueprint.response(200, ForgetReportSchema)
    def delete(self, query: dict[str, DeletionScope]) -> dict[str, Any]:
        report = _devices().forget_many(caller(), query["scope"])
        failed = [
            {"id": it.id, "problem": problem(it.error, url_for("devices.Device", id=it.id))}
            for it in report.failed
        ]
        return {"forgotten": report.forgotten, "failed": failed}


@blueprint.route("/<device_id:id>", endpoint="Device")
class OneDevice(MethodView):
    @blueprint.response(200, DeviceSchema)
    def get(self, id: str) -> Device:
        return _devices().get(caller(), id)

    @blueprint.arguments(StatusSchema)
    @blueprint.response(200, StatusChangeSchema)
    def patch(self, body: dict[str, RememberedStatus], id: str) -> DeviceStatusChange:
        return _devices().set_status(caller(), id, body["status"])

    @blueprint.response(204)
    def delete(self, id: str) -> None:
        _devices().forget(caller(), id)


@blueprint.route("/current")
class CurrentDevice(MethodView):
    @blueprint.response(200, DeviceSchema)
    def get(self) -> Device:
        return _devices().get(caller(), _devices().current_device_key(caller()))

    @blueprint.arguments(StatusSchema)
    @blueprint.response(200, StatusChangeSchema)
    def patch(self, body: dict[str, RememberedStatus]) -> DeviceStatusChange:
        device_key = _devices().current_device_key(caller())
        return _devices().set_status(caller(), device_key, body["status"])

    @blueprint.response(204)
    def delete(self) -> None:
        _devices().forget(caller(), _devices().current_device_key(caller()))


@blueprint.route("/sign-out")
class SignOut(MethodView):
    @blueprint.response(204)
    def post(self) -> None:
        _devices().sign_out_everywhere(caller())


def _link_to_next(page: DevicePage, limit: int) -> dict[str, str]:
    """RFC 8288 Link to the page after `page`."""
    if page.next_cursor is None:
        return {}
    following = url_for("devices.Devices", limit=limit, cursor=page.next_cursor)
    return {"Link": f'<{following}>; rel="next"'}
