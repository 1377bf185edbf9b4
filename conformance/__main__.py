"""`python -m conformance`: runs the probes and prints what they saw."""

from __future__ import annotations

import argparse
import json
import re
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from conformance import probes
from conformance.probe import Probe, scrubbed
from conformance.target import LeftOver, Target, ignore_signals, pools

REPORT = "conformance.json"
CALLS_PER_SECOND = 5
"""Of the 25 writes a second that an account has over all its pools."""
LOCAL_PACE = 1000
AT_ONCE = 12
"""Probes, for some wait half a minute for their next code."""
MARKS = {"agrees": "✓", "undocumented": "?", "differs": "✗"}
BEFORE = f"""\
This makes five user pools in {{region}} and some eighty users in them, and deletes all of it at
the end. AWS bills monthly active users beyond its free ones; no message is sent. It takes some
five minutes, at {CALLS_PER_SECOND} calls a second, of quotas that all pools of the account share.
"""


@dataclass(frozen=True)
class Outcome:
    """What a probe saw. `verdict`: "agrees", "differs" or "undocumented"."""

    id: str
    verdict: str
    seen: str
    expected: list[str]


def main() -> int:
    options = _options()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    try:
        with _target(options) as target:
            outcomes = _run_all(target)
    except KeyboardInterrupt:
        print("Stopped. All that was made is deleted.", file=sys.stderr)
        return 130
    except LeftOver as error:
        if options.aws:
            print(error, file=sys.stderr)
        return 1  # the local Cognito has ended with all its pools
    except NoCredentialsError:
        print("No AWS credentials: sign in with the AWS CLI, or set AWS_PROFILE.", file=sys.stderr)
        return 2
    except (ClientError, BotoCoreError) as error:
        print(f"Not finished: {scrubbed(str(error))}", file=sys.stderr)
        return 1
    return _report(outcomes, write=options.aws)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m conformance", description=__doc__)
    parser.add_argument("--aws", action="store_true", help="run on AWS, in pools made for it")
    parser.add_argument("--region", help="the AWS region, with --aws")
    parser.add_argument("--endpoint-url", help="another Cognito than AWS's, with --aws")
    options = parser.parse_args()
    if options.aws and not options.region:
        parser.error("--aws needs --region, as in --region eu-west-1")
    return options


def _interrupt(number: int, frame: object) -> None:
    """The first signal ends the run; while it ends, another one does nothing."""
    ignore_signals()
    raise KeyboardInterrupt


@contextmanager
def _target(options: argparse.Namespace) -> Iterator[Target]:
    if options.aws:
        print(BEFORE.format(region=options.region), flush=True)
        pace = LOCAL_PACE if options.endpoint_url else CALLS_PER_SECOND
        with pools(options.region, options.endpoint_url, pace) as target:
            yield target
        return
    from local_cognito.process import running  # not needed where AWS is asked
    from local_cognito.seed import REGION

    keys = {"aws_access_key_id": "local", "aws_secret_access_key": "local"}
    with running() as cognito, pools(REGION, cognito.url, LOCAL_PACE, **keys) as target:
        yield target


def _run_all(target: Target) -> list[Outcome]:
    """Run the probes side by side; print what they saw in their order."""
    outcomes = []
    with ThreadPoolExecutor(AT_ONCE) as threads:
        try:
            all_seen = threads.map(partial(_seen, target), probes())
            for one, seen in zip(probes(), all_seen, strict=True):
                outcomes.append(_printed(one, seen))
        finally:
            target.pace.stopped.set()
            threads.shutdown(cancel_futures=True)
    return outcomes


def _seen(target: Target, one: Probe) -> str:
    """An error in a probe is what it saw: the others go on."""
    try:
        return one.run(target)
    except (ClientError, BotoCoreError, KeyError, IndexError, ValueError) as error:
        return f"not finished: {scrubbed(repr(error))}"


def _printed(one: Probe, seen: str) -> Outcome:
    agrees = one.agrees(seen)
    verdict = "differs" if not agrees else "undocumented" if one.undocumented else "agrees"
    print(f"{MARKS[verdict]} {one.id}: {seen}", flush=True)
    if not agrees:
        print(f"    expected: {' | '.join(_texts(one))}\n    {one.sentence} ({one.source})")
    return Outcome(one.id, verdict, seen, _texts(one))


def _texts(one: Probe) -> list[str]:
    return [it.pattern if isinstance(it, re.Pattern) else it for it in one.expected]


def _report(outcomes: list[Outcome], *, write: bool) -> int:
    verdicts = Counter(one.verdict for one in outcomes)
    print(
        f"{len(outcomes)} probes: {verdicts['agrees']} as documented, {verdicts['undocumented']} "
        f"of what is not documented, {verdicts['differs']} that differ."
    )
    if write:
        worth = [asdict(one) for one in outcomes if one.verdict != "agrees"]
        Path(REPORT).write_text(json.dumps(worth, indent=2, ensure_ascii=False) + "\n")
        print(f"{REPORT} has what differs or was not documented: please send it to us.")
    return 1 if verdicts["differs"] else 0


if __name__ == "__main__":
    sys.exit(main())
