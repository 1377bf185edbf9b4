"""Everything this process remembers, from one reset to the next."""

from __future__ import annotations

import copy
import threading
from collections import Counter
from functools import cache

from moto.cognitoidp.models import CognitoIdpBackend, CognitoIdpUserPool, cognitoidp_backends

from local_cognito import factors
from local_cognito.faults import Faults
from local_cognito.moto_server import MotoServer
from local_cognito.operations import Operation, our_operations
from local_cognito.pools import Pools, TrackedUserPool
from local_cognito.provisioning import give_pool_id
from local_cognito.seed import (
    ACCOUNT_ID,
    AUTH_FLOWS,
    MAX_SESSIONS_PER_USER,
    POOLS,
    REGION,
    USERS,
    SeedPool,
    SeedUser,
)
from local_cognito.tokens import KeyPairs


class Calls:
    """How often each operation was called, faulted calls included."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()

    def count(self, operation: str) -> None:
        with self._lock:
            self._counts[operation] += 1

    def clear(self) -> None:
        with self._lock:
            self._counts.clear()

    def shown(self) -> dict[str, int]:
        with self._lock:
            return dict(sorted(self._counts.items()))


class Realm:
    """The seed's pools and what has become of them, with the faults and the counts.

    Keys outlive a reset, by pool id: clients that cached them need not fetch them again.
    """

    def __init__(
        self, moto: MotoServer, keys: dict[str, dict[str, KeyPairs]] | None = None
    ) -> None:
        backend = CognitoIdpBackend(REGION, ACCOUNT_ID)
        self.pools = Pools(backend)
        for seed in POOLS:
            pool = create_pool(self.pools, seed)
            if keys and seed.id in keys:
                pool.key_pairs = keys[seed.id]
            for user in USERS:
                create_user(self.pools, pool, user, user.sub(seed.id))
        # The backend that moto's operations find for the seed's account and region.
        cognitoidp_backends[ACCOUNT_ID][REGION] = backend
        self.moto = moto
        self.operations: dict[str, Operation] = our_operations(self.pools, moto)
        self.faults = Faults()
        self.calls = Calls()

    def reborn(self) -> Realm:
        return Realm(self.moto, {pool.id: pool.key_pairs for pool in self.pools.all()})


@cache
def blank_pool() -> CognitoIdpUserPool:
    """moto reads an RSA key for each new pool: 0.1 s, which a copy does without."""
    return CognitoIdpUserPool(ACCOUNT_ID, REGION, "blank", {})


def create_pool(pools: Pools, seed: SeedPool) -> TrackedUserPool:
    backend, blank = pools.backend, blank_pool()
    moto: CognitoIdpUserPool = copy.deepcopy(blank, {id(blank.json_web_key): blank.json_web_key})
    give_pool_id(moto, seed.id)
    moto.name = seed.name
    if seed.device_configuration is not None:
        moto.extended_config["DeviceConfiguration"] = dict(seed.device_configuration)
    backend.user_pools[seed.id] = moto
    backend.set_user_pool_mfa_config(
        seed.id, sms_config={}, token_config={"Enabled": True}, mfa_config="OPTIONAL"
    )
    for client_id, name in seed.clients.items():
        client = backend.create_user_pool_client(
            seed.id,
            False,
            {"ClientName": name, "ExplicitAuthFlows": AUTH_FLOWS},  # type: ignore[dict-item]
        )
        del moto.clients[client.id]
        client.id = client_id
        moto.clients[client_id] = client
    pool = pools.pool(seed.id)
    pool.session_tracking.configure(enabled=True, max_per_user=MAX_SESSIONS_PER_USER)
    return pool


def create_user(
    pools: Pools,
    pool: TrackedUserPool,
    seed: SeedUser,
    sub: str | None = None,
    attributes: list[dict[str, str]] | None = None,
) -> str:
    """A confirmed user; returns the `sub`. Raises moto's errors: name taken, weak password."""
    backend = pools.backend
    user = backend.admin_create_user(
        pool.id, seed.username, "SUPPRESS", seed.password, attributes or []
    )
    try:
        backend.admin_set_user_password(pool.id, user.username, seed.password, permanent=True)
    except Exception:
        backend.admin_delete_user(pool.id, user.username)
        raise
    if sub is not None:
        user.id = sub
        user.update_attributes([{"Name": "sub", "Value": sub}])
    if seed.totp_secret is not None:
        factors.enrol_totp(pool, user, seed.totp_secret)
        factors.set_enabled(pool, user, factors.TOTP, True)
        user.preferred_mfa_setting = factors.TOTP
    return user.id
