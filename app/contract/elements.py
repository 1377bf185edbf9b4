"""`<your-devices>`, the page as a web component, at `/elements/{version}/your-devices.js`.

The files are built from packages/elements (`make elements`). They are public and hold nothing of a
user: any page may load them, without credentials.
"""

from pathlib import Path

from flask import Blueprint, Response, redirect, url_for
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as WerkzeugResponse

from app import VERSION
from app.contract.assets import Asset

FOLDER = Path(__file__).with_name("elements_built")
YEAR = 365 * 24 * 60 * 60
"""In seconds. What is at an address with a version never changes."""


def elements_blueprint() -> Blueprint:
    blueprint = Blueprint("elements", __name__)
    assets = {
        path.name: Asset(path.read_bytes(), "text/javascript", YEAR) for path in FOLDER.glob("*.js")
    }

    @blueprint.get("/elements/<version>/<file>")
    def element(version: str, file: str) -> Response:
        if version != VERSION or file not in assets:
            raise NotFound
        response = assets[file].response()
        response.cache_control.immutable = True
        return response

    @blueprint.get("/elements/your-devices.js")
    def newest() -> WerkzeugResponse:
        """For those who try: a page that is to last names the version."""
        response = redirect(url_for("elements.element", version=VERSION, file="your-devices.js"))
        response.cache_control.no_cache = True
        return response

    @blueprint.after_request
    def public(response: Response) -> Response:
        response.headers["Access-Control-Allow-Origin"] = "*"
        response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        return response

    return blueprint
