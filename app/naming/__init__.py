"""From what a client library wrote to what a person reads.

Amplify and the other SDKs name devices themselves, and nobody can rename a device afterwards.
So names are made when they are read. No function here raises, whatever the string.

    strings that arrive                     read by
    User-Agents, HTTP libraries' included   user_agents (the parser is ua-parser)
    Amplify's client hints                  client_hints
    models and host names                   hardware
    Cognito's DeviceType of a session       sessions
"""

from app.naming.devices import describe_device
from app.naming.sessions import describe_session
from app.naming.user_agents import name_from_user_agent

__all__ = ["describe_device", "describe_session", "name_from_user_agent"]
