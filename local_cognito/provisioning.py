"""What moto does for an administrator, with what AWS does otherwise.

Ids and secrets in AWS's forms, DeletionProtection, and second factors by e-mail in GetUser. moto
answers; we amend its objects and its answer.
"""

from __future__ import annotations

import json
import secrets
import string

from moto.cognitoidp.models import CognitoIdpUserPool

from local_cognito.errors import invalid_parameter
from local_cognito.factors import EMAIL
from local_cognito.moto_server import MotoServer
from local_cognito.parameters import Params
from local_cognito.pools import Pools

LOWER = string.ascii_lowercase + string.digits
ALPHANUMERIC = string.ascii_letters + string.digits
POOL_ID_LENGTH, CLIENT_ID_LENGTH, CLIENT_SECRET_LENGTH = 9, 26, 52


class ProvisioningOperations:
    """Operations that moto does first."""

    def __init__(self, pools: Pools, moto: MotoServer) -> None:
        self._pools = pools
        self._moto = moto

    def create_user_pool(self, params: Params, caller_ip: str) -> Params:
        answer = self._moto.call("CreateUserPool", params)
        old_id = answer["UserPool"]["Id"]
        pool = self._pools.backend.user_pools.pop(old_id)
        new_id = f"{pool.region}_{_random(ALPHANUMERIC, POOL_ID_LENGTH)}"
        give_pool_id(pool, new_id)
        self._pools.backend.user_pools[new_id] = pool
        return _with({old_id: new_id}, answer)

    def create_user_pool_client(self, params: Params, caller_ip: str) -> Params:
        answer = self._moto.call("CreateUserPoolClient", params)
        clients = self._pools.pool(params["UserPoolId"]).clients
        client = clients.pop(answer["UserPoolClient"]["ClientId"])
        old = client.id, client.secret
        client.id = _random(LOWER, CLIENT_ID_LENGTH)
        client.secret = _random(LOWER, CLIENT_SECRET_LENGTH)
        clients[client.id] = client
        return _with(dict(zip(old, (client.id, client.secret), strict=True)), answer)

    def delete_user_pool(self, params: Params, caller_ip: str) -> Params:
        if self._pools.pool(params["UserPoolId"]).config.get("DeletionProtection") == "ACTIVE":
            raise invalid_parameter(
                "The user pool cannot be deleted because deletion protection is activated. "
                "Deletion protection must be inactivated first."
            )
        return self._moto.call("DeleteUserPool", params)

    def get_user(self, params: Params, caller_ip: str) -> Params:
        signed_in = self._pools.signed_in(params["AccessToken"])
        user = {"UserPoolId": signed_in.pool.id, "Username": signed_in.user.username}
        answer = self.admin_get_user(user, caller_ip)
        told = ("Username", "UserAttributes", "MFAOptions", "PreferredMfaSetting")
        return {name: answer[name] for name in (*told, "UserMFASettingList") if name in answer}

    def admin_get_user(self, params: Params, caller_ip: str) -> Params:
        pool = self._pools.pool(params["UserPoolId"])
        user = pool.get_user(params["Username"])
        answer = self._moto.call("AdminGetUser", params | {"Username": user.username})
        if user.id in pool.email_mfa_users:
            answer["UserMFASettingList"].append(EMAIL)
        return answer


def give_pool_id(pool: CognitoIdpUserPool, pool_id: str) -> None:
    pool.arn = pool.arn.replace(pool.id, pool_id)
    pool.id = pool_id


def _random(alphabet: str, length: int) -> str:
    return "".join(secrets.choice(alphabet) for _ in range(length))


def _with(replacements: dict[str, str], answer: Params) -> Params:
    """moto's answer with new ids for the old ones, which are random and so occur nowhere else."""
    text = json.dumps(answer)
    for old, new in replacements.items():
        text = text.replace(old, new)
    replaced: Params = json.loads(text)
    return replaced
