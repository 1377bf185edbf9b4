"""The parts of the service, each made as the settings say, for `create_app` to put together."""

import ssl
from collections.abc import Callable
from functools import partial

from botocore.httpsession import get_cert_path

from app.auth.keys import Keys, KeySet, fetch_keys
from app.auth.verifier import TokenVerifier
from app.cognito.attempts import Attempts
from app.cognito.breaker import CognitoBreaker
from app.cognito.client import CognitoClient
from app.cognito.endpoint import Endpoint
from app.cognito.quota import QuotaBudget
from app.cognito.transport import Transport
from app.counters import Counters
from app.domain.audit import AuditTrail
from app.domain.bulk import Bulk
from app.settings import Settings, trust


def make_fetch(settings: Settings) -> Callable[[str], Keys]:
    """How the keys at an address are fetched."""
    timeout = settings.cognito_connect_timeout + settings.cognito_read_timeout
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trust(tls, get_cert_path(settings.ca_bundle or True))
    return partial(fetch_keys, timeout=timeout, tls=tls)


def make_keys(settings: Settings) -> dict[str, KeySet]:
    """The user pool's keys by issuer; issuers whose keys are at one address share them."""
    fetch = make_fetch(settings)
    sets = {
        url: KeySet(
            url,
            fetch,
            max_age=settings.jwks_max_age,
            refetch_interval=settings.jwks_refetch_interval,
        )
        for url in settings.key_addresses.values()
    }
    return {issuer: sets[url] for issuer, url in settings.key_addresses.items()}


def make_verifier(settings: Settings, keys: dict[str, KeySet]) -> TokenVerifier:
    """The judge of access tokens."""
    return TokenVerifier(
        keys,
        client_ids=settings.cognito_client_ids,
        leeway=settings.token_leeway,
        cache_size=settings.token_cache_size,
    )


def make_cognito(settings: Settings, breaker: CognitoBreaker, counters: Counters) -> CognitoClient:
    """Amazon Cognito, or what stands at COGNITO_ENDPOINT_URL."""
    endpoint = Endpoint(settings)
    attempts = Attempts(settings, QuotaBudget(settings, counters), breaker)
    return CognitoClient(endpoint, Transport(settings, endpoint.url), attempts)


def make_bulk(settings: Settings, audit: AuditTrail) -> Bulk:
    """The runs over many, which leave a fifth of a worker's share of Cognito's updates to other
    calls."""
    share = 0.8 * settings.cognito_update_quota / settings.workers
    return Bulk(
        audit,
        per_second=min(settings.forget_rate, share),
        deadline=settings.forget_deadline,
    )
