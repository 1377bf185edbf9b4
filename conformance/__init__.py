"""What we say of Cognito, each sentence a probe: a few calls, and what they should show.

    python -m conformance                            against the local Cognito
    python -m conformance --aws --region eu-west-1   against AWS, with the caller's credentials

Each probe is a function in `devices.py`, `sign_in.py`, `tokens.py` or `sessions.py`;
`docs/cognito.md` cites its id. Both runs make their user pools and clients, of the template in
`deploy/aws`, and delete what they made, on Ctrl-C and on failure too.
"""

from __future__ import annotations

from importlib import import_module

from conformance.probe import PROBES, Probe


def probes() -> list[Probe]:
    """All of them, in the order in which they are told."""
    for file in ("devices", "sign_in", "tokens", "sessions"):
        import_module(f"conformance.{file}")
    return PROBES
