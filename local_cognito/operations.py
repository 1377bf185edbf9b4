"""Which operations are ours. Everything that is not in this table is moto's.

Read it as the list of what moto lacks or fakes:

- moto's SRP takes any password, its MFA takes any code, and it knows no challenges of devices:
  sign-in is ours, all of it
- moto has no device operations at all
- moto has no GetTokensFromRefreshToken and no RevokeToken, and its sign-out forgets tokens without
  saying that they were revoked
- moto has one TOTP secret for everybody, and drops what is said about e-mail as a second factor
- moto's ids and client secrets have other forms than AWS's, and DeletionProtection protects nothing
- moto has none of the operations on users' sessions
"""

from __future__ import annotations

from collections.abc import Callable

from local_cognito.devices import DeviceOperations
from local_cognito.factors import FactorOperations
from local_cognito.moto_server import MotoServer
from local_cognito.parameters import Params
from local_cognito.pools import Pools
from local_cognito.provisioning import ProvisioningOperations
from local_cognito.sessions import SessionOperations
from local_cognito.sign_in import SignInOperations
from local_cognito.totp import TotpOperations
from local_cognito.user_sessions import UserSessionOperations

# Parameters and the caller's address in; the answer out, or None for an empty body.
Operation = Callable[[Params, str], Params | None]


def our_operations(pools: Pools, moto: MotoServer) -> dict[str, Operation]:
    """X-Amz-Target's operation name → our function."""
    sign_in = SignInOperations(pools)
    sessions = SessionOperations(pools)
    devices = DeviceOperations(pools)
    factors = FactorOperations(pools)
    totp = TotpOperations(pools)
    user_sessions = UserSessionOperations(pools)
    provisioning = ProvisioningOperations(pools, moto)
    return {
        "InitiateAuth": sign_in.initiate_auth,
        "RespondToAuthChallenge": sign_in.respond_to_auth_challenge,
        "AdminInitiateAuth": sign_in.admin_initiate_auth,
        "AdminRespondToAuthChallenge": sign_in.admin_respond_to_auth_challenge,
        "GetTokensFromRefreshToken": sessions.get_tokens_from_refresh_token,
        "RevokeToken": sessions.revoke_token,
        "GlobalSignOut": sessions.global_sign_out,
        "AdminUserGlobalSignOut": sessions.admin_user_global_sign_out,
        "ConfirmDevice": devices.confirm_device,
        "GetDevice": devices.get_device,
        "ListDevices": devices.list_devices,
        "UpdateDeviceStatus": devices.update_device_status,
        "ForgetDevice": devices.forget_device,
        "AdminGetDevice": devices.admin_get_device,
        "AdminListDevices": devices.admin_list_devices,
        "AdminUpdateDeviceStatus": devices.admin_update_device_status,
        "AdminForgetDevice": devices.admin_forget_device,
        "AssociateSoftwareToken": totp.associate,
        "VerifySoftwareToken": totp.verify,
        "SetUserPoolMfaConfig": factors.set_user_pool_mfa_config,
        "GetUserPoolMfaConfig": factors.get_user_pool_mfa_config,
        "SetUserMFAPreference": factors.set_user_mfa_preference,
        "AdminSetUserMFAPreference": factors.admin_set_user_mfa_preference,
        "CreateUserPool": provisioning.create_user_pool,
        "CreateUserPoolClient": provisioning.create_user_pool_client,
        "DeleteUserPool": provisioning.delete_user_pool,
        "GetUser": provisioning.get_user,
        "AdminGetUser": provisioning.admin_get_user,
        "ListUserSessions": user_sessions.list_user_sessions,
        "RevokeUserSession": user_sessions.revoke_user_session,
        "AdminListUserSessions": user_sessions.admin_list_user_sessions,
        "AdminRevokeUserSession": user_sessions.admin_revoke_user_session,
        "SetUserPoolSessionConfiguration": user_sessions.set_user_pool_session_configuration,
        "SetUserPoolClientSessionConfiguration": (
            user_sessions.set_user_pool_client_session_configuration
        ),
        "GetUserPoolClientSessionConfiguration": (
            user_sessions.get_user_pool_client_session_configuration
        ),
        "GetUserPoolSessionConfiguration": user_sessions.get_user_pool_session_configuration,
    }
