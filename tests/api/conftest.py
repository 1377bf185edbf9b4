"""The whole application over a fake Cognito port, or over HTTP that a test has written down; all
else is real, the key set included."""

import os
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from unittest import mock

import pytest
from flask import Flask

from app.factory import create_app
from app.factory import start as begin
from app.observability import audit
from app.settings import Settings
from tests.api.client import ApiClient
from tests.api.fake_cognito import FakeCognito
from tests.api.jwks_server import JwksServer, await_jwks_fetches
from tests.api.tokens import CLIENT_ID, POOL_ID, SigningKey, access_claims, sign

CURRENT = "eu-west-1_aaaaaaaa-1111-4111-8111-111111111111"
OTHER = "eu-west-1_bbbbbbbb-2222-4222-8222-222222222222"
THIRD = "eu-west-1_cccccccc-3333-4333-8333-333333333333"

Start = Callable[..., ApiClient]
Token = Callable[..., str]


@pytest.fixture(scope="session")
def pool_key() -> SigningKey:
    """The key that the user pool signs with."""
    return SigningKey("pool-key-1")


@pytest.fixture(scope="session")
def next_pool_key() -> SigningKey:
    """The key that it will sign with after a rotation."""
    return SigningKey("pool-key-2")


@pytest.fixture(scope="session")
def strangers_key() -> SigningKey:
    """A key of somebody else, who says it is the pool's."""
    return SigningKey("pool-key-1")


@pytest.fixture
def jwks(pool_key: SigningKey) -> Iterator[JwksServer]:
    """The key set of an application that the test starts itself."""
    with closing(JwksServer(pool_key)) as server:
        yield server
    await_jwks_fetches()


@pytest.fixture
def token(pool_key: SigningKey) -> Token:
    """A good access token of the device CURRENT, but for `changes` to its claims."""

    def mint(**changes: object) -> str:
        return sign(access_claims(**{"device_key": CURRENT} | changes), pool_key)

    return mint


def make_application(jwks: JwksServer, **variables: str) -> Flask:
    """An application of the variables that it needs, and limits that are in nobody's way.

    `variables`: what is set besides; with COGNITO_ENDPOINT_URL, Cognito is what is there, and not a
    fake. The key set has been fetched by the end, or could not be.
    """
    environment = {
        "COGNITO_USER_POOL_ID": POOL_ID,
        "COGNITO_CLIENT_IDS": CLIENT_ID,
        "COGNITO_JWKS_URL": jwks.url,
        "JWKS_REFETCH_INTERVAL": "0.001",
        "RATE_LIMIT_PER_SIGN_IN": "100000 per minute",
        "RATE_LIMIT_PER_ADDRESS": "100000 per minute",
        "FORGET_RATE": "1000",
        "COGNITO_READ_QUOTA": "100000",
        "COGNITO_UPDATE_QUOTA": "100000",
    }
    fake_cognito = None if "COGNITO_ENDPOINT_URL" in variables else FakeCognito()
    with mock.patch.dict(os.environ, environment | variables, clear=True):
        app = create_app(Settings.from_environ(), cognito=fake_cognito)
    app.extensions["fake_cognito"] = fake_cognito or FakeCognito()
    app.test_client_class = ApiClient
    begin(app)
    await_jwks_fetches()
    return app


@contextmanager
def application(key: SigningKey, **variables: str) -> Iterator[Flask]:
    """An application for several tests, with `variables` set; making one takes longer than most."""
    with closing(JwksServer(key)) as server:
        yield make_application(server, **variables)


@pytest.fixture(scope="session")
def shared_application(pool_key: SigningKey) -> Iterator[Flask]:
    """The application with its defaults."""
    with application(pool_key) as app:
        yield app


@pytest.fixture
def api(shared_application: Flask, token: Token) -> ApiClient:
    """The application with its defaults, called with a good token of the device CURRENT."""
    return client_of(shared_application, token())


def client_of(app: Flask, token: str) -> ApiClient:
    """A client of `app`, whose Cognito has nothing of the tests before."""
    client = app.test_client()
    assert isinstance(client, ApiClient)
    client.cognito.reset()
    return client.with_token(token)


@pytest.fixture
def start(jwks: JwksServer, token: Token) -> Start:
    """Start an application of the test's own over the key set `jwks`, with `variables` set besides.

    Gives a client that sends a good token.
    """
    return lambda **variables: client_of(make_application(jwks, **variables), token())


@pytest.fixture
def three_devices(api: ApiClient) -> list[str]:
    """The keys of three remembered devices; the second is the one that calls."""
    keys = [OTHER, CURRENT, THIRD]
    for device_key in keys:
        api.cognito.add(device_key)
    return keys


@pytest.fixture
def trail(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The lines of the audit trail."""
    lines: list[str] = []
    monkeypatch.setattr(audit, "write_line", lines.append)
    return lines
