"""`@device-bff/elements`: what can be tried without a browser. The rest: tests/browser."""

import subprocess

from tests.servers import ROOT


def test_no_language_lacks_a_message_a_placeholder_or_a_plural_form() -> None:
    """packages/elements/test/messages.test.mjs says which."""
    command = ("node", "--test", "--test-reporter=spec", ROOT / "packages" / "elements" / "test")
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout
