"""From what a client library wrote to what a person reads.

Amplify and the other SDKs name devices themselves, and nobody can rename a device afterwards.
So names are made when they are read. No function here raises, whatever the string.

    strings that arrive                     read by
    User-Agents, HTTP libraries' included   user_agents (the parser is ua-parser)
    Amplify's client hints                  client_hints
    models and host names                   hardware
    Cognito's DeviceType of a session       sessions

What is remembered is what a string says, by the very string: it tells no caller of another.
"""

from app.naming.devices import describe_device
from app.naming.sessions import describe_session
from app.naming.user_agents import name_from_user_agent
from app.naming.visible import shows_nothing, turns_text_round

__all__ = [
    "describe_device",
    "describe_session",
    "name_from_user_agent",
    "shows_nothing",
    "turns_text_round",
]
