"""Cognito's errors as data: a type, a message, and a status that is 400 unless said otherwise.

Clients branch on some messages (amazon-cognito-identity-js and Amplify look for "device" in
ResourceNotFoundException, and retry without the device), so they are Cognito's own: from
`docs/cognito.md`, clients' sources and bug reports. Where Cognito's words are not known, the type
is still one that botocore's model lists for the operation.
"""

from __future__ import annotations


class CognitoError(Exception):
    """An answer of AWS's JSON protocol: ``{"__type": type, "message": message}``."""

    def __init__(self, type_: str, message: str, status: int = 400) -> None:
        super().__init__(f"{type_}: {message}")
        self.type = type_
        self.message = message
        self.status = status


def not_authorized(message: str) -> CognitoError:
    return CognitoError("NotAuthorizedException", message)


def invalid_parameter(message: str) -> CognitoError:
    return CognitoError("InvalidParameterException", message)


def not_found(message: str) -> CognitoError:
    return CognitoError("ResourceNotFoundException", message)


def wrong_password() -> CognitoError:
    return not_authorized("Incorrect username or password.")


def no_such_device() -> CognitoError:
    return not_found("Device does not exist.")


def no_such_client(client_id: str) -> CognitoError:
    return not_found(f"User pool client {client_id} does not exist.")


def no_such_user() -> CognitoError:
    return CognitoError("UserNotFoundException", "User does not exist.")


def user_is_disabled() -> CognitoError:
    return not_authorized("User is disabled.")


def invalid_refresh_token() -> CognitoError:
    return not_authorized("Invalid Refresh Token")


def invalid_access_token() -> CognitoError:
    return not_authorized("Invalid Access Token")


def revoked_access_token() -> CognitoError:
    return not_authorized("Access Token has been revoked")


def unverifiable_access_token() -> CognitoError:
    return not_authorized("Could not verify signature for Access Token")


def invalid_session() -> CognitoError:
    return not_authorized("Invalid session for the user.")


def spent_session() -> CognitoError:
    return not_authorized("Invalid session for the user, session can only be used once.")


def expired_session() -> CognitoError:
    return not_authorized("Invalid session for the user, session is expired.")


def no_device_tracking() -> CognitoError:
    return CognitoError(
        "InvalidUserPoolConfigurationException",
        "The user pool does not have device tracking configured.",
    )
