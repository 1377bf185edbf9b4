"""The service's settings, from the environment and nowhere else.

The table in docs/settings.md says what each variable means; a test keeps the two in step.
"""

import os
import re
import ssl
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from functools import cache, cached_property
from ipaddress import ip_address
from typing import Any, cast
from urllib.parse import SplitResult, urlsplit

from botocore.httpsession import get_cert_path
from botocore.loaders import create_loader
from botocore.regions import EndpointResolver
from environs import Env, EnvValidationError, ValidationError, validate
from limits import parse as parse_rate_limit


class SettingsError(Exception):
    """One or more environment variables are missing or wrong; the message names each of them."""


# The checks of single values


def _like(pattern: str, what: str) -> Callable[[str], None]:
    """A check that a value is `what`, written as `pattern`."""

    def check(value: str) -> None:
        if not re.fullmatch(pattern, value, re.ASCII):
            raise ValidationError(f"{value!r} is not {what}.")

    return check


PROPAGATORS = ("tracecontext", "baggage", "b3", "b3multi", "xray", "none")

_client_id = _like(r"[\w+]{1,128}", "an app client id")  # ClientIdType of the botocore model
_acr = _like(r"[!#-\[\]-~]{1,1024}", "an acr value, as urn:cognito:loa:3")  # RFC 6749, section 3.3
_header = _like(r"[A-Za-z0-9-]+", "the name of a header")
_host = _like(r"[^\[].*", "an address to listen on: write ::1 without brackets")
_path = _like(r"((/[A-Za-z0-9._~-]+)+)?", "a path, as /account: without a slash at its end")
_propagator = _like("|".join(PROPAGATORS), f"one of these: {', '.join(PROPAGATORS)}")


def _region(pool_id: str) -> str:
    return pool_id.rpartition("_")[0]


@cache
def _cognito_host(pool_id: str) -> str | None:
    """The host of Cognito's API in the pool's region and partition; None where there is none."""
    region = _region(pool_id)
    resolver = EndpointResolver(create_loader().load_data("endpoints"))
    endpoint = resolver.construct_endpoint("cognito-idp", region)
    # "fips-us-east-1" has one, too, and is no region.
    return endpoint["hostname"] if endpoint and f".{region}." in endpoint["hostname"] else None


def _user_pool_id(value: str) -> None:
    # UserPoolIdType of the botocore model
    if not re.fullmatch(r"[\w-]+_[0-9a-zA-Z]+", value, re.ASCII) or not _cognito_host(value):
        raise ValidationError("Not a user pool id, as in eu-west-1_AbCdEf123.")


def _issuers(pool_id: str) -> tuple[str, ...]:
    """Both forms of a pool: a pool that has switched issues tokens of the second, while those of
    the first are still in circulation (aws-jwt-verify 239, 279)."""
    host = _cognito_host(pool_id)
    return (f"https://{host}/{pool_id}", f"https://issuer-{host}/{pool_id}") if host else ()


def _cognito_url(value: str) -> None:
    _url(value)
    if "@" in _split(value).netloc:
        raise ValidationError("Holds a user name or a password, which is never sent. Remove it.")


def _issuer(value: str) -> None:
    _cognito_url(value)
    if value.endswith("/"):
        raise ValidationError("Ends in a slash, which the `iss` of a token does not. Remove it.")


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
    if not parts.hostname or parts.path not in ("", "/") or set("*@?#") & set(value):
        raise ValidationError(
            f"{value!r} is not an origin: write scheme://host or scheme://host:port, each in full, "
            "without a path or a wildcard."
        )
    if not value.isascii():
        raise ValidationError(f"{value!r}: write a host of another alphabet as xn--….")
    default_port = {"http": ":80", "https": ":443"}.get(parts.scheme, "")
    written = f"{parts.scheme}://{parts.netloc}".lower().removesuffix(default_port)
    if value != written:
        raise ValidationError(f"{value!r} is not how a browser writes it: write {written}.")


REDIS_SCHEMES = (
    *("redis", "rediss", "redis+cluster", "rediss+cluster", "redis+sentinel"),
    *("valkey", "valkeys", "valkey+cluster", "valkey+sentinel"),
)


_HOST = r"(\[[0-9A-Fa-f:.]+\]|[\w.-]+)(:\d+)?"
_AFTER_SCHEME = re.compile(rf"([^@/?#\[\]]*@)?{_HOST}(,{_HOST})*(?P<rest>([/?][^@#]*)?)")


def _redis_url(value: str) -> None:
    scheme, _, rest = value.partition("://")
    if scheme not in REDIS_SCHEMES:
        raise ValidationError(f"Not a URL of one of these: {', '.join(REDIS_SCHEMES)}.")
    found = _AFTER_SCHEME.fullmatch(rest)
    if not found:
        raise ValidationError(
            "After the scheme, write user:password@host:port, with commas between several hosts. "
            "Percent-encode what the user name and the password hold: # as %23, / as %2F, ? as "
            "%3F, @ as %40, [ as %5B, ] as %5D."
        )
    if scheme.endswith("+sentinel") and not re.match("/[^?]", found["rest"]):
        raise ValidationError("Name the service at its end, as in /primary.")
    if "+" in scheme:
        return
    import redis  # 20 MiB: not for those without Redis

    try:
        redis.ConnectionPool.from_url(value.replace("valkey", "redis", 1)).make_connection()
    except (ValueError, TypeError, redis.RedisError):
        raise ValidationError("Has a part that redis-py does not take.") from None


def _rate_limit(value: str) -> None:
    try:
        limit = parse_rate_limit(value)
    except ValueError:
        raise ValidationError("Not a rate limit, as in 120 per minute.") from None
    if limit.amount < 1:
        raise ValidationError("Not a rate limit: it allows no calls. Write 120 per minute.")


def _readable(path: str) -> None:
    try:
        with open(path, "rb"):
            pass
    except OSError as error:
        raise ValidationError(f"Cannot be read: {error.strerror}.") from None


def tls_context(authorities: str | None) -> ssl.SSLContext:
    """A client's, which trusts what is in `authorities`: a file in PEM, or a folder of certificates
    by their hashes (`openssl rehash`), as requests takes both; None is botocore's own bundle.

    Raises:
        ssl.SSLError: it holds no certificate.
        OSError: it cannot be read.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    bundle = get_cert_path(authorities or True)
    if not os.path.isdir(bundle):
        context.load_verify_locations(cafile=bundle)
    elif any(re.fullmatch(r"[0-9a-f]{8}\.\d+", name) for name in os.listdir(bundle)):
        context.load_verify_locations(capath=bundle)
    else:
        raise ssl.SSLError
    return context


def is_local(host: str) -> bool:
    """Whether it is this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


# The kinds of settings


def _setting(read: Callable[[Env, str], Any]) -> Any:
    """A field of Settings. `read`: its value, from the environment and the variable's name."""
    return field(metadata={"read": read})


def _text(default: Any = ..., check: Callable[[str], object] | None = None) -> Any:
    return _setting(lambda env, name: env.str(name, default, validate=check))


def _one_of(default: str, *words: str) -> Any:
    return _text(default, validate.OneOf(words))


def _switch(default: bool) -> Any:
    return _setting(lambda env, name: env.bool(name, default))


def _whole(default: int | None, low: int, high: int) -> Any:
    limits = validate.Range(low, high)
    return _setting(lambda env, name: env.int(name, default, validate=limits))


_POSITIVE = validate.Range(min=0, max=86_400, min_inclusive=False)


def _seconds(default: float, limits: validate.Range = _POSITIVE) -> Any:
    return _setting(lambda env, name: env.float(name, default, validate=limits))


def _words(
    each: Callable[[str], object], default: Any = (), make: Callable[[Iterable[str]], Any] = tuple
) -> Any:
    """A comma-separated list; blanks around its words and empty words do not count.

    `each` checks a word; `make` makes the value of them.
    """

    def check(words: list[str]) -> None:
        if (default is ... or len(words) > 1) and not any(map(str.strip, words)):
            raise ValidationError("Names nothing.")
        for word in filter(None, map(str.strip, words)):
            each(word)

    def read(env: Env, name: str) -> Any:
        words = env.list(name, default, validate=check) or ()
        return make(filter(None, map(str.strip, words)))

    return _setting(read)


@dataclass(frozen=True)
class Settings:
    """A field for each variable of its name in lower case.

    Durations are in seconds, quotas in calls a second, sizes in what their name says.
    """

    cognito_user_pool_id: str = _text(check=_user_pool_id)
    cognito_client_ids: frozenset[str] = _words(_client_id, ..., frozenset)
    cognito_client_names: Mapping[str, str] = _words(
        _named, make=lambda pairs: dict(pair.split("=", 1) for pair in pairs)
    )
    cognito_endpoint_url: str | None = _text(None, _cognito_url)
    cognito_issuer: tuple[str, ...] = _words(_issuer)
    cognito_jwks_url: tuple[str, ...] = _words(_cognito_url)

    cognito_connect_timeout: float = _seconds(1)
    cognito_read_timeout: float = _seconds(3)
    cognito_deadline: float = _seconds(10)
    cognito_max_attempts: int = _whole(3, 1, 10)
    cognito_max_in_flight: int = _whole(500, 1, 10_000)
    cognito_read_quota: int = _whole(50, 1, 100_000)
    cognito_update_quota: int = _whole(25, 1, 100_000)
    cognito_user_update_quota: int = _whole(25, 1, 100_000)
    breaker_failures: int = _whole(5, 1, 1000)
    breaker_open_seconds: int = _whole(5, 1, 600)
    forget_rate: int = _whole(10, 1, 1000)
    forget_deadline: float = _seconds(15)

    jwks_refetch_interval: float = _seconds(10)
    jwks_max_age: float = _seconds(3600)
    token_leeway: float = _seconds(5, validate.Range(0, 60))
    token_cache_size: int = _whole(10_000, 1, 1_000_000)

    rate_limit_per_sign_in: str = _text("120 per minute", _rate_limit)
    rate_limit_per_address: str = _text("60 per minute", _rate_limit)
    redis_url: str | None = _text(None, _redis_url)
    cors_origins: tuple[str, ...] = _words(_origin)
    cors_headers: tuple[str, ...] = _words(_header)
    trusted_proxy_hops: int = _whole(0, 0, 10)
    proxy_header: str = _one_of("x-forwarded-for", "x-forwarded-for", "forwarded")
    public_path: str = _text("", _path)

    step_up_max_age: int | None = _whole(None, 60, 30 * 86_400)
    step_up_acr: tuple[str, ...] = _words(_acr)
    trust_days: int | None = _whole(None, 1, 3650)
    audit_log: bool = _switch(True)
    docs_enabled: bool = _switch(True)
    elements_enabled: bool = _switch(True)
    docs_sign_in_url: str | None = _text(None, _url)
    log_addresses: str = _one_of("refused", "refused", "all", "none")
    log_format: str = _one_of("auto", "auto", "json", "console")
    log_level: str = _one_of("INFO", "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
    metrics_port: int | None = _whole(None, 1, 65535)
    otel_exporter_otlp_endpoint: str | None = _text(None, _url)
    otel_exporter_otlp_traces_endpoint: str | None = _text(None, _url)
    otel_exporter_otlp_protocol: str = _one_of("http/protobuf", "http/protobuf")
    otel_exporter_otlp_traces_protocol: str = _one_of("http/protobuf", "http/protobuf")
    otel_propagators: tuple[str, ...] = _words(_propagator)

    host: str = _text("127.0.0.1", _host)
    port: int = _whole(8000, 0, 65535)
    workers: int = _whole(2, 1, 128)
    worker_connections: int = _whole(10_000, 1, 100_000)
    graceful_timeout: int = _whole(30, 1, 600)
    tls_cert_file: str | None = _text(None, _readable)
    tls_key_file: str | None = _text(None, _readable)
    aws_ca_bundle: str | None = _text(None)
    requests_ca_bundle: str | None = _text(None)
    ssl_cert_file: str | None = _text(None)

    @cached_property
    def cognito_region(self) -> str:
        """The AWS region, which a user pool id starts with."""
        return _region(self.cognito_user_pool_id)

    @property
    def cognito_attempt_timeout(self) -> float:
        """Of one attempt at Cognito, or at its keys."""
        return self.cognito_connect_timeout + self.cognito_read_timeout

    @property
    def key_addresses(self) -> dict[str, str]:
        """Where the keys of each issuer are."""
        given = self.cognito_jwks_url
        if not given:
            return {issuer: f"{issuer}/.well-known/jwks.json" for issuer in self.cognito_issuer}
        paired = given if len(given) > 1 else given * len(self.cognito_issuer)
        return dict(zip(self.cognito_issuer, paired, strict=True))

    @property
    def ca_bundle(self) -> str | None:
        """The CA bundle for Cognito, as `tls_context` takes it."""
        return self.aws_ca_bundle or self.requests_ca_bundle or self.ssl_cert_file

    @property
    def traced(self) -> bool:
        """Whether there is somewhere to send traces."""
        return bool(self.otel_exporter_otlp_endpoint or self.otel_exporter_otlp_traces_endpoint)

    def summary(self) -> dict[str, Any]:
        """What the log tells at the start. No secret is among it, nor a password of Redis."""
        redis = urlsplit(self.redis_url or "").netloc.rpartition("@")[2]
        return {
            "user_pool": self.cognito_user_pool_id,
            "region": self.cognito_region,
            "issuers": self.cognito_issuer,
            "clients": sorted(self.cognito_client_ids),
            "origins": self.cors_origins,
            "redis": redis or None,
            "docs": self.docs_enabled,
            "metrics_port": self.metrics_port,
            "workers": self.workers,
        }

    def warnings(self) -> Iterator[tuple[str, str]]:
        """What is allowed but probably a mistake: a variable, and what is wrong with it."""
        longest = self.forget_deadline + self.cognito_deadline
        if self.graceful_timeout < longest:
            yield (
                "GRACEFUL_TIMEOUT",
                f"shorter than the longest call, FORGET_DEADLINE and COGNITO_DEADLINE together "
                f"({longest:g} s): a stop may cut it off",
            )
        if self.cognito_deadline < self.cognito_attempt_timeout:
            yield (
                "COGNITO_DEADLINE",
                "shorter than COGNITO_CONNECT_TIMEOUT and COGNITO_READ_TIMEOUT together: no call "
                "is ever repeated",
            )
        yield from self._suspicious_addresses()
        for name in sorted(os.environ.keys() - NAMES):
            if name.partition("_")[0] in FIRST_WORDS:
                likely = get_close_matches(name, NAMES, n=1)
                yield name, f"is no setting{f'; did you mean {likely[0]}?' if likely else ''}"

    def _suspicious_addresses(self) -> Iterator[tuple[str, str]]:
        endpoint, sign_in = urlsplit(self.cognito_endpoint_url or ""), self.docs_sign_in_url
        host = endpoint.hostname or ""
        if endpoint.scheme == "http" and not is_local(host):
            yield "COGNITO_ENDPOINT_URL", "access tokens go there in the clear: use https://"
        if "cognito-idp" in host and f".{self.cognito_region}." not in f"{host}.":
            yield "COGNITO_ENDPOINT_URL", f"is not in the pool's region, {self.cognito_region}"
        for keys in self.cognito_jwks_url:
            if keys.startswith("http:") and not is_local(urlsplit(keys).hostname or ""):
                yield "COGNITO_JWKS_URL", "keys can be replaced on their way: use https://"
        if sign_in and not is_local(urlsplit(sign_in).hostname or ""):
            yield "DOCS_SIGN_IN_URL", "is for a demo user on this machine, and names another one"

    @classmethod
    def from_environ(cls) -> "Settings":
        """Read every variable. An empty one is an unset one.

        Raises:
            SettingsError: names each variable that is missing or wrong, and says what is wrong.
        """
        for name in NAMES & os.environ.keys():
            value = os.environ[name]
            if value != value.strip() or re.fullmatch(r"(['\"]).*\1", value, re.DOTALL):
                raise SettingsError(f"{name}: Has quotes or blanks around its value. Remove them.")
            if not value:
                del os.environ[name]
        env = Env(eager=False)
        # A wrong value stays in `env`, which tells of all of them when it is sealed.
        values = {it.name: it.metadata["read"](env, it.name.upper()) for it in fields(cls)}
        values["cognito_issuer"] = values["cognito_issuer"] or _issuers(
            values["cognito_user_pool_id"] or ""
        )
        try:
            env.seal()
        except EnvValidationError as error:
            found = cast(Mapping[str, list[str]], error.error_messages)  # that of Env.seal
            wrong = (f"{name}: {' '.join(messages)}" for name, messages in found.items())
            raise SettingsError(" ".join(wrong)) from None
        settings = cls(**values)
        _check_together(settings)
        return settings


CA_BUNDLES = ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")
"""In the order of their precedence."""
NAMES = frozenset(it.name.upper() for it in fields(Settings))
OTHERS = {"AWS", "LOG", "OTEL", "REQUESTS", "SSL"}
FIRST_WORDS = frozenset(name.partition("_")[0] for name in NAMES) - OTHERS
"""Names that begin with one of these are taken for ours; others are often another program's."""


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
    if settings.ca_bundle is not None:
        used = next(it for it in CA_BUNDLES if getattr(settings, it.lower()))
        try:
            tls_context(settings.ca_bundle)
        except ssl.SSLError:
            raise SettingsError(
                f"{used}: Holds no certificate in PEM, or as a folder none by its hash "
                "(openssl rehash)."
            ) from None
        except OSError as error:
            raise SettingsError(f"{used}: Cannot be read: {error.strerror}.") from None
    if settings.tls_cert_file and settings.tls_key_file:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        try:  # gunicorn would only do so at every connection
            context.load_cert_chain(settings.tls_cert_file, settings.tls_key_file, password="")
        except OSError as error:
            raise SettingsError(
                "TLS_CERT_FILE and TLS_KEY_FILE: Not a certificate in PEM and its private key, "
                "without a password."
            ) from error
    elif settings.tls_cert_file or settings.tls_key_file:
        raise SettingsError("TLS_CERT_FILE and TLS_KEY_FILE: Set both, or neither.")
