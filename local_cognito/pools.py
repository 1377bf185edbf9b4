"""moto's user pools, with the state that moto has no place for.

moto keeps pools, clients, users, groups and attributes. `TrackedUserPool` adds to a pool: keys of
its own, token families, devices, challenges and TOTP secrets. `Backend` makes moto build such
pools, whether they come from the seed or from a CreateUserPool call, so that moto's own operations
(AdminInitiateAuth, GetUser) hand out and accept the same tokens as ours.
"""

from __future__ import annotations

import copy
import threading
import time
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, cast

from moto.cognitoidp import urls as moto_urls
from moto.cognitoidp.models import (
    CognitoIdpBackend,
    CognitoIdpUser,
    CognitoIdpUserPool,
    CognitoIdpUserPoolClient,
    cognitoidp_backends,
)

from local_cognito import tokens
from local_cognito.challenges import Challenges
from local_cognito.errors import (
    CognitoError,
    invalid_access_token,
    invalid_refresh_token,
    no_such_user,
    not_authorized,
    not_found,
)
from local_cognito.seed import ACCOUNT_ID, REGION
from local_cognito.session_tracking import Locations, SessionTracking
from local_cognito.tokens import Claims, KeyPairs, TokenFamily

SECONDS_PER = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86400}
DEFAULT_UNITS = {"AccessToken": "hours", "IdToken": "hours", "RefreshToken": "days"}
DEFAULT_LIFETIMES = {
    "AccessToken": tokens.DEFAULT_LIFETIME,
    "IdToken": tokens.DEFAULT_LIFETIME,
    "RefreshToken": tokens.DEFAULT_REFRESH_LIFETIME,
}


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


class TrackedUserPool(CognitoIdpUserPool):
    """A moto pool that signs with its own keys and knows devices."""

    def __init__(self, home: Backend, name: str, extended_config: dict[str, Any]) -> None:
        super().__init__(home.account_id, home.region_name, name, extended_config)
        self._begin(home)

    @classmethod
    def copied(cls, home: Backend, original: CognitoIdpUserPool) -> TrackedUserPool:
        """A pool equal to moto's `original`, without the RSA that moto does for each new one.

        That is 0.1 s a pool, which every reset of every test would wait for.
        """
        pool = cast(TrackedUserPool, cls.__new__(cls))
        shared = {id(original.json_web_key): original.json_web_key}
        pool.__dict__.update(copy.deepcopy(original.__dict__, shared))
        pool._begin(home)
        return pool

    def _begin(self, home: Backend) -> None:
        self._home = home
        self.lock = threading.RLock()
        self.keys = KeyPairs()
        self.challenges = Challenges()
        self.families: dict[str, TokenFamily] = {}
        self.families_by_refresh_token: dict[str, TokenFamily] = {}
        self.session_tracking = SessionTracking(self.lock, home.locations)
        self.device_offers: dict[str, DeviceOffer] = {}
        self.devices_by_owner: dict[str, dict[str, Device]] = {}
        self.devices_ever = 0
        self.totp_secrets: dict[str, str] = {}
        self.unverified_totp_secrets: dict[str, str] = {}

    def take_id(self, pool_id: str) -> None:
        """Seed pools have ids that never change; moto draws one and takes no other."""
        self.id = pool_id
        self.arn = f"arn:aws:cognito-idp:{self.region}:{self.account_id}:userpool/{pool_id}"

    @property
    def backend(self) -> Backend:
        """Where the pool lives. moto looks it up in its registry, where a seed under way is not."""
        return self._home

    @property
    def issuer(self) -> str:
        return f"https://cognito-idp.{self.region}.amazonaws.com/{self.id}"

    @property
    def srp_group(self) -> str:
        return self.id.split("_", 1)[1]

    @property
    def device_configuration(self) -> dict[str, bool] | None:
        """None where the pool does not track devices."""
        return self.extended_config.get("DeviceConfiguration") or None

    def find_user(self, username: str) -> CognitoIdpUser | None:
        """By username, by alias (moto's rules) or by sub, all of which clients send."""
        user: CognitoIdpUser | None = self._get_user(username)
        if user is not None:
            return user
        return next((one for one in list(self.users.values()) if one.id == username), None)

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
        self, client_id: str, user: CognitoIdpUser, device_key: str | None = None
    ) -> TokenFamily:
        now = time.time()
        family = TokenFamily(
            client_id=client_id,
            username=user.username,
            sub=user.id,
            device_key=device_key,
            auth_time=int(now),
            refresh_expires_at=now + self.lifetime(client_id, "RefreshToken"),
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
        return tokens.access_claims(family, self.issuer, time.time(), lifetime, groups)

    def id_claims(self, family: TokenFamily) -> Claims:
        lifetime = self.lifetime(family.client_id, "IdToken")
        user = self.get_user(family.username)
        attributes = dict(user.attribute_lookup)
        for name in ("email_verified", "phone_number_verified"):
            if name in attributes:
                attributes[name] = attributes[name] in (True, "true")
        return tokens.id_claims(
            family, self.issuer, time.time(), lifetime, self._groups(family.username), attributes
        )

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

    # moto's own sign-ins (AdminInitiateAuth) make their tokens through these.

    def create_refresh_token(self, client_id: str, username: str) -> tuple[str, str]:
        family = self.open_family(client_id, self.get_user(username))
        return family.refresh_token, family.origin_jti

    def create_access_token(
        self, client_id: str, username: str, origin_jti: str
    ) -> tuple[str, int]:
        family = self.families[origin_jti]
        return self.keys.sign(self.access_claims(family)), self.lifetime(client_id, "AccessToken")

    def create_id_token(self, client_id: str, username: str, origin_jti: str) -> tuple[str, int]:
        family = self.families[origin_jti]
        return self.keys.sign(self.id_claims(family)), self.lifetime(client_id, "IdToken")

    def create_tokens_from_refresh_token(self, refresh_token: str) -> tuple[str, str, int]:
        with self.lock:
            family = self.families_by_refresh_token.get(refresh_token)
        if family is None:
            raise invalid_refresh_token()
        self.live_family(refresh_token, family.client_id)
        self.session_tracking.record_activity(family)
        jti = family.origin_jti
        access_token, expires_in = self.create_access_token(family.client_id, "", jti)
        id_token, _ = self.create_id_token(family.client_id, "", jti)
        return access_token, id_token, expires_in

    def sign_out(self, username: str) -> None:
        self.revoke_families_of(self.get_user(username).id)


class Backend(CognitoIdpBackend):
    """moto's backend for one region, whose pools are tracked pools."""

    user_pools: dict[str, TrackedUserPool]  # type: ignore[assignment]

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.locations = Locations()

    @property
    def _url_module(self) -> ModuleType:
        """moto finds a backend's urls by its module's name, and this is not moto's module."""
        return moto_urls

    def create_user_pool(self, name: str, extended_config: dict[str, Any]) -> TrackedUserPool:
        return self.add(TrackedUserPool(self, name, extended_config))

    def add(self, pool: TrackedUserPool) -> TrackedUserPool:
        self.user_pools[pool.id] = pool
        return pool

    def install(self) -> None:
        """Becomes the backend that moto's operations find for the seed's account and region."""
        cognitoidp_backends[ACCOUNT_ID][REGION] = self


@dataclass(frozen=True)
class SignedIn:
    """Who an access token stands for, once it has been believed."""

    pool: TrackedUserPool
    user: CognitoIdpUser
    family: TokenFamily


class Pools:
    """Finds the pool, client or user that a request is about, in the backend of the moment."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend

    def all(self) -> list[TrackedUserPool]:
        return list(self.backend.user_pools.values())

    def pool(self, pool_id: str) -> TrackedUserPool:
        pool = self.backend.user_pools.get(pool_id)
        if pool is None:
            raise not_found(f"User pool {pool_id} does not exist.")
        return pool

    def client(self, client_id: str) -> tuple[TrackedUserPool, CognitoIdpUserPoolClient]:
        for pool in self.all():
            client = pool.clients.get(client_id)
            if client is not None:
                return pool, client
        raise not_found(f"User pool client {client_id} does not exist.")

    def signed_in(self, access_token: str) -> SignedIn:
        """Believes an access token, or says as Cognito does why not.

        Raises NotAuthorizedException: "Invalid Access Token", "Access Token has expired", "Access
        Token does not have required scopes", "Access Token has been revoked", "User is disabled.";
        UserNotFoundException, UserNotConfirmedException, PasswordResetRequiredException.
        """
        issuer = tokens.unverified_claims(access_token).get("iss")
        pool = next((pool for pool in self.all() if pool.issuer == issuer), None)
        if pool is None:
            raise invalid_access_token()
        claims = pool.keys.verify(access_token)
        _check_claims(claims, pool)
        user = pool.find_user(str(claims.get("username")))
        if user is None or user.id != claims.get("sub"):
            raise no_such_user()
        family = pool.families.get(str(claims.get("origin_jti")))
        # A family that this process never opened was opened before a reset.
        if family is None or family.revoked:
            raise not_authorized("Access Token has been revoked")
        check_may_sign_in(user)
        return SignedIn(pool, user, family)


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
        raise not_authorized("User is disabled.")
    if user.status == "UNCONFIRMED":
        raise CognitoError("UserNotConfirmedException", "User is not confirmed.")
    if user.status == "RESET_REQUIRED":
        raise CognitoError("PasswordResetRequiredException", "Password reset required for the user")
