"""The service's settings, from the environment and nowhere else.

The table in docs/settings.md says what each variable means; a test keeps the two in step.
"""

import os
import re
import ssl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from functools import cache, cached_property
from typing import Any
from urllib.parse import SplitResult, urlsplit

from botocore.session import get_session
from environs import Env, EnvValidationError, ValidationError, validate
from limits import parse as parse_rate_limit

COGNITO_CLIENT_ID_PATTERN = r"[\w+]{1,128}"
"""`ClientIdType` of the botocore model of cognito-idp."""
COGNITO_USER_POOL_ID_PATTERN = r"(?P<region>[\w-]+)_[0-9a-zA-Z]+"
"""`UserPoolIdType` of the same."""
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


class SettingsError(Exception):
    """One or more environment variables are missing or wrong; the message names each of them."""


@dataclass(frozen=True)
class Settings:
    """A field for each variable of its name in lower case.

    Durations are in seconds, quotas in calls a second, sizes in what their name says.
    """

    cognito_user_pool_id: str
    cognito_client_ids: frozenset[str]
    cognito_client_names: dict[str, str]
    cognito_endpoint_url: str | None
    cognito_issuer: tuple[str, ...]
    cognito_jwks_url: tuple[str, ...]

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
    device_cache_seconds: int
    cors_origins: tuple[str, ...]
    cors_headers: tuple[str, ...]
    trusted_proxy_hops: int
    public_path: str

    audit_log: bool
    docs_enabled: bool
    docs_sign_in_url: str | None
    log_format: str
    log_level: str
    metrics_port: int | None
    otel_exporter_otlp_endpoint: str | None

    host: str
    port: int
    workers: int
    worker_connections: int
    graceful_timeout: int
    tls_cert_file: str | None
    tls_key_file: str | None
    aws_ca_bundle: str | None
    ssl_cert_file: str | None

    @cached_property
    def cognito_region(self) -> str:
        """The AWS region, which a user pool id starts with."""
        return _region(self.cognito_user_pool_id)

    @property
    def key_addresses(self) -> dict[str, str]:
        """Where the keys of each issuer are."""
        given = self.cognito_jwks_url
        if not given:
            return {issuer: f"{issuer}/.well-known/jwks.json" for issuer in self.cognito_issuer}
        paired = given if len(given) > 1 else given * len(self.cognito_issuer)
        return dict(zip(self.cognito_issuer, paired, strict=True))

    @property
    def ca_file(self) -> str | None:
        """Whom calls to Cognito trust, in PEM; None for those that botocore ships."""
        return self.aws_ca_bundle or self.ssl_cert_file

    def summary(self) -> dict[str, Any]:
        """What the log tells at the start. No secret is among it, nor a password of Redis."""
        return {
            "user_pool": self.cognito_user_pool_id,
            "region": self.cognito_region,
            "issuers": self.cognito_issuer,
            "clients": sorted(self.cognito_client_ids),
            "origins": self.cors_origins,
            "redis": urlsplit(self.redis_url).hostname if self.redis_url else None,
            "docs": self.docs_enabled,
            "metrics_port": self.metrics_port,
        }

    def warnings(self) -> Iterator[tuple[str, str]]:
        """What is allowed but hardly meant: a variable, and what is odd about it."""
        longest = self.forget_deadline + self.cognito_deadline
        if self.graceful_timeout < longest:
            yield (
                "GRACEFUL_TIMEOUT",
                f"shorter than the longest call, FORGET_DEADLINE and COGNITO_DEADLINE together "
                f"({longest:g} s): a stop may cut it off",
            )
        if self.cognito_deadline < self.cognito_connect_timeout + self.cognito_read_timeout:
            yield (
                "COGNITO_DEADLINE",
                "shorter than COGNITO_CONNECT_TIMEOUT and COGNITO_READ_TIMEOUT together: no call "
                "is ever repeated",
            )
        for name in sorted(os.environ.keys() - NAMES):
            if name.partition("_")[0] in FIRST_WORDS:
                likely = get_close_matches(name, NAMES, n=1)
                yield name, f"is no setting{f'; did you mean {likely[0]}?' if likely else ''}"

    def check_certificate(self) -> None:
        """Look into the files of HTTPS; gunicorn would only do so at every connection.

        Raises:
            SettingsError: names the variables whose files cannot be read, or are not what they say.
        """
        if self.tls_cert_file is None or self.tls_key_file is None:
            return
        for name, path in (
            ("TLS_CERT_FILE", self.tls_cert_file),
            ("TLS_KEY_FILE", self.tls_key_file),
        ):
            try:
                _readable(path)
            except ValidationError as error:
                raise SettingsError(f"{name}: {error.messages[0]}") from None
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        try:
            context.load_cert_chain(self.tls_cert_file, self.tls_key_file, password="")
        except OSError as error:
            raise SettingsError(
                "TLS_CERT_FILE and TLS_KEY_FILE: Not a certificate in PEM and its private key, "
                "without a password."
            ) from error

    @classmethod
    def from_environ(cls) -> "Settings":
        """Read every variable. An empty one is an unset one.

        Raises:
            SettingsError: names each variable that is missing or wrong, and says what is wrong.
        """
        for name in NAMES & os.environ.keys():
            _check_bare(name, os.environ[name])
            if not os.environ[name]:
                del os.environ[name]
        env = Env(eager=False)
        values = _read(env)
        try:
            env.seal()
        except EnvValidationError as error:
            raise SettingsError(_explain(error)) from None
        settings = cls(**values)
        _check_together(settings)
        return settings


NAMES = frozenset(field.name.upper() for field in fields(Settings))
FIRST_WORDS = frozenset(name.partition("_")[0] for name in NAMES) - {"AWS", "OTEL", "LOG", "SSL"}
"""Names that begin with one of these are taken for ours; the others are often somebody else's."""


def _read(env: Env) -> dict[str, Any]:
    """Values by field; an invalid one stays in `env`, which reports them all when it is sealed."""
    pool_id = env.str("COGNITO_USER_POOL_ID", validate=_user_pool_id)
    issuers = _words(env, "COGNITO_ISSUER", (), each=_issuer) or _issuers(pool_id or "")
    return {
        "cognito_user_pool_id": pool_id,
        "cognito_client_ids": frozenset(_words(env, "COGNITO_CLIENT_IDS", each=_client_id)),
        "cognito_client_names": dict(
            pair.split("=", 1) for pair in _words(env, "COGNITO_CLIENT_NAMES", (), each=_named)
        ),
        "cognito_endpoint_url": env.str("COGNITO_ENDPOINT_URL", None, validate=_url),
        "cognito_issuer": issuers,
        "cognito_jwks_url": _words(env, "COGNITO_JWKS_URL", (), each=_url),
        "cognito_connect_timeout": _seconds(env, "COGNITO_CONNECT_TIMEOUT", 1),
        "cognito_read_timeout": _seconds(env, "COGNITO_READ_TIMEOUT", 3),
        "cognito_deadline": _seconds(env, "COGNITO_DEADLINE", 10),
        "cognito_max_attempts": env.int("COGNITO_MAX_ATTEMPTS", 3, validate=_between(1, 10)),
        "cognito_max_in_flight": env.int(
            "COGNITO_MAX_IN_FLIGHT", 500, validate=_between(1, 10_000)
        ),
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
        "device_cache_seconds": env.int("DEVICE_CACHE_SECONDS", 0, validate=_between(0, 3600)),
        "cors_origins": _words(env, "CORS_ORIGINS", (), each=_origin),
        "cors_headers": _words(env, "CORS_HEADERS", (), each=_header),
        "trusted_proxy_hops": env.int("TRUSTED_PROXY_HOPS", 0, validate=_between(0, 10)),
        "public_path": env.str("PUBLIC_PATH", "", validate=_path),
        "audit_log": env.bool("AUDIT_LOG", True),
        "docs_enabled": env.bool("DOCS_ENABLED", True),
        "docs_sign_in_url": env.str("DOCS_SIGN_IN_URL", None, validate=_url),
        "log_format": env.str(
            "LOG_FORMAT", "auto", validate=validate.OneOf(("auto", "json", "console"))
        ),
        "log_level": env.str("LOG_LEVEL", "INFO", validate=validate.OneOf(LOG_LEVELS)),
        "metrics_port": env.int("METRICS_PORT", None, validate=_between(1, 65535)),
        "otel_exporter_otlp_endpoint": env.str("OTEL_EXPORTER_OTLP_ENDPOINT", None, validate=_url),
        "host": env.str("HOST", "127.0.0.1"),
        "port": env.int("PORT", 8000, validate=_between(0, 65535)),
        "workers": env.int("WORKERS", 2, validate=_between(1, 128)),
        "worker_connections": env.int("WORKER_CONNECTIONS", 1000, validate=_between(1, 100_000)),
        "graceful_timeout": env.int("GRACEFUL_TIMEOUT", 30, validate=_between(1, 600)),
        "tls_cert_file": env.str("TLS_CERT_FILE", None),
        "tls_key_file": env.str("TLS_KEY_FILE", None),
        "aws_ca_bundle": env.str("AWS_CA_BUNDLE", None, validate=_readable),
        "ssl_cert_file": env.str("SSL_CERT_FILE", None, validate=_readable),
    }


def _check_together(settings: Settings) -> None:
    """What no variable can be judged by alone.

    Raises:
        SettingsError: names the variables.
    """
    if len(settings.cognito_jwks_url) not in (0, 1, len(settings.cognito_issuer)):
        raise SettingsError(
            "COGNITO_JWKS_URL: Name one address, or as many as COGNITO_ISSUER has issuers "
            f"({len(settings.cognito_issuer)}), in their order."
        )
    if settings.device_cache_seconds and settings.redis_url is None:
        raise SettingsError("DEVICE_CACHE_SECONDS: Needs REDIS_URL, where the lists are kept.")
    if (settings.tls_cert_file is None) != (settings.tls_key_file is None):
        raise SettingsError("TLS_CERT_FILE and TLS_KEY_FILE: Set both, or neither.")


def _explain(error: EnvValidationError) -> str:
    assert isinstance(error.error_messages, Mapping)  # noqa: S101 - it is, from Env.seal
    return "; ".join(
        f"{name}: {' '.join(messages)}" for name, messages in error.error_messages.items()
    )


def _check_bare(name: str, value: str) -> None:
    if value != value.strip() or (len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"):
        raise SettingsError(f"{name}: Has quotes or blanks around its value. Remove them.")


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


def _region(pool_id: str) -> str:
    return pool_id.rpartition("_")[0]


def _cognito_host(pool_id: str) -> str | None:
    """The host of Cognito's API in the pool's region and partition; None where there is none."""
    region = _region(pool_id)
    for pattern, suffix in _partitions():
        if re.match(pattern, region):
            return f"cognito-idp.{region}.{suffix}"
    return None


@cache
def _partitions() -> list[tuple[str, str]]:
    """Of AWS, by botocore's data: how the names of regions look, and how those of hosts end."""
    partitions = get_session().get_data("endpoints")["partitions"]
    return [(partition["regionRegex"], partition["dnsSuffix"]) for partition in partitions]


def _user_pool_id(value: str) -> None:
    if not re.fullmatch(COGNITO_USER_POOL_ID_PATTERN, value, re.ASCII) or not _cognito_host(value):
        raise ValidationError("Not a user pool id, as in eu-west-1_AbCdEf123.")


def _issuers(pool_id: str) -> tuple[str, ...]:
    """Both forms of a pool: a pool that has switched issues tokens of the second, while those of
    the first are still in circulation (aws-jwt-verify 239, 279)."""
    host = _cognito_host(pool_id)
    return (f"https://{host}/{pool_id}", f"https://issuer-{host}/{pool_id}") if host else ()


def _issuer(value: str) -> None:
    _url(value)
    if value.endswith("/"):
        raise ValidationError("Ends in a slash, which the `iss` of a token does not. Remove it.")


def _client_id(value: str) -> None:
    if not re.fullmatch(COGNITO_CLIENT_ID_PATTERN, value, re.ASCII):
        raise ValidationError(f"{value!r} is not an app client id.")


def _named(value: str) -> None:
    client_id, equals, name = value.partition("=")
    if not equals or not name.strip():
        raise ValidationError(f"{value!r} is not of the form <client id>=<name>.")
    _client_id(client_id)


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
    """A web origin as a browser or an app's web view sends it: RFC 6454, section 6.1. No wildcard:
    the answers are about one user."""
    parts = _split(value)
    if value.endswith("/") and parts.hostname:
        raise ValidationError(f"{value!r} ends in a slash, which origins do not. Remove it.")
    if not parts.hostname or value != f"{parts.scheme}://{parts.netloc}":
        raise ValidationError(
            f"{value!r} is not an origin: write scheme://host or scheme://host:port, "
            "without a path or a wildcard."
        )
    if "*" in value or "@" in value:
        raise ValidationError(f"{value!r}: name each origin in full.")
    default_port = {"http": ":80", "https": ":443"}.get(parts.scheme, " ")
    if value != value.lower() or not value.isascii() or value.endswith(default_port):
        raise ValidationError(
            f"{value!r} is not how a browser writes it: in lower case, a host of another alphabet "
            f"as xn--…, and without {default_port}."
        )


def _header(value: str) -> None:
    if not re.fullmatch(r"[A-Za-z0-9-]+", value):
        raise ValidationError(f"{value!r} is not the name of a header.")


def _path(value: str) -> None:
    if value and not re.fullmatch(r"(/[A-Za-z0-9._~-]+)+", value):
        raise ValidationError("Not a path, as in /account: without a slash at its end.")


def _redis_url(value: str) -> None:
    if _split(value).scheme not in ("redis", "rediss"):
        raise ValidationError("Not a redis:// or rediss:// URL.")
    import redis  # 20 MiB: not for those without Redis

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


def _readable(path: str) -> None:
    try:
        with open(path, "rb"):
            pass
    except OSError as error:
        raise ValidationError(f"Cannot be read: {error.strerror}.") from None
