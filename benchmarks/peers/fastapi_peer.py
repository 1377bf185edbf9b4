"""The service as a team on FastAPI would write it: aiobotocore, Pydantic, PyJWT with a token cache.

It maps the same fields, and does nothing of the rest: no limits, no log line, no metrics, no audit.
"""

import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Annotated, Any

import jwt
from aiobotocore.session import get_session
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from cachetools import TTLCache
from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel

ISSUER, CLIENT_ID = os.environ["COGNITO_ISSUER"], os.environ["COGNITO_CLIENT_IDS"]
STATUSES = {"TooManyRequestsException": 429, "NotAuthorizedException": 401}

keys = jwt.PyJWKClient(os.environ["COGNITO_JWKS_URL"])
verified: TTLCache[str, dict[str, Any]] = TTLCache(maxsize=10_000, ttl=300)


class Device(BaseModel):
    id: str
    name: str | None
    displayName: str | None
    deviceType: str | None
    operatingSystem: str | None
    browser: str | None
    status: str
    current: bool
    lastIpAddress: str | None
    createdAt: datetime | None
    lastModifiedAt: datetime | None
    lastAuthenticatedAt: datetime | None
    attributes: dict[str, str]


class DevicePage(BaseModel):
    items: list[Device]
    nextCursor: str | None
    currentDeviceId: str | None


class StatusUpdate(BaseModel):
    status: str


class StatusChange(BaseModel):
    id: str
    status: str
    current: bool


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    config = Config(signature_version=UNSIGNED, max_pool_connections=500)
    async with get_session().create_client(
        "cognito-idp",
        region_name=os.environ["AWS_REGION"],
        endpoint_url=os.environ["COGNITO_ENDPOINT_URL"],
        config=config,
    ) as client:
        app.state.cognito = client
        yield


app = FastAPI(lifespan=lifespan)


@app.exception_handler(ClientError)
async def refused(request: Request, error: ClientError) -> JSONResponse:
    code = error.response["Error"]["Code"]
    return JSONResponse({"code": code}, STATUSES.get(code, 502))


@app.exception_handler(BotoCoreError)
async def unreachable(request: Request, error: BotoCoreError) -> JSONResponse:
    return JSONResponse({"code": "upstream-error"}, 502)


class Caller:
    def __init__(self, token: str, device_key: str | None) -> None:
        self.token, self.device_key = token, device_key


async def caller(request: Request) -> Caller:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise HTTPException(401)
    claims = verified.get(token)
    if claims is None:
        try:
            claims = jwt.decode(
                token,
                keys.get_signing_key_from_jwt(token),
                algorithms=["RS256"],
                issuer=ISSUER,
                options={"verify_aud": False},
            )
        except jwt.PyJWTError as error:
            raise HTTPException(401) from error
        if claims["token_use"] != "access" or claims["client_id"] != CLIENT_ID:
            raise HTTPException(401)
        verified[token] = claims
    if claims["exp"] < time.time():
        raise HTTPException(401)
    return Caller(token, claims.get("device_key"))


WhoCalls = Annotated[Caller, Depends(caller)]


def device(found: dict[str, Any], who: Caller) -> Device:
    attributes = {a["Name"]: a.get("Value", "") for a in found.get("DeviceAttributes", ())}
    name = attributes.pop("device_name", None)
    return Device(
        id=found["DeviceKey"],
        name=name,
        displayName=name,
        deviceType=None,
        operatingSystem=None,
        browser=None,
        status=attributes.pop("dev:device_remembered_status", "remembered"),
        current=found["DeviceKey"] == who.device_key,
        lastIpAddress=attributes.pop("last_ip_used", None),
        createdAt=found.get("DeviceCreateDate"),
        lastModifiedAt=found.get("DeviceLastModifiedDate"),
        lastAuthenticatedAt=found.get("DeviceLastAuthenticatedDate"),
        attributes=attributes,
    )


@app.get("/devices")
async def list_devices(who: WhoCalls, limit: int = 60, cursor: str | None = None) -> DevicePage:
    page = {"PaginationToken": cursor} if cursor else {}
    found = await app.state.cognito.list_devices(AccessToken=who.token, Limit=limit, **page)
    return DevicePage(
        items=[device(one, who) for one in found["Devices"]],
        nextCursor=found.get("PaginationToken"),
        currentDeviceId=who.device_key,
    )


@app.get("/devices/current")
async def get_current(who: WhoCalls) -> Device:
    found = await app.state.cognito.get_device(AccessToken=who.token, DeviceKey=who.device_key)
    return device(found["Device"], who)


@app.patch("/devices/{id}")
async def update(who: WhoCalls, id: str, body: StatusUpdate) -> StatusChange:
    await app.state.cognito.update_device_status(
        AccessToken=who.token, DeviceKey=id, DeviceRememberedStatus=body.status
    )
    return StatusChange(id=id, status=body.status, current=id == who.device_key)
