"""The contract at `/openapi.json`, and Swagger UI at `/docs`.

The page is ours around the distribution that flask-swagger-ui ships. Everything comes from this
server, and nothing is inline, so that the Content-Security-Policy needs no exception for scripts.
"""

import json
from collections.abc import Iterable
from importlib.resources import files
from importlib.resources.abc import Traversable
from mimetypes import guess_type
from pathlib import Path
from urllib.parse import urlsplit

import orjson
from flask import Blueprint, Response, redirect, render_template, url_for
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as WerkzeugResponse

from app.contract.assets import Asset

FOLDER = Path(__file__).parents[2] / "openapi"
CONTRACT_MAX_AGE = 300
"""Seconds that a copy of the document may be used without asking whether it is current."""
SWAGGER_UI = ("swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png")
SWAGGER_UI_MAX_AGE = 60 * 60
"""In seconds. An upgrade changes the files' content, not their names."""
OURS = ("docs.css", "docs.js")


def contract_blueprint(public_path: str) -> Blueprint:
    """The committed files: `/openapi.json`, and `/openapi-3.0.json` for API Gateway and older
    generators. `public_path`: where the service is mounted, as `/account`."""
    blueprint = Blueprint("contract", __name__)
    assets = {name: _contract(name, public_path) for name in ("openapi.json", "openapi-3.0.json")}

    @blueprint.get("/openapi.json")
    def openapi() -> Response:
        return assets["openapi.json"].response()

    @blueprint.get("/openapi-3.0.json")
    def openapi_3_0() -> Response:
        return assets["openapi-3.0.json"].response()

    return blueprint


def _contract(name: str, public_path: str) -> Asset:
    written = (FOLDER / name).read_bytes()
    if public_path:
        document = json.loads(written)
        document["servers"][0]["url"] = public_path
        written = orjson.dumps(document, option=orjson.OPT_INDENT_2)
    return Asset(written, "application/json", CONTRACT_MAX_AGE)


def docs_blueprint(sign_in_url: str | None) -> Blueprint:
    """`/docs`, and what leads there.

    `sign_in_url`: where a POST answers a demo user's tokens, on the local set-up; the page then
    offers to sign in.
    """
    blueprint = Blueprint("docs", __name__, template_folder="docs_page", static_folder=None)
    policy = _policy(sign_in_url)
    assets = {
        **_assets(files("flask_swagger_ui") / "dist", SWAGGER_UI, SWAGGER_UI_MAX_AGE),
        **_assets(files("app.contract") / "docs_page", OURS, max_age=0),
    }

    @blueprint.get("/")
    @blueprint.get("/docs/")
    def root() -> WerkzeugResponse:
        return redirect(url_for("docs.page"))

    @blueprint.get("/openapi.yaml")
    def openapi_yaml() -> WerkzeugResponse:
        return redirect(url_for("contract.openapi"))

    @blueprint.get("/favicon.ico")
    def favicon() -> Response:
        return assets["favicon-32x32.png"].response()

    @blueprint.get("/docs")
    def page() -> Response:
        response = Response(
            render_template("docs.html", title="Device BFF", sign_in_url=sign_in_url)
        )
        response.headers["Content-Security-Policy"] = policy
        response.headers["Cache-Control"] = "no-cache"
        return response

    @blueprint.get("/docs/<file>")
    def asset(file: str) -> Response:
        if file not in assets:
            raise NotFound
        return assets[file].response()

    return blueprint


def _assets(folder: Traversable, names: Iterable[str], max_age: int) -> dict[str, Asset]:
    return {
        name: Asset((folder / name).read_bytes(), guess_type(name)[0] or "", max_age)
        for name in names
    }


def _policy(sign_in_url: str | None) -> str:
    """What the page may load and whom it may call: this origin, and where the demo user signs in.

    `data:` is for the icons in Swagger UI's style sheet.
    """
    parts = urlsplit(sign_in_url or "")
    callees = f"'self' {parts.scheme}://{parts.netloc}" if sign_in_url else "'self'"
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        f"connect-src {callees}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
