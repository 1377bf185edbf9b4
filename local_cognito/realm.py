"""Everything this process remembers, from one reset to the next."""

from __future__ import annotations

import threading
from collections import Counter
from functools import cache

from moto.cognitoidp.models import CognitoIdpUserPool

from local_cognito import totp
from local_cognito.faults import Faults
from local_cognito.operations import Operation, our_operations
from local_cognito.pools import Backend, Pools, TrackedUserPool
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

    Keys outlive a reset, by pool id: who cached them before it need not fetch them again.
    """

    def __init__(self, keys: dict[str, KeyPairs] | None = None) -> None:
        backend = Backend(REGION, ACCOUNT_ID)
        for seed in POOLS:
            pool = create_pool(backend, seed)
            if keys and seed.id in keys:
                pool.keys = keys[seed.id]
            for user in USERS:
                create_user(pool, user, user.sub(seed.id))
        backend.install()
        self.pools = Pools(backend)
        self.operations: dict[str, Operation] = our_operations(self.pools)
        self.faults = Faults()
        self.calls = Calls()

    def reborn(self) -> Realm:
        return Realm({pool.id: pool.keys for pool in self.pools.all()})


@cache
def blank_pool() -> CognitoIdpUserPool:
    return CognitoIdpUserPool(ACCOUNT_ID, REGION, "blank", {})


def create_pool(backend: Backend, seed: SeedPool) -> TrackedUserPool:
    pool = TrackedUserPool.copied(backend, blank_pool())
    pool.take_id(seed.id)
    pool.name = seed.name
    if seed.device_configuration is not None:
        pool.extended_config["DeviceConfiguration"] = dict(seed.device_configuration)
    pool.session_tracking.configure(enabled=True, max_per_user=MAX_SESSIONS_PER_USER)
    backend.add(pool)
    backend.set_user_pool_mfa_config(
        pool.id, sms_config={}, token_config={"Enabled": True}, mfa_config="OPTIONAL"
    )
    for client_id, name in seed.clients.items():
        client = backend.create_user_pool_client(
            pool.id,
            False,
            {"ClientName": name, "ExplicitAuthFlows": AUTH_FLOWS},  # type: ignore[dict-item]
        )
        del pool.clients[client.id]
        client.id = client_id
        pool.clients[client_id] = client
    return pool


def create_user(pool: TrackedUserPool, seed: SeedUser, sub: str | None = None) -> str:
    """A confirmed user; returns the `sub`. Raises moto's errors: name taken, weak password."""
    backend = pool.backend
    user = backend.admin_create_user(pool.id, seed.username, "SUPPRESS", seed.password, [])
    try:
        backend.admin_set_user_password(pool.id, seed.username, seed.password, permanent=True)
    except Exception:
        backend.admin_delete_user(pool.id, seed.username)
        raise
    if sub is not None:
        user.id = sub
        user.update_attributes([{"Name": "sub", "Value": sub}])
    if seed.totp_secret is not None:
        totp.enrol(pool, user, seed.totp_secret)
    return user.id
