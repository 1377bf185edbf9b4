"""A sign-in at one step: its pool and client, and the challenge that is being answered."""

from __future__ import annotations

import time
from collections.abc import Hashable

from moto.cognitoidp.models import CognitoIdpUser, CognitoIdpUserPoolClient

from local_cognito import srp
from local_cognito.challenges import Challenge, SignIn, new_session
from local_cognito.errors import invalid_parameter, invalid_session
from local_cognito.parameters import Params
from local_cognito.pools import TrackedUserPool

DEFAULT_SESSION_MINUTES = 3


class Attempt:
    """What each step of a sign-in needs. `challenge` is None in InitiateAuth."""

    def __init__(
        self,
        pool: TrackedUserPool,
        client: CognitoIdpUserPoolClient,
        sign_in: SignIn,
        challenge: Challenge | None = None,
        key: Hashable = None,
    ) -> None:
        self.pool = pool
        self.client = client
        self.sign_in = sign_in
        self._challenge = challenge
        self._key = key

    @property
    def hides_missing_users(self) -> bool:
        return self.client.extended_config.get("PreventUserExistenceErrors") == "ENABLED"

    @property
    def user(self) -> CognitoIdpUser:
        return self.pool.get_user(self.sign_in.username)

    @property
    def challenge(self) -> Challenge:
        if self._challenge is None:
            raise invalid_session()
        return self._challenge

    @property
    def exchange(self) -> srp.Server:
        if self.challenge.exchange is None:
            raise invalid_session()
        return self.challenge.exchange

    def check_username(self, username: str) -> None:
        """The answer must be about the user who was asked, by any of that user's names."""
        if username == self.sign_in.username:
            return
        user = self.pool.find_user(username)
        if user is None or user.username != self.sign_in.username:
            raise invalid_session()
        self.sign_in.under_alias = True

    def reopen(self) -> None:
        """The same challenge may be answered again."""
        self.pool.challenges.open(self.challenge, self._key)

    def ask(
        self,
        name: str,
        parameters: Params,
        *keys: Hashable,
        exchange: srp.Server | None = None,
        code: str | None = None,
    ) -> Params:
        """Opens a challenge: the answer that puts it to the client.

        An SRP proof is found by its secret block, one of `keys`; every other answer by the session
        that goes out here.
        """
        minutes = self.client.extended_config.get("AuthSessionValidity", DEFAULT_SESSION_MINUTES)
        challenge = Challenge(name, self.sign_in, time.time() + 60 * int(minutes), exchange, code)
        asked: Params = {"ChallengeName": name, "ChallengeParameters": parameters}
        if exchange is None:
            asked["Session"] = new_session()
            keys = (*keys, asked["Session"])
        self.pool.challenges.open(challenge, *keys)
        return asked


def needed(given: Params, name: str) -> str:
    """A member of AuthParameters or ChallengeResponses that the step cannot do without."""
    value = given.get(name)
    if not value:
        raise invalid_parameter(f"Missing required parameter {name}")
    return str(value)
