"""A development-only Amazon Cognito: user pools, true SRP sign-in, and devices. Keeps no state.

Start it with ``python -m local_cognito [--host 127.0.0.1] [--port 9229] [--log-level warning]``;
the default port is ``$COGNITO_PORT`` or 9229, and 0 takes a free one. It prints
``Local Cognito ready on http://HOST:PORT`` once it answers, and ends on SIGTERM or SIGINT.

**moto's and ours.** moto's server keeps pools, clients, users, groups, sign-up and most of what
administrators call. `operations.py` is the table of what is ours; everything else is moto's.
`pools.py` keeps our state beside moto's pools.

========================  ======================================================================
file                      holds
========================  ======================================================================
``operations.py``         the table: X-Amz-Target operation → our function
``application.py``        the WSGI app: ours, then moto's
``sign_in.py``            InitiateAuth, RespondToAuthChallenge, their Admin forms
``attempt.py``            one step of a sign-in; ``challenges.py`` the steps that are open
``assurance.py``          `acr`, `amr`, and the level that a sign-in should reach
``passwords.py``          SRP and plain passwords, lock-out, temporary passwords
``factors.py``            second factors, their settings; ``totp.py`` setting up TOTP
``devices.py``            ConfirmDevice … ForgetDevice, and the administrator's four
``sessions.py``           refresh, rotation, revoke, sign out everywhere
``user_sessions.py``      the operations on users' sessions
``session_tracking.py``   the sessions that a pool remembers; ``caller.py`` where they come from
``srp.py``                the SRP-6a arithmetic, with its sources
``tokens.py``             keys, claims, signatures
``pools.py``              moto's pools and what they lack; who an access token stands for
``provisioning.py``       what moto does first: AWS's forms of ids, DeletionProtection
``moto_server.py``        the door to moto
``parameters.py``         requests checked against botocore's model
``errors.py`` ``http.py`` Cognito's errors; AWS's JSON protocol, cross-origin headers
``faults.py``             misbehaviour on demand
``process.py``            starting the server from a test or a script
``control.py``            ``/_local/*``
``realm.py`` ``seed.py``  what is there after a start or a reset; its fixed names
========================  ======================================================================

**What it does not imitate.** There is one region, whatever the caller's is. Messages are not sent:
``/_local/codes`` tells their codes. WEB_AUTHN and one-time passwords as a first factor are not
offered, and of Lambda triggers there is one: the simplest for CUSTOM_AUTH. Managed login and
federation are not here. Where Cognito's message is not known, the type is one of botocore's model.

**Steering it.** JSON in, JSON out; a mistake is 400 ``{"error": "..."}``. Members marked ? may be
left out. ``pool`` is a pool id (default: ``seed.POOL_ID``), ``client_id`` one of its clients
(default: its first), ``username`` defaults to ``demo``.

``POST /_local/faults`` ``{operation, fault, times?, ...}``
    `operation` is a Cognito operation, ``*`` (all of them) or ``jwks``. `times` is 1 unless given;
    null is until cleared. Answers the fault as set. Faults strike in the order they were set, one
    a call. Kinds, and their own members:

    - answer without doing: ``throttle`` (TooManyRequestsException), ``error`` {type, message?,
      status?}, ``internal_error`` (HTTP 500), ``html``, ``empty``, ``wrong_shape`` {body?}
    - close without doing: ``drop`` at once, ``hang`` {seconds?}
    - do, then: ``delay`` {seconds?} (waits first), ``lose_answer``, ``reset`` (half the answer,
      then RST), ``truncate``, ``huge`` (5 MiB more)
``GET /_local/faults``, ``DELETE /_local/faults``
    ``{faults: [...]}``, with what is left of `times`.
``GET /_local/calls``, ``DELETE /_local/calls``
    ``{"ListDevices": 2, "jwks": 1, ...}`` since the start, a reset or the DELETE.
``POST /_local/rotate-keys`` ``{pool?}``
    A new key signs, the old one stays published for one rotation more. Answers
    ``{keys: {pool id: [kid that signs, other kid]}}``; all pools unless one is named.
``POST /_local/issuer`` ``{type, pool?}``
    Switches the pool to the ``UPDATED`` issuer, or back to ``ORIGINAL``; each has its keys, at
    ``/POOL/.well-known/jwks.json`` and ``/issuer-cognito-idp/POOL/.well-known/jwks.json``.
    Answers ``{issuer}``. Tokens of the other issuer stay good.
``POST /_local/reset``
    Back to the seed. Keys stay; every earlier token is revoked. ``{reset: true}``.
``POST /_local/tokens`` ``{claims?, header?, username?, pool?, client_id?}``
    ``{token, claims}``: an access token of a new sign-in, with claims and header fields replaced,
    or deleted by null. Header ``{"alg": "none"}`` and ``{"alg": "HS256"}`` forge as attackers do.
``POST /_local/acr`` ``{enabled, pool?}``
    Whether the pool's tokens have `acr` and `amr`, which AWS rolls out: ``{enabled}``.
``POST /_local/users`` ``{username, password, totp?, attributes?, pool?}``
    A confirmed user, with attributes by name: ``{username, sub, totp_secret}`` (null without
    ``totp: true``).
``POST /_local/sign-in`` ``{username?, device_name?, remember?, track?, count?, address?,
user_agent?, pool?, client_id?}``
    Signs in, without being asked for the user's password and second factor that the tokens
    name, from a new device that is tracked and, unless
    ``remember: false``, remembered: ``{access_token, id_token, refresh_token, expires_in,
    device_key, device_group_key, device_password}`` (the last three null on a pool without
    devices). With ``track: false`` the device is only offered, as NewDeviceMetadata offers it, and
    has no password yet. With `count`, ``{sign_ins: [...]}`` of so many. `address` and
    `user_agent` are the caller's unless given.
``POST /_local/managed-login`` ``{username?, session_id?, count?, address?, user_agent?, pool?,
client_id?}``
    A browser signs in at the managed login, and so many apps through that: ``{session_id,
    sign_ins: [...]}``, tokens as above without a device. `session_id` is the SSO session, null
    where the pool tracks none; given one, the apps come through that, as a second app does.
``POST /_local/devices`` ``{device_key, days, username?, pool?}``
    Makes a tracked device so many days old: ``{device_key, created}``.
``POST /_local/location`` ``{address?, city?, country}``
    Where sessions of that address are from now on; without `address`, all that have no other.
``GET /_local/codes``
    ``{codes: [{username, medium, destination, code}]}``: the codes of SMS and e-mail messages,
    oldest first.
``POST /_local/totp`` ``{username?, pool?}``
    ``{code}``: a code of the user's authenticator app that is good now and not used yet.
``POST /_local/custom-auth`` ``{answer?, pool?}``
    Gives CUSTOM_AUTH its trigger: one CUSTOM_CHALLENGE, with this answer. Without `answer`, none.
"""
