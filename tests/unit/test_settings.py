"""Settings: from the environment alone; a wrong one stops the start and is named."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import trustme

from app.settings import Settings, SettingsError

ROOT = Path(__file__).parents[2]
REQUIRED = {
    "COGNITO_USER_POOL_ID": "eu-west-1_AbCdEf123",
    "COGNITO_CLIENT_IDS": "1example23456789",
}


def read(monkeypatch: pytest.MonkeyPatch, **variables: str) -> Settings:
    """Settings of an environment with the required variables and `variables`, and no other."""
    for name in os.environ:
        if not name.startswith("PYTEST"):
            monkeypatch.delenv(name)
    for name, value in (REQUIRED | variables).items():
        monkeypatch.setenv(name, value)
    return Settings.from_environ()


def test_two_variables_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = read(monkeypatch)
    assert settings.cognito_user_pool_id == "eu-west-1_AbCdEf123"
    assert settings.cognito_client_ids == frozenset({"1example23456789"})


def test_region_issuer_and_key_set_follow_from_the_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = read(monkeypatch)
    assert settings.cognito_region == "eu-west-1"
    issuer = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEf123"
    assert settings.cognito_issuer == issuer
    assert settings.cognito_jwks_url == f"{issuer}/.well-known/jwks.json"
    assert settings.cognito_endpoint_url is None


def test_the_key_set_follows_from_an_issuer_of_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = read(monkeypatch, COGNITO_ISSUER="https://issuer.example/pool")
    assert settings.cognito_jwks_url == "https://issuer.example/pool/.well-known/jwks.json"


@pytest.mark.parametrize(
    ("pool_id", "region"),
    [
        ("us-east-1_a", "us-east-1"),
        ("ap-southeast-2_ABCdef789", "ap-southeast-2"),
        ("us-gov-west-1_AbCdEf123", "us-gov-west-1"),
    ],
)
def test_regions_of_every_shape(monkeypatch: pytest.MonkeyPatch, pool_id: str, region: str) -> None:
    assert read(monkeypatch, COGNITO_USER_POOL_ID=pool_id).cognito_region == region


def test_lists_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = read(
        monkeypatch,
        COGNITO_CLIENT_IDS="one, two,,three ,",
        CORS_ORIGINS="https://app.example, http://localhost:3000",
    )
    assert settings.cognito_client_ids == {"one", "two", "three"}
    assert settings.cors_origins == ("https://app.example", "http://localhost:3000")


def test_without_them_nobody_elses_origin_may_call_and_no_proxy_is_believed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = read(monkeypatch)
    assert settings.cors_origins == ()
    assert settings.trusted_proxy_hops == 0
    assert settings.redis_url is None


def test_settings_cannot_be_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = read(monkeypatch)
    with pytest.raises(AttributeError):
        settings.port = 1  # type: ignore[misc]


@pytest.mark.parametrize("name", REQUIRED)
def test_a_required_variable_that_is_missing_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    read(monkeypatch)
    monkeypatch.delenv(name)
    with pytest.raises(SettingsError, match=f"^{name}: "):
        Settings.from_environ()


WRONG: list[tuple[str, list[str]]] = [
    (
        "COGNITO_USER_POOL_ID",
        [
            *("", "pool", "eu-west-1", "eu-west-1_", "EU-WEST-1_Abc", "eu-west-1_Abc\n"),
            *("eu-west-1_Ab/c", "eu-west-1_Ab c", "eu-west-٣_Abc", "eu-west-1_Äbc"),
        ],
    ),
    ("COGNITO_CLIENT_IDS", ["", ",", " , ", "a b", "abc:def", "abc,d/e", "x" * 129, "é"]),
    (
        "COGNITO_ENDPOINT_URL",
        [
            *("", "localhost:9229", "ftp://cognito.example", "http://", "//cognito.example"),
            *("http://cognito.example#part", "http://cognito.example:port", "https:///path"),
            *("http://c.example:99999", "http://[::1", "http://c.example\n", "http://c .example"),
        ],
    ),
    ("COGNITO_ISSUER", ["issuer", "http://", "http://["]),
    ("COGNITO_JWKS_URL", ["jwks.json", "file:///etc/passwd", "http://c.example:x/jwks.json"]),
    ("COGNITO_CONNECT_TIMEOUT", ["0", "-1", "soon", "nan", "inf", "1s", "86401"]),
    ("COGNITO_READ_TIMEOUT", ["0", "-0.5", "", "1e9"]),
    ("COGNITO_DEADLINE", ["0", "x", "3.9"]),
    ("COGNITO_MAX_ATTEMPTS", ["0", "11", "2.5", "three"]),
    ("COGNITO_MAX_IN_FLIGHT", ["0", "1001", "-1", "many"]),
    ("COGNITO_READ_QUOTA", ["0", "-1", "100001", "50/s"]),
    ("COGNITO_UPDATE_QUOTA", ["0", "1.5", "x"]),
    ("COGNITO_USER_UPDATE_QUOTA", ["0", "x"]),
    ("BREAKER_FAILURES", ["0", "1001", "x"]),
    ("BREAKER_OPEN_SECONDS", ["0", "601", "0.5"]),
    ("FORGET_RATE", ["0", "1001", "x"]),
    ("FORGET_DEADLINE", ["0", "-1", "x"]),
    ("JWKS_REFETCH_INTERVAL", ["0", "-1", "x"]),
    ("JWKS_MAX_AGE", ["0", "nan", "x"]),
    ("TOKEN_LEEWAY", ["-1", "61", "x", "nan"]),
    ("TOKEN_CACHE_SIZE", ["0", "1000001", "x"]),
    ("RATE_LIMIT_PER_USER", ["", "many", "10", "per minute", "-1 per minute", "10 per blink"]),
    ("RATE_LIMIT_PER_ADDRESS", ["", "ten per minute", "0 per minute"]),
    (
        "REDIS_URL",
        [
            *("", "localhost:6379", "http://redis", "redis://[", "redis://redis:port"),
            *("redis://redis?family=0", "redis://redis?socket_timeout=soon"),
        ],
    ),
    (
        "CORS_ORIGINS",
        [
            *("*", "null", "app.example", "https://*.app.example", "https://app.example/"),
            *("https://app.example/path", "https://me@app.example", "https://app.example?x"),
            *("ftp://app.example", "https://", "https://[", "https://app.example:port"),
            *("https://app.example, *", "https://App.example", "https://bücher.example"),
            *("https://app.example:443", "http://app.example:80"),
        ],
    ),
    ("TRUSTED_PROXY_HOPS", ["-1", "11", "one", "0.5"]),
    ("AUDIT_LOG", ["perhaps", ""]),
    ("DOCS_ENABLED", ["2", "maybe"]),
    ("DOCS_SIGN_IN_URL", ["sign-in", "javascript:alert(1)", "http://["]),
    ("LOG_FORMAT", ["", "xml", "JSON"]),
    ("LOG_LEVEL", ["", "TRACE", "debug", "10"]),
    ("METRICS_PORT", ["0", "65536", "x", ""]),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", ["collector:4318", "grpc://collector", "http://["]),
    ("HOST", [""]),
    ("PORT", ["-1", "65536", "http"]),
    ("WORKERS", ["0", "129", "auto"]),
    ("WORKER_CONNECTIONS", ["0", "9", "x"]),
    ("GRACEFUL_TIMEOUT", ["0", "601", "x"]),
    ("TLS_CERT_FILE", [""]),
    ("TLS_KEY_FILE", [""]),
]


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in WRONG for value in values]
)
def test_a_wrong_value_is_named_with_what_is_wrong(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    with pytest.raises(SettingsError) as stopped:
        read(monkeypatch, **{name: value})
    assert re.fullmatch(rf"{name}: [^;]*\w[^;]*\.", str(stopped.value)), "this one, and no other"


def test_every_setting_has_wrong_values_here() -> None:
    """COGNITO_REGION is a property of the pool id, and the tracer's variable has its own name."""
    names = {name for name, _ in WRONG} - {"OTEL_EXPORTER_OTLP_ENDPOINT"}
    fields = {name.upper() for name in Settings.__dataclass_fields__} - {"OTLP_ENDPOINT"}
    assert names == fields


def test_every_wrong_variable_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError) as stopped:
        read(monkeypatch, COGNITO_USER_POOL_ID="pool", PORT="http", LOG_LEVEL="loud")
    for name in ("COGNITO_USER_POOL_ID", "PORT", "LOG_LEVEL"):
        assert f"{name}: " in str(stopped.value)


def test_a_deadline_must_have_room_for_one_call(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match=r"^COGNITO_DEADLINE: .*COGNITO_READ_TIMEOUT"):
        read(monkeypatch, COGNITO_READ_TIMEOUT="10", COGNITO_DEADLINE="10.9")
    settings = read(monkeypatch, COGNITO_READ_TIMEOUT="10", COGNITO_DEADLINE="11")
    assert settings.cognito_deadline == 11


def test_metrics_and_calls_cannot_share_a_port(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match=r"^METRICS_PORT: Must be another"):
        read(monkeypatch, METRICS_PORT="8000")


@pytest.fixture
def pem(tmp_path: Path) -> tuple[str, str]:
    """The files of a certificate and of its private key."""
    certificate = trustme.CA().issue_cert("localhost")
    cert_file, key_file = tmp_path / "cert.pem", tmp_path / "key.pem"
    certificate.cert_chain_pems[0].write_to_path(str(cert_file))
    certificate.private_key_pem.write_to_path(str(key_file))
    return str(cert_file), str(key_file)


def test_tls_takes_a_certificate_and_its_key(
    monkeypatch: pytest.MonkeyPatch, pem: tuple[str, str]
) -> None:
    settings = read(monkeypatch, TLS_CERT_FILE=pem[0], TLS_KEY_FILE=pem[1])
    assert (settings.tls_cert_file, settings.tls_key_file) == pem
    settings.check_certificate()


@pytest.mark.parametrize("name", ["TLS_CERT_FILE", "TLS_KEY_FILE"])
@pytest.mark.parametrize("path", ["no-such-file.pem", "."])
def test_a_file_of_tls_that_cannot_be_read_is_named(
    monkeypatch: pytest.MonkeyPatch, pem: tuple[str, str], name: str, path: str
) -> None:
    files = {"TLS_CERT_FILE": pem[0], "TLS_KEY_FILE": pem[1]}
    settings = read(monkeypatch, **files | {name: path})
    with pytest.raises(SettingsError, match=rf"^{name}: Cannot be read: "):
        settings.check_certificate()


@pytest.mark.parametrize("name", ["TLS_CERT_FILE", "TLS_KEY_FILE"])
def test_one_of_the_two_is_not_enough(
    monkeypatch: pytest.MonkeyPatch, pem: tuple[str, str], name: str
) -> None:
    with pytest.raises(SettingsError, match=r"^TLS_CERT_FILE and TLS_KEY_FILE: "):
        read(monkeypatch, **{name: pem[0]})


def test_a_certificate_and_a_strangers_key_do_not_do(
    monkeypatch: pytest.MonkeyPatch, pem: tuple[str, str], tmp_path: Path
) -> None:
    other = tmp_path / "other.pem"
    trustme.CA().issue_cert("localhost").private_key_pem.write_to_path(str(other))
    settings = read(monkeypatch, TLS_CERT_FILE=pem[0], TLS_KEY_FILE=str(other))
    with pytest.raises(SettingsError, match=r"^TLS_CERT_FILE and TLS_KEY_FILE: "):
        settings.check_certificate()


def gunicorn(**variables: str) -> subprocess.CompletedProcess[str]:
    """Start the service as its users do, with these variables and no other."""
    environment = {"PATH": os.environ["PATH"], "PORT": "0"} | variables
    return subprocess.run(
        [sys.executable, "-m", "gunicorn"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_wrong_variable_stops_gunicorn_and_says_which() -> None:
    stopped = gunicorn(**REQUIRED | {"COGNITO_READ_TIMEOUT": "soon", "COGNITO_CLIENT_IDS": ""})
    assert stopped.returncode == 1
    assert stopped.stdout == ""
    (line,) = stopped.stderr.splitlines()
    assert line.startswith("device-bff: ")
    assert "COGNITO_READ_TIMEOUT: Not a valid number." in line
    assert "COGNITO_CLIENT_IDS: Names nothing." in line


def test_a_refused_start_leaves_no_folder_of_metrics(tmp_path: Path) -> None:
    assert gunicorn(**REQUIRED | {"PORT": "http", "TMPDIR": str(tmp_path)}).returncode == 1
    assert list(tmp_path.iterdir()) == []
