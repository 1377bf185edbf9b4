"""Writes into the pages what they quote: `python -m docs.quotes`, by `make openapi`.

The pages are whole as they lie in the repository. A quote stands between two comments,
`<!-- quote: FILE PART -->` and `<!-- end of quote -->`; in FILE the part is between the lines
`// quoted: PART` and `// end`. `<!-- quote: problems -->` is the table of problem codes,
`<!-- quote: elements -->` the lines that load `<your-devices>`.
"""

import base64
import hashlib
import re
from pathlib import Path

from app import VERSION
from app.contract.elements import FOLDER
from app.domain.errors import ErrorCode

ROOT = Path(__file__).resolve().parents[1]
QUOTE = re.compile(r"(<!-- quote: ([^\n]+) -->\n).*?(<!-- end of quote -->)", re.DOTALL)

WHAT_A_PAGE_DOES = {
    "missing-token": "A mistake in the page: it forgot the header.",
    "invalid-token": "Refresh the token, once, and repeat the call. If that fails: to the sign-in.",
    "insufficient-scope": "Nothing the user can do. Ask for the scope at the next sign-in.",
    "user-not-confirmed": "To the confirmation of the sign-up.",
    "password-reset-required": "To the reset of the password.",
    "not-this-device": "Offer “Remember this device” for the current one only.",
    "reauthentication-required": "Have the user sign in again, with the same device key and as "
    "`maxAge` and `acrValues` ask, then repeat the call once.",
    "blocked": "Say that the request was blocked, and do not repeat it.",
    "device-not-found": "Take it off the list. After forgetting: take it for success. For the "
    "current device: offer to remember it.",
    "no-current-device": "Offer nothing about this device; show the sessions.",
    "session-not-found": "Take it off the list. After ending: take it for success.",
    "device-already-tracked": "Take it for success if Amplify tracked the device, or if the same "
    "verifier was sent before.",
    "current-session": "Offer “Sign out” in place of “End”.",
    "validation-failed": "A mistake in the page, or in what the user typed; `errors` says where.",
    "malformed-body": "A mistake in the page.",
    "body-too-large": "A mistake in the page.",
    "malformed-request": "A mistake in the page or in a proxy.",
    "uri-too-long": "A mistake in the page.",
    "headers-too-large": "A token with very many groups, or too many cookies: tell the operator.",
    "request-timeout": "Repeat the call.",
    "invalid-parameter": "With a cursor: list from the start. With a device: sign in again.",
    "rate-limited": "Say that it was too fast, and for how long to wait: `Retry-After`.",
    "quota-exceeded": "Say that the service is busy; try again after `Retry-After`.",
    "device-tracking-unavailable": "Leave the devices out, with a note.",
    "session-tracking-unavailable": "Leave the sessions out, with a note.",
    "upstream-error": "Say that it did not work, and offer to try again. After a change: list "
    "again first, for it may have been made.",
    "upstream-timeout": "As for `upstream-error`.",
    "upstream-unavailable": "Say that it is down for the moment; try again after `Retry-After`.",
    "not-found": "A mistake in the page: a wrong address.",
    "method-not-allowed": "A mistake in the page: a wrong method.",
    "internal-error": "Say that something went wrong, and show `requestId` as the reference.",
}
"""For every code of `app.domain.errors`; it fails when one is missing or too many."""


def main() -> None:
    for page in (ROOT / "docs").glob("*.md"):
        page.write_text(whole(page.read_text()))


def whole(markdown: str) -> str:
    """The page with its quotes as they should be."""
    return QUOTE.sub(lambda found: found[1] + _quoted(found[2]) + found[3], markdown)


def _quoted(what: str) -> str:
    if what == "problems":
        return f"{problems_table()}\n"
    if what == "elements":
        return _lines_of_the_page()
    file, _, part = what.partition(" ")
    text = (ROOT / file).read_text()
    if part:
        text = text.split(f"// quoted: {part}\n")[1].split("// end\n")[0]
    return f"```{Path(file).suffix[1:]}\n{text.strip()}\n```\n"


def _lines_of_the_page() -> str:
    """With the hash that lets a browser refuse any other script: W3C Subresource Integrity."""
    digest = hashlib.sha384((FOLDER / "your-devices.js").read_bytes()).digest()
    return f"""```html
<script type="module" crossorigin
  src="https://devices.example.com/elements/{VERSION}/your-devices.js"
  integrity="sha384-{base64.b64encode(digest).decode()}"></script>
<your-devices></your-devices>
```
"""


def problems_table() -> str:
    """A row for each problem code, from the service's own table of them."""
    codes = {code.value: code for code in ErrorCode if code.status}
    if codes.keys() != WHAT_A_PAGE_DOES.keys():
        differing = sorted(codes.keys() ^ WHAT_A_PAGE_DOES.keys())
        raise ValueError(f"docs/quotes.py does not say what a page does on exactly: {differing}")
    rows = [
        "| code | status | when | what a page does | again? |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, code in sorted(codes.items(), key=lambda item: (item[1].status, item[0])):
        again = "yes" if code.retryable else "no"
        rows.append(
            f"| `{name}` | {code.status} | {code.detail} | {WHAT_A_PAGE_DOES[name]} | {again} |"
        )
    return "\n".join(rows)


if __name__ == "__main__":
    main()
