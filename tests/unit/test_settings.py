"""Settings: from the environment alone; a wrong one stops the start and is named."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import certifi
import pytest
import trustme

from app.settings import NAMES, Settings, SettingsError

ROOT = Path(__file__).parents[2]
POOL_ID = "eu-west-1_AbCdEf123"
REQUIRED = {"COGNITO_USER_POOL_ID": POOL_ID, "COGNITO_CLIENT_IDS": "1example23456789"}
ISSUER = f"https://cognito-idp.eu-west-1.amazonaws.com/{POOL_ID}"
SWITCHED_ISSUER = f"https://issuer-cognito-idp.eu-west-1.amazonaws.com/{POOL_ID}"


@pytest.fixture(autouse=True)
def environment() -> Iterator[None]:
    """Of each test's own."""
    with mock.patch.dict(os.environ):
        yield


def read(**variables: str) -> Settings:
    """Settings of an environment with the required variables and `variables`, and no other."""
    os.environ.clear()
    os.environ.update(REQUIRED | variables)
    return Settings.from_environ()


def test_two_variables_are_enough_and_nobody_is_trusted() -> None:
    settings = read()
    assert settings.cognito_client_ids == {"1example23456789"}
    assert settings.cognito_endpoint_url is None
    assert settings.cors_origins == ()
    assert settings.trusted_proxy_hops == 0
    assert settings.redis_url is None
    assert settings.metrics_port is None
    assert list(settings.warnings()) == []
    theirs = {"AWS_REGION": "x", "OTEL_SERVICE_NAME": "x", "LOGNAME": "x", "PATH": "/bin"}
    assert list(read(**theirs).warnings()) == []


# The pool, its issuers and its keys


def of_issuers(*issuers: str) -> dict[str, str]:
    return {issuer: f"{issuer}/.well-known/jwks.json" for issuer in issuers}


def in_partition(pool_id: str, domain: str) -> tuple[dict[str, str], dict[str, str]]:
    hosts = ("cognito-idp", "issuer-cognito-idp")
    issuers = (f"https://{host}.{domain}/{pool_id}" for host in hosts)
    return {"COGNITO_USER_POOL_ID": pool_id}, of_issuers(*issuers)


@pytest.mark.parametrize(
    ("variables", "addresses"),
    [
        in_partition(POOL_ID, "eu-west-1.amazonaws.com"),
        in_partition("us-gov-west-1_a", "us-gov-west-1.amazonaws.com"),
        in_partition("cn-north-1_AbC", "cn-north-1.amazonaws.com.cn"),
        in_partition("eusc-de-east-1_AbC", "eusc-de-east-1.amazonaws.eu"),
        (
            {"COGNITO_ISSUER": "https://one.example/p, https://two.example/p"},
            of_issuers("https://one.example/p", "https://two.example/p"),
        ),
        (
            {"COGNITO_JWKS_URL": "https://keys.example"},
            {ISSUER: "https://keys.example", SWITCHED_ISSUER: "https://keys.example"},
        ),
        (
            {"COGNITO_JWKS_URL": "https://one.example,https://two.example"},
            {ISSUER: "https://one.example", SWITCHED_ISSUER: "https://two.example"},
        ),
    ],
)
def test_issuers_and_their_keys_follow_from_the_pool_or_are_set(
    variables: dict[str, str], addresses: dict[str, str]
) -> None:
    settings = read(**variables)
    assert settings.key_addresses == addresses
    assert settings.cognito_region == settings.cognito_user_pool_id.partition("_")[0]


# Values


def test_lists_are_separated_by_commas() -> None:
    settings = read(
        COGNITO_CLIENT_IDS="one, two,,three ,",
        COGNITO_CLIENT_NAMES="one=Web shop, two=Phone = app",
    )
    assert settings.cognito_client_ids == {"one", "two", "three"}
    assert settings.cognito_client_names == {"one": "Web shop", "two": "Phone = app"}


def test_only_the_bundle_that_is_used_is_looked_into() -> None:
    read(AWS_CA_BUNDLE=certifi.where(), SSL_CERT_FILE="/no/such/file")


def test_an_origin_is_any_scheme_and_host() -> None:
    web = ("https://app.example", "http://localhost:3000", "http://[::1]:3000")
    origins = (*web, "capacitor://localhost", "chrome-extension://abc")
    assert read(CORS_ORIGINS=", ".join(origins)).cors_origins == origins


def test_an_empty_variable_is_an_unset_one() -> None:
    unset = read()
    for name in NAMES - REQUIRED.keys():
        assert read(**{name: ""}) == unset, name


WRONG: dict[str, list[str]] = {
    "COGNITO_USER_POOL_ID": [
        *("", "pool", "eu-west-1_", "EU-WEST-1_A", "eu-west-1_/", "eu-west-1_Ä"),
        "fips-us-east-1_A",
    ],
    "COGNITO_CLIENT_IDS": ["", ",", "a b", "abc,d/e", "x" * 129, "é"],
    "COGNITO_CLIENT_NAMES": ["one", "one=", "a b=Web shop"],
    "COGNITO_ENDPOINT_URL": [
        *("localhost:9229", "ftp://cognito.example", "http://", "http://cognito.example#part"),
        *("http://cognito.example:port", "http://[::1", "http://c .example"),
    ],
    "COGNITO_ISSUER": ["issuer", "https://issuer.example/pool/"],
    "COGNITO_JWKS_URL": ["jwks.json", "https://a.example,https://b.example,https://c.ex"],
    "COGNITO_CONNECT_TIMEOUT": ["0", "soon", "nan", "inf", "86401"],
    "COGNITO_MAX_ATTEMPTS": ["0", "11", "2.5"],
    "TOKEN_LEEWAY": ["-1", "61", "nan"],
    "STEP_UP_MAX_AGE": ["0", "59"],
    "STEP_UP_ACR": [",", "a b", 'a"b', "x" * 1025],
    "RATE_LIMIT_PER_SIGN_IN": ["many", "10", "-1 per minute", "0 per minute"],
    "REDIS_URL": [
        *("localhost:6379", "redis://[", "redis://redis:port", "redis://r?family=0", "http://r"),
        *("redis://:p@ss#word@host:6379/0", "redis://:p/w@host", "redis+cluster://a:1,b:x"),
        *("redis+sentinel://a:26379,b:26379", "redis+sentinel://a:26379/"),
        "redis://:p[w@host",
    ],
    "CORS_ORIGINS": [
        *("*", "null", "app.example", "https://*.app.example", "https://app.example/"),
        *("https://app.example/path", "https://me@app.example", "https://app.example:port"),
        *("https://App.example", "https://bücher.example", "https://app.example:443"),
    ],
    "CORS_HEADERS": ["a b", "*"],
    "PUBLIC_PATH": ["account", "/", "/account/", "/a b", "//account"],
    "AUDIT_LOG": ["perhaps"],
    "DOCS_SIGN_IN_URL": ["javascript:alert(1)"],
    "LOG_LEVEL": ["TRACE", "debug"],
    "PORT": ["-1", "65536", "http"],
    "AWS_CA_BUNDLE": ["/no/such/file", __file__, str(Path(__file__).parent)],
    "REQUESTS_CA_BUNDLE": ["/no/such/file", __file__],
    "SSL_CERT_FILE": ["/no/such/file", __file__],
    "HOST": ["[::1]"],
    "OTEL_EXPORTER_OTLP_PROTOCOL": ["grpc"],
    "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": ["grpc"],
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": ["collector:4317"],
    "OTEL_PROPAGATORS": ["tracecontext,ottrace"],
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in WRONG.items() for value in values]
)
def test_a_wrong_value_is_named_with_what_is_wrong(name: str, value: str) -> None:
    with pytest.raises(SettingsError) as stopped:
        read(**{name: value})
    assert re.fullmatch(rf"{name}: [^;]*\w[^;]*\.", str(stopped.value)), "this one, and no other"


@pytest.mark.parametrize(
    ("name", "value", "advice"),
    [
        ("COGNITO_ISSUER", "https://issuer.example/pool/", "slash.* Remove "),
        ("COGNITO_ISSUER", "https://me:secret@issuer.example/pool", "password.* Remove "),
        ("COGNITO_ENDPOINT_URL", "https://me:secret@cognito.example", "password.* Remove "),
        ("COGNITO_JWKS_URL", "https://me:secret@keys.example", "password.* Remove "),
        ("CORS_ORIGINS", "https://app.example/", "write https://app.example[.]$"),
        ("CORS_ORIGINS", "https://App.example:443", "write https://app.example[.]$"),
        ("COGNITO_USER_POOL_ID", f'"{POOL_ID}"', "quotes or blanks.* Remove "),
        ("LOG_LEVEL", " INFO", "quotes or blanks.* Remove "),
        ("COGNITO_ENDPOINT_URL", "http://c.example\n", "quotes or blanks.* Remove "),
    ],
)
def test_what_is_easily_overlooked_is_told_as_such(name: str, value: str, advice: str) -> None:
    with pytest.raises(SettingsError, match=f"^{name}: .*{advice}"):
        read(**{name: value})


@pytest.mark.parametrize(
    ("name", "value", "oddity"),
    [
        ("COGNITO_CLIENT_ID", "abc", "did you mean COGNITO_CLIENT_IDS?"),
        ("COGNITO_XYZZY", "1", "is no setting"),
        ("GRACEFUL_TIMEOUT", "20", "shorter than the longest call"),
        ("COGNITO_DEADLINE", "2", "no call is ever repeated"),
        ("COGNITO_ENDPOINT_URL", "http://cognito.example", "in the clear"),
        ("COGNITO_ENDPOINT_URL", "http://127.cognito.example", "in the clear"),
        (
            "COGNITO_ENDPOINT_URL",
            "https://cognito-idp.us-east-1.amazonaws.com",
            "is not in the pool's region",
        ),
        (
            "COGNITO_ENDPOINT_URL",
            "https://vpce-1.cognito-idp.us-east-1.vpce.amazonaws.com",
            "is not in the pool's region",
        ),
        ("COGNITO_JWKS_URL", "http://keys.example", "keys can be replaced"),
        ("DOCS_SIGN_IN_URL", "https://demo.example/sign-in", "on this machine"),
    ],
)
def test_what_is_hardly_meant_is_warned_of(name: str, value: str, oddity: str) -> None:
    ((warned, told),) = read(**{name: value}).warnings()
    assert warned == name
    assert oddity in told


def test_the_summary_for_the_log_holds_no_password() -> None:
    summary = read(REDIS_URL="redis://me:secret@redis.example/0").summary()
    assert summary["redis"] == "redis.example"
    sentinel = "redis+sentinel://me:secret@a.example:26379,b.example:26379/primary"
    assert read(REDIS_URL=sentinel).summary()["redis"] == "a.example:26379,b.example:26379"
    assert "secret" not in str(summary)


# HTTPS


def test_tls_takes_a_certificate_and_its_key_and_names_what_is_none(tmp_path: Path) -> None:
    ours, strangers = (trustme.CA().issue_cert("localhost") for _ in range(2))
    cert, key, another_key = (str(tmp_path / name) for name in ("cert.pem", "key.pem", "other.pem"))
    ours.cert_chain_pems[0].write_to_path(cert)
    ours.private_key_pem.write_to_path(key)
    strangers.private_key_pem.write_to_path(another_key)

    read(TLS_CERT_FILE=cert, TLS_KEY_FILE=key)
    with pytest.raises(SettingsError, match=r"^TLS_CERT_FILE and TLS_KEY_FILE: Set both"):
        read(TLS_CERT_FILE=cert)
    with pytest.raises(SettingsError, match=r"^TLS_KEY_FILE: Cannot be read: "):
        read(TLS_CERT_FILE=cert, TLS_KEY_FILE="no-such-file.pem")
    with pytest.raises(SettingsError, match=r"^TLS_CERT_FILE and TLS_KEY_FILE: Not"):
        read(TLS_CERT_FILE=cert, TLS_KEY_FILE=another_key)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (
            {"COGNITO_READ_TIMEOUT": "soon", "COGNITO_CLIENT_IDS": ""},
            ["COGNITO_READ_TIMEOUT: ", "COGNITO_CLIENT_IDS: "],
        ),
        ({"AWS_STS_REGIONAL_ENDPOINTS": "far"}, ["an AWS_* variable is wrong", "option far"]),
    ],
)
def test_a_wrong_variable_stops_gunicorn_in_one_line_and_leaves_nothing(
    tmp_path: Path, wrong: dict[str, str], told: list[str]
) -> None:
    environment = {"PATH": os.environ["PATH"], "PORT": "0", "TMPDIR": str(tmp_path)}
    stopped = subprocess.run(
        [sys.executable, "-m", "gunicorn"],
        cwd=ROOT,
        env=environment | REQUIRED | wrong,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (stopped.returncode, stopped.stdout) == (1, "")
    (line,) = stopped.stderr.splitlines()
    assert line.startswith("device-bff: ")
    assert all(text in line for text in told), line
    assert list(tmp_path.iterdir()) == []
