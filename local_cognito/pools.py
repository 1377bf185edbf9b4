"""moto's user pools, with the state that moto has no place for.

moto keeps pools, clients, users, groups and attributes. `TrackedUserPool` stands beside one of
moto's pools and holds what moto lacks: signing keys, token families, devices, challenges, second
factors. `Pools` finds it, for pools of the seed and for those that CreateUserPool made.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import Any

from moto.cognitoidp.models import (
    CognitoIdpBackend,
    CognitoIdpUser,
    CognitoIdpUserPool,
    CognitoIdpUserPoolClient,
)

from local_cognito import tokens
from local_cognito.challenges import Challenges
from local_cognito.errors import (
    CognitoError,
    invalid_access_token,
    invalid_refresh_token,
    no_such_client,
    no_such_user,
    not_authorized,
    not_found,
    revoked_access_token,
    user_is_disabled,
)
from local_cognito.session_tracking import Locations, SessionTracking
from local_cognito.tokens import Claims, KeyPairs, TokenFamily

SECONDS_PER = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86400}
DEFAULT_UNITS = {"AccessToken": "hours", "IdToken": "hours", "RefreshToken": "days"}
DEFAULT_LIFETIMES = {
    "AccessToken": tokens.DEFAULT_LIFETIME,
    "IdToken": tokens.DEFAULT_LIFETIME,
    "RefreshToken": tokens.DEFAULT_REFRESH_LIFETIME,
}
# IssuerConfiguration.Type of the model → the host that the pool's tokens name.
ISSUER_HOSTS = {"ORIGINAL": "cognito-idp", "UPDATED": "issuer-cognito-idp"}
# Attributes that can be sign-in names; one that can be verified must be, to be an alias.
VERIFIED_BY = {"email": "email_verified", "phone_number": "phone_number_verified"}


@dataclass
class Device:
    """A tracked device. `sequence` grows with each one, so that a page can start after it."""

    key: str
    group_key: str
    owner_sub: str
    salt: int
    verifier: int = field(repr=False)
    name: str | None
    remembered: bool
    last_ip: str
    created: float
    sequence: int

    def __post_init__(self) -> None:
        self.modified = self.created
        self.authenticated = self.created


@dataclass(frozen=True)
class DeviceOffer:
    """NewDeviceMetadata that a sign-in was given, and that it alone may confirm."""

    group_key: str
    origin_jti: str


@dataclass
class WrongPasswords:
    """A user's wrong passwords in a row, and until when every password is refused."""

    count: int = 0
    locked_until: float = 0


@dataclass(frozen=True)
class SentCode:
    """A message that Cognito would have sent: to whom, by what, and the code in it."""

    username: str
    medium: str
    destination: str
    code: str


class TrackedUserPool:
    """One of moto's pools, and what it lacks."""

    def __init__(self, moto: CognitoIdpUserPool, locations: Locations) -> None:
        self.moto = moto
        self.lock = threading.RLock()
        self.key_pairs = {issuer_type: KeyPairs() for issuer_type in ISSUER_HOSTS}
        self.challenges = Challenges()
        self.families: dict[str, TokenFamily] = {}
        self.families_by_refresh_token: dict[str, TokenFamily] = {}
        self.session_tracking = SessionTracking(self.lock, locations)
        self.device_offers: dict[str, DeviceOffer] = {}
        self.devices_by_owner: dict[str, dict[str, Device]] = {}
        self.devices_ever = 0
        # By the user's sub.
        self.totp_secrets: dict[str, str] = {}
        self.unverified_totp_secrets: dict[str, str] = {}
        self.email_mfa_users: set[str] = set()
        self.wrong_passwords: dict[str, WrongPasswords] = {}
        # By the user's sub and the secret.
        self.used_totp_steps: dict[tuple[str, str], set[int]] = {}
        self.email_mfa_config: dict[str, Any] | None = None
        self.sent_codes: list[SentCode] = []
        # Pools that AWS has not given the claims yet have tokens without `acr` and `amr`.
        self.has_acr = True
        # What the trigger of CUSTOM_AUTH takes for an answer; None where there is no trigger.
        self.custom_auth_answer: str | None = None

    @property
    def id(self) -> str:
        return self.moto.id

    @property
    def region(self) -> str:
        return self.moto.region

    @property
    def account_id(self) -> str:
        return self.moto.account_id

    @property
    def clients(self) -> dict[str, CognitoIdpUserPoolClient]:
        return self.moto.clients

    @property
    def config(self) -> dict[str, Any]:
        """The members of CreateUserPool and UpdateUserPool, as moto keeps them."""
        return self.moto.extended_config

    @property
    def srp_group(self) -> str:
        return self.id.split("_", 1)[1]

    @property
    def device_configuration(self) -> dict[str, bool] | None:
        """None where the pool does not track devices."""
        return self.config.get("DeviceConfiguration") or None

    @property
    def acr_names(self) -> dict[int, str]:
        """The names of the levels of authentication, by AcrConfiguration or as they are."""
        own = self.config.get("AcrConfiguration") or {}
        return {
            level: own.get(f"Level{level}", {}).get("AcrValue", f"urn:cognito:loa:{level}")
            for level in range(1, 5)
        }

    def client(self, client_id: str) -> CognitoIdpUserPoolClient:
        client = self.clients.get(client_id)
        if client is None:
            raise no_such_client(client_id)
        return client

    # Issuers and keys

    @property
    def issuer_type(self) -> str:
        """ORIGINAL, or UPDATED once the pool has switched."""
        return str((self.config.get("IssuerConfiguration") or {}).get("Type", "ORIGINAL"))

    @property
    def keys(self) -> KeyPairs:
        """The keys of the issuer that the pool's new tokens name."""
        return self.key_pairs[self.issuer_type]

    @property
    def issuer(self) -> str:
        return self.issuers[self.issuer_type]

    @property
    def issuers(self) -> dict[str, str]:
        return {
            issuer_type: f"https://{host}.{self.region}.amazonaws.com/{self.id}"
            for issuer_type, host in ISSUER_HOSTS.items()
        }

    # Users

    def find_user(self, name: str) -> CognitoIdpUser | None:
        """By user name, by sub, or by an attribute that the pool lets users sign in with.

        An alias (AliasAttributes) counts once it is verified. A pool with CaseSensitive=false does
        not tell upper from lower case.
        """
        exact = self.moto.users.get(name)
        if exact is not None:
            return exact
        configuration = self.config.get("UsernameConfiguration") or {}
        case_sensitive = configuration.get("CaseSensitive", True)
        wanted = name if case_sensitive else name.casefold()
        for user in list(self.moto.users.values()):
            names = {user.id, *self._names_of(user)}
            if wanted in (names if case_sensitive else {one.casefold() for one in names}):
                return user
        return None

    def _names_of(self, user: CognitoIdpUser) -> list[str]:
        attributes = user.attribute_lookup
        names = [user.username]
        names += [attributes.get(name, "") for name in self.config.get("UsernameAttributes") or ()]
        for name in self.config.get("AliasAttributes") or ():
            verified_by = VERIFIED_BY.get(name)
            if verified_by is None or str(attributes.get(verified_by)).lower() == "true":
                names.append(attributes.get(name, ""))
        return [name for name in names if name]

    def get_user(self, username: str) -> CognitoIdpUser:
        user = self.find_user(username)
        if user is None:
            raise no_such_user()
        return user

    # Token families

    def lifetime(self, client_id: str, token: str) -> int:
        """Seconds that a client's AccessToken, IdToken or RefreshToken is good for."""
        client = self.clients.get(client_id)
        config = client.extended_config if client else {}
        amount = config.get(f"{token}Validity")
        if not amount:
            return DEFAULT_LIFETIMES[token]
        unit = (config.get("TokenValidityUnits") or {}).get(token, DEFAULT_UNITS[token])
        return int(amount) * SECONDS_PER[unit]

    def open_family(
        self,
        client_id: str,
        user: CognitoIdpUser,
        methods: frozenset[str],
        device_key: str | None = None,
        auth_time: int | None = None,
    ) -> TokenFamily:
        """The tokens of a sign-in. `auth_time` is now, unless nothing was proved anew."""
        now = time.time()
        family = TokenFamily(
            client_id=client_id,
            username=user.username,
            sub=user.id,
            device_key=device_key,
            auth_time=int(now) if auth_time is None else auth_time,
            refresh_expires_at=now + self.lifetime(client_id, "RefreshToken"),
            methods=methods,
        )
        with self.lock:
            self.families[family.origin_jti] = family
            self.families_by_refresh_token[family.refresh_token] = family
            self.session_tracking.record_sign_in(family)
        return family

    def revoke_families_of(self, sub: str) -> None:
        with self.lock:
            for family in self.families.values():
                if family.sub == sub:
                    family.revoked = True

    def access_claims(self, family: TokenFamily) -> Claims:
        groups = self._groups(family.username)
        lifetime = self.lifetime(family.client_id, "AccessToken")
        claims = tokens.access_claims(family, self.issuer, time.time(), lifetime, groups)
        return claims | self._authentication_claims(family)

    def id_claims(self, family: TokenFamily) -> Claims:
        lifetime = self.lifetime(family.client_id, "IdToken")
        user = self.get_user(family.username)
        attributes = dict(user.attribute_lookup)
        for name in VERIFIED_BY.values():
            if name in attributes:
                attributes[name] = attributes[name] in (True, "true")
        claims = tokens.id_claims(
            family, self.issuer, time.time(), lifetime, self._groups(family.username), attributes
        )
        return claims | self._authentication_claims(family)

    def _authentication_claims(self, family: TokenFamily) -> Claims:
        if not self.has_acr:
            return {}
        return tokens.authentication_claims(family.methods, self.acr_names)

    def _groups(self, username: str) -> list[str]:
        user = self.find_user(username)
        return sorted(group.group_name for group in user.groups) if user else []

    def live_family(self, refresh_token: str, client_id: str) -> TokenFamily:
        """The family that a refresh token may renew, for that client."""
        with self.lock:
            family = self.families_by_refresh_token.get(refresh_token)
        if family is None or family.client_id != client_id:
            raise invalid_refresh_token()
        if family.revoked:
            raise not_authorized("Refresh Token has been revoked")
        if family.refresh_expires_at <= time.time():
            raise not_authorized("Refresh Token has expired")
        return family


@dataclass(frozen=True)
class SignedIn:
    """Who an access token stands for, once it has been believed."""

    pool: TrackedUserPool
    user: CognitoIdpUser
    family: TokenFamily


class Pools:
    """Finds the pool, client or user that a request is about, in the backend of the moment."""

    def __init__(self, backend: CognitoIdpBackend) -> None:
        self.backend = backend
        self.locations = Locations()
        self._tracked: dict[str, TrackedUserPool] = {}
        self._lock = threading.Lock()

    def all(self) -> list[TrackedUserPool]:
        return [self._beside(pool) for pool in list(self.backend.user_pools.values())]

    def pool(self, pool_id: str) -> TrackedUserPool:
        pool = self.backend.user_pools.get(pool_id)
        if pool is None:
            raise not_found(f"User pool {pool_id} does not exist.")
        return self._beside(pool)

    def _beside(self, pool: CognitoIdpUserPool) -> TrackedUserPool:
        with self._lock:
            if pool.id not in self._tracked:
                self._tracked[pool.id] = TrackedUserPool(pool, self.locations)
            return self._tracked[pool.id]

    def client(self, client_id: str) -> tuple[TrackedUserPool, CognitoIdpUserPoolClient]:
        for pool in self.all():
            client = pool.clients.get(client_id)
            if client is not None:
                return pool, client
        raise no_such_client(client_id)

    def signed_in(self, access_token: str) -> SignedIn:
        """Believes an access token, or says as Cognito does why not.

        Raises NotAuthorizedException: "Invalid Access Token", "Could not verify signature for
        Access Token", "Access Token has expired", "Access Token does not have required scopes",
        "Access Token has been revoked", "User is disabled."; UserNotFoundException,
        UserNotConfirmedException, PasswordResetRequiredException.
        """
        issuer = tokens.unverified_claims(access_token).get("iss")
        pool, keys = self._of_issuer(issuer)
        claims = keys.verify(access_token)
        _check_claims(claims, pool)
        user = pool.find_user(str(claims.get("username")))
        if user is None or user.id != claims.get("sub"):
            raise no_such_user()
        family = pool.families.get(str(claims.get("origin_jti")))
        # A family that this process never opened was opened before a reset.
        if family is None or family.revoked:
            raise revoked_access_token()
        check_may_sign_in(user)
        return SignedIn(pool, user, family)

    def _of_issuer(self, issuer: Any) -> tuple[TrackedUserPool, KeyPairs]:
        for pool in self.all():
            for issuer_type, url in pool.issuers.items():
                if url == issuer:
                    return pool, pool.key_pairs[issuer_type]
        raise invalid_access_token()


def _check_claims(claims: Claims, pool: TrackedUserPool) -> None:
    expires_at = claims.get("exp")
    if claims.get("token_use") != "access" or claims.get("client_id") not in pool.clients:
        raise invalid_access_token()
    if not isinstance(expires_at, int | float):
        raise invalid_access_token()
    if expires_at <= time.time():
        raise not_authorized("Access Token has expired")
    if tokens.SCOPE not in str(claims.get("scope", "")).split():
        raise not_authorized("Access Token does not have required scopes")


def check_may_sign_in(user: CognitoIdpUser) -> None:
    """Raises what Cognito answers a user who is disabled, not confirmed, or must reset."""
    if not user.enabled:
        raise user_is_disabled()
    if user.status == "UNCONFIRMED":
        raise CognitoError("UserNotConfirmedException", "User is not confirmed.")
    if user.status == "RESET_REQUIRED":
        raise CognitoError("PasswordResetRequiredException", "Password reset required for the user")
