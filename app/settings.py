"""The service's settings, from the environment and nowhere else.

The README's table says what each variable means; a test keeps the two in step.
"""

import re
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlsplit

from environs import Env, EnvValidationError, ValidationError, validate
from limits import parse as parse_rate_limit

COGNITO_CLIENT_ID_PATTERN = r"^[\w+]{1,128}$"
COGNITO_USER_POOL_ID_PATTERN = r"^[a-z]{2}(-[a-z]+)+-[0-9]_[0-9a-zA-Z]+\Z"
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


class SettingsError(Exception):
    """One or more environment variables are missing or wrong; the message names each of them."""


@dataclass(frozen=True)
class Settings:
    """Durations are in seconds, quotas in calls a second, sizes in what their name says."""

    cognito_user_pool_id: str
    cognito_client_ids: frozenset[str]
    cognito_endpoint_url: str | None
    cognito_issuer: str
    cognito_jwks_url: str

    cognito_connect_timeout: float
    cognito_read_timeout: float
    cognito_deadline: float
    cognito_max_attempts: int
    cognito_max_in_flight: int
    cognito_read_quota: int
    cognito_update_quota: int
    cognito_user_update_quota: int
    breaker_failures: int
    breaker_open_seconds: int
    forget_rate: int
    forget_deadline: float

    jwks_refetch_interval: float
    jwks_max_age: float
    token_leeway: float
    token_cache_size: int

    rate_limit_per_user: str
    rate_limit_per_address: str
    redis_url: str | None
    cors_origins: tuple[str, ...]
    trusted_proxy_hops: int

    audit_log: bool
    docs_enabled: bool
    docs_sign_in_url: str | None
    log_format: str
    log_level: str
    metrics_port: int | None
    otlp_endpoint: str | None

    host: str
    port: int
    workers: int
    worker_connections: int
    graceful_timeout: int
    tls_cert_file: str | None
    tls_key_file: str | None

    @property
    def cognito_region(self) -> str:
        """The AWS region, which a user pool id starts with."""
        return self.cognito_user_pool_id.partition("_")[0]

    def check_certificate(self) -> None:
        """Look into the files of HTTPS; gunicorn would only do so at every connection.

        Not a part of `from_environ`: files change while the service runs, and a worker that is
        replaced just then is to come up.

        Raises:
            SettingsError: names the variables whose files cannot be read, or are not what they say.
        """
        if self.tls_cert_file is None or self.tls_key_file is None:
            return
        _check_readable("TLS_CERT_FILE", self.tls_cert_file)
        _check_readable("TLS_KEY_FILE", self.tls_key_file)
        try:
            ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(
                self.tls_cert_file,
                self.tls_key_file,
                password="",  # never ask for one
            )
        except OSError as error:
            raise SettingsError(
                "TLS_CERT_FILE and TLS_KEY_FILE: Not a certificate in PEM and its private key."
            ) from error

    @classmethod
    def from_environ(cls) -> "Settings":
        """Read every variable.

        Raises:
            SettingsError: names each variable that is missing or wrong, and says what is wrong.
        """
        env = Env(eager=False)
        values = _read(env)
        try:
            env.seal()
        except EnvValidationError as error:
            raise SettingsError(_explain(error)) from None
        settings = cls(**values)
        _check_together(settings)
        return settings


def _read(env: Env) -> dict[str, Any]:
    """Values by field; an invalid one stays in `env`, which reports them all when it is sealed."""
    pool_id = env.str(
        "COGNITO_USER_POOL_ID",
        validate=validate.Regexp(
            COGNITO_USER_POOL_ID_PATTERN, error="Not a user pool id, as in eu-west-1_AbCdEf123."
        ),
    )
    issuer = f"https://cognito-idp.{(pool_id or '').partition('_')[0]}.amazonaws.com/{pool_id}"
    issuer = env.str("COGNITO_ISSUER", issuer, validate=_url)
    return {
        "cognito_user_pool_id": pool_id,
        "cognito_client_ids": frozenset(_words(env, "COGNITO_CLIENT_IDS", each=_client_id)),
        "cognito_endpoint_url": env.str("COGNITO_ENDPOINT_URL", None, validate=_url),
        "cognito_issuer": issuer,
        "cognito_jwks_url": env.str(
            "COGNITO_JWKS_URL", f"{issuer}/.well-known/jwks.json", validate=_url
        ),
        "cognito_connect_timeout": _seconds(env, "COGNITO_CONNECT_TIMEOUT", 1),
        "cognito_read_timeout": _seconds(env, "COGNITO_READ_TIMEOUT", 3),
        "cognito_deadline": _seconds(env, "COGNITO_DEADLINE", 10),
        "cognito_max_attempts": env.int("COGNITO_MAX_ATTEMPTS", 3, validate=_between(1, 10)),
        "cognito_max_in_flight": env.int("COGNITO_MAX_IN_FLIGHT", 100, validate=_between(1, 1000)),
        "cognito_read_quota": env.int("COGNITO_READ_QUOTA", 50, validate=_between(1, 100_000)),
        "cognito_update_quota": env.int("COGNITO_UPDATE_QUOTA", 25, validate=_between(1, 100_000)),
        "cognito_user_update_quota": env.int(
            "COGNITO_USER_UPDATE_QUOTA", 25, validate=_between(1, 100_000)
        ),
        "breaker_failures": env.int("BREAKER_FAILURES", 5, validate=_between(1, 1000)),
        "breaker_open_seconds": env.int("BREAKER_OPEN_SECONDS", 5, validate=_between(1, 600)),
        "forget_rate": env.int("FORGET_RATE", 10, validate=_between(1, 1000)),
        "forget_deadline": _seconds(env, "FORGET_DEADLINE", 15),
        "jwks_refetch_interval": _seconds(env, "JWKS_REFETCH_INTERVAL", 10),
        "jwks_max_age": _seconds(env, "JWKS_MAX_AGE", 3600),
        "token_leeway": env.float("TOKEN_LEEWAY", 5, validate=_between(0, 60)),
        "token_cache_size": env.int("TOKEN_CACHE_SIZE", 10_000, validate=_between(1, 1_000_000)),
        "rate_limit_per_user": env.str(
            "RATE_LIMIT_PER_USER", "120 per minute", validate=_rate_limit
        ),
        "rate_limit_per_address": env.str(
            "RATE_LIMIT_PER_ADDRESS", "60 per minute", validate=_rate_limit
        ),
        "redis_url": env.str("REDIS_URL", None, validate=_redis_url),
        "cors_origins": _words(env, "CORS_ORIGINS", [], each=_origin),
        "trusted_proxy_hops": env.int("TRUSTED_PROXY_HOPS", 0, validate=_between(0, 10)),
        "audit_log": env.bool("AUDIT_LOG", True),
        "docs_enabled": env.bool("DOCS_ENABLED", True),
        "docs_sign_in_url": env.str("DOCS_SIGN_IN_URL", None, validate=_url),
        "log_format": env.str(
            "LOG_FORMAT", "auto", validate=validate.OneOf(("auto", "json", "console"))
        ),
        "log_level": env.str("LOG_LEVEL", "INFO", validate=validate.OneOf(LOG_LEVELS)),
        "metrics_port": env.int("METRICS_PORT", None, validate=_between(1, 65535)),
        "otlp_endpoint": env.str("OTEL_EXPORTER_OTLP_ENDPOINT", None, validate=_url),
        "host": env.str("HOST", "127.0.0.1", validate=validate.Length(min=1)),
        "port": env.int("PORT", 8000, validate=_between(0, 65535)),
        "workers": env.int("WORKERS", 2, validate=_between(1, 128)),
        "worker_connections": env.int("WORKER_CONNECTIONS", 1000, validate=_between(10, 100_000)),
        "graceful_timeout": env.int("GRACEFUL_TIMEOUT", 30, validate=_between(1, 600)),
        "tls_cert_file": env.str("TLS_CERT_FILE", None, validate=validate.Length(min=1)),
        "tls_key_file": env.str("TLS_KEY_FILE", None, validate=validate.Length(min=1)),
    }


def _check_together(settings: Settings) -> None:
    """Rules over more than one variable.

    Raises:
        SettingsError: names the variables.
    """
    attempt = settings.cognito_connect_timeout + settings.cognito_read_timeout
    if settings.cognito_deadline < attempt:
        raise SettingsError(
            "COGNITO_DEADLINE: Must be at least COGNITO_CONNECT_TIMEOUT + COGNITO_READ_TIMEOUT, "
            "the time that one call may take."
        )
    if settings.metrics_port == settings.port:
        raise SettingsError("METRICS_PORT: Must be another port than PORT.")
    if (settings.tls_cert_file is None) != (settings.tls_key_file is None):
        raise SettingsError("TLS_CERT_FILE and TLS_KEY_FILE: Set both, or neither.")


def _explain(error: EnvValidationError) -> str:
    assert isinstance(error.error_messages, Mapping)  # noqa: S101 - it is, from Env.seal
    return "; ".join(
        f"{name}: {' '.join(messages)}" for name, messages in error.error_messages.items()
    )


def _seconds(env: Env, name: str, default: float) -> float:
    value: float = env.float(
        name, default, validate=validate.Range(min=0, max=86_400, min_inclusive=False)
    )
    return value


def _between(low: int, high: int) -> validate.Range:
    return validate.Range(min=low, max=high)


def _words(
    env: Env, name: str, default: Any = ..., *, each: Callable[[str], object]
) -> tuple[str, ...]:
    """A comma-separated list; blanks around its words and empty words do not count."""

    def check(words: list[str]) -> None:
        if default is ... and not any(map(str.strip, words)):
            raise ValidationError("Names nothing.")
        for word in filter(None, map(str.strip, words)):
            each(word)

    words = env.list(name, default, validate=check) or ()
    return tuple(filter(None, map(str.strip, words)))


def _client_id(value: str) -> None:
    if not re.fullmatch(COGNITO_CLIENT_ID_PATTERN, value, re.ASCII):
        raise ValidationError(f"{value!r} is not an app client id.")


def _split(url: str) -> SplitResult:
    """A URL's parts, its port checked; all of them empty when it is none."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - raises when it is no port
    except ValueError:
        return urlsplit("")
    return parts if url.isprintable() and " " not in url else urlsplit("")


def _url(value: str) -> None:
    parts = _split(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.fragment:
        raise ValidationError("Not an http:// or https:// URL.")


def _origin(value: str) -> None:
    """A web origin: RFC 6454 section 6.1. No wildcard: the answers are about one user."""
    parts = _split(value)
    origin = f"{parts.scheme}://{parts.netloc}"
    if parts.scheme not in ("http", "https") or not parts.hostname or value != origin:
        raise ValidationError(
            f"{value!r} is not an origin: write scheme://host or scheme://host:port, "
            "without a path or a wildcard."
        )
    if "*" in value or "@" in value:
        raise ValidationError(f"{value!r}: name each origin in full.")
    default_port = {"http": ":80", "https": ":443"}[parts.scheme]
    if value != value.lower() or not value.isascii() or value.endswith(default_port):
        raise ValidationError(
            f"{value!r} is not how a browser writes it: in lower case, a host of another alphabet "
            f"as xn--…, and without {default_port}."
        )


def _redis_url(value: str) -> None:
    if _split(value).scheme not in ("redis", "rediss"):
        raise ValidationError("Not a redis:// or rediss:// URL.")
    import redis  # 20 MiB: not for who has none

    try:
        redis.ConnectionPool.from_url(value).make_connection()
    except (ValueError, TypeError, redis.RedisError):
        raise ValidationError("Has an option that redis-py does not take.") from None


def _rate_limit(value: str) -> None:
    try:
        limit = parse_rate_limit(value)
    except ValueError:
        raise ValidationError("Not a rate limit, as in 120 per minute.") from None
    if limit.amount < 1:
        raise ValidationError("Not a rate limit: it lets nobody call. Write 120 per minute.")


def _check_readable(name: str, path: str) -> None:
    try:
        with open(path, "rb"):
            pass
    except OSError as error:
        raise SettingsError(f"{name}: Cannot be read: {error.strerror}.") from None
