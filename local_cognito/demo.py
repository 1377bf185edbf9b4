"""`make run`: the page "Your devices" and the service over a local Cognito, with a demo user.

Two pools can be chosen on the page, and a service has one pool, so there are two services. With
TLS=1 there is one, and no page: it speaks HTTPS, with a certificate made on the spot that no
browser knows. Serves until Ctrl-C, which stops all that it started, as does closing the terminal.
Nothing here reaches beyond this machine. What is shown of the demo user is in `demo_user.py`.

Only the standard library is imported before `main` minds signals: boto3 takes a second to import,
and Ctrl-C in that second would end in a traceback.
"""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

from local_cognito import seed
from local_cognito.process import RunningCognito, StartError, running
from local_cognito.web import ServedPool, serving_page

if TYPE_CHECKING:
    from local_cognito.demo_user import DemoUser

ROOT = Path(__file__).parents[1]
RUN_FOLDER = ROOT / ".run"
START_SECONDS = 60
LINES_OF_LOG = 15
OPT_IN_LOG = "opt-in.log"

WEB_PORT = 8080
"""Of the page, unless something else listens there: then any free port, for it is printed."""

WEB_ORIGINS = "http://localhost:3000,http://localhost:4200,http://localhost:5173"
"""Where the development servers of web pages are by default: Next.js, Angular, Vite."""

CLIENT_NAMES = (
    f"{seed.CLIENT_ID}=Demo app,{seed.OTHER_CLIENT_ID}=Demo shop,{seed.OPT_IN_CLIENT_ID}=Demo app"
)
"""What `GET /sessions` calls the clients."""

KEPT_VARIABLES = {"HOME", "LANG", "LD_LIBRARY_PATH", "PATH", "TMPDIR", "TZ", "USER", "VIRTUAL_ENV"}
KEPT_PREFIXES = ("LC_", "PYTHON", "COVERAGE_")


def main() -> None:
    """Start both servers, show what the API answers, and wait."""
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGINT, _interrupt)  # a shell starts background jobs with it ignored
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # as nohup has it
        signal.signal(signal.SIGHUP, _interrupt)
    port = _free_port("PORT", 8000)
    cognito_port = _free_port("COGNITO_PORT", 9229)
    if port == cognito_port:
        sys.exit(f"PORT and COGNITO_PORT are both {port}: set one of them to another.")
    if os.environ.get("WEB_PORT"):
        web_port = _free_port("WEB_PORT", WEB_PORT)
        for other, taken in (("PORT", port), ("COGNITO_PORT", cognito_port)):
            if web_port == taken:
                sys.exit(f"WEB_PORT and {other} are both {taken}: set one of them to another.")
    else:
        web_port = 0 if WEB_PORT in (port, cognito_port) or _refusal(WEB_PORT) else WEB_PORT
    with_tls = _switched_on("TLS")
    web_origins = ",".join(filter(None, (WEB_ORIGINS, os.environ.get("CORS_ORIGINS"))))
    _forget_other_variables()
    with ExitStack() as started:
        folder = started.enter_context(_run_folder(port))
        address = f"{'https' if with_tls else 'http'}://127.0.0.1:{port}"
        ca_file = folder / "ca.pem" if with_tls else None
        tls = _make_certificate(folder, ca_file) if ca_file else {}

        _say(f"Starting the local Cognito on port {cognito_port} ...")
        cognito = started.enter_context(running(cognito_port, folder / "cognito.log"))
        from local_cognito.demo_user import DemoUser

        user = DemoUser(address, cognito.url, ca_file)
        always = ServedPool("Remembers every device", address, seed.POOL_ID, seed.CLIENT_ID)
        settings = _settings(always, cognito) | {"CORS_ORIGINS": web_origins, "PORT": str(port)}
        page, services = None, {}
        if not with_tls:
            page = started.enter_context(_page(web_port, always, cognito, folder, web_origins))
            settings["CORS_ORIGINS"] += f",{page.url}"
            services[folder / OPT_IN_LOG] = page.opt_in_service
        _say(f"Starting the service on port {port} ...")
        log = folder / "service.log"
        services[log] = started.enter_context(_service(settings | tls, user, log))
        _say("Signing the demo user in from three devices and a managed login ...")
        user.sign_in_everywhere()
        _show(user, folder, page)
        _wait(services)


def _wait(services: dict[Path, subprocess.Popen[bytes]]) -> NoReturn:
    """Until one ends, which none should. `services`: each by its log."""
    try:
        while True:
            for log, service in services.items():
                code = service.poll()
                if code is not None:
                    sys.exit(f"A service ended with exit code {code}; its log is in {_shown(log)}.")
            time.sleep(0.1)
    finally:
        for service in services.values():
            service.terminate()  # all at once, for each takes a second to end


def _settings(pool: ServedPool, cognito: RunningCognito) -> dict[str, str]:
    """What a service for `pool` is told."""
    return {
        "COGNITO_USER_POOL_ID": pool.pool_id,
        "COGNITO_CLIENT_IDS": pool.client_id,
        "COGNITO_CLIENT_NAMES": CLIENT_NAMES,
        "COGNITO_ENDPOINT_URL": cognito.url,
        "COGNITO_JWKS_URL": cognito.jwks_url(pool.pool_id),
        "DOCS_SIGN_IN_URL": f"{cognito.url}/_local/sign-in",
    }


@dataclass(frozen=True)
class Page:
    """Where the page is, and the second pool that it offers, with its service."""

    url: str
    opt_in: ServedPool
    opt_in_service: subprocess.Popen[bytes]


@contextmanager
def _page(
    web_port: int, always: ServedPool, cognito: RunningCognito, folder: Path, web_origins: str
) -> Iterator[Page]:
    """The page "Your devices", and the service for the second pool that it offers."""
    from local_cognito.demo_user import DemoUser

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    opt_in = ServedPool(
        "Asks before it remembers a device",
        f"http://127.0.0.1:{port}",
        seed.OPT_IN_POOL_ID,
        seed.OPT_IN_CLIENT_ID,
    )
    with serving_page(web_port, [always, opt_in], cognito.url) as url:
        _say(f"Starting the page at {url}, and a service for its second pool on port {port} ...")
        settings = {"CORS_ORIGINS": f"{web_origins},{url}", "PORT": str(port), "WORKERS": "1"}
        caller = DemoUser(opt_in.api_url, cognito.url)
        # On this one, what matters asks for a fresh sign-in.
        settings = _settings(opt_in, cognito) | settings | {"STEP_UP_MAX_AGE": "300"}
        with _service(settings, caller, folder / OPT_IN_LOG) as service:
            yield Page(url, opt_in, service)


def _free_port(variable: str, default: int) -> int:
    """The port that `variable` names, if nothing else listens there."""
    given = os.environ.get(variable) or str(default)
    if not given.isdecimal() or not 0 < int(given) < 65536:
        sys.exit(f"{given!r} is not a port: set {variable} to a number from 1 to 65535.")
    port = int(given)
    refusal = _refusal(port)
    if refusal:
        other = port + 1 if port < 65535 else port - 1
        sys.exit(
            f"Port {port} cannot be used ({refusal}). Choose another: make run {variable}={other}"
        )
    return port


def _refusal(port: int) -> str | None:
    """Why this machine does not give us the port; None if it does."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            return error.strerror
    return None


def _switched_on(variable: str) -> bool:
    given = os.environ.get(variable) or "0"
    if given not in ("0", "1"):
        sys.exit(f"{variable} is {given!r}: set it to 1, or leave it out.")
    return given == "1"


def _forget_other_variables() -> None:
    """Keep what programs need of the shell's environment.

    Settings of the service (HOST, LOG_LEVEL and so on), of AWS and of proxies are the user's for
    other purposes. Here they would stop the start, or send calls elsewhere.
    """
    for name in list(os.environ):
        if name not in KEPT_VARIABLES and not name.startswith(KEPT_PREFIXES):
            del os.environ[name]
    os.environ["AWS_CONFIG_FILE"] = os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull


@contextmanager
def _run_folder(port: int) -> Iterator[Path]:
    """The folder for this run's files: `.run`, or `.run/<port>` while another run uses `.run`."""
    RUN_FOLDER.mkdir(exist_ok=True)
    with (RUN_FOLDER / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            folder = RUN_FOLDER / str(port)
            folder.mkdir(exist_ok=True)
            yield folder
        else:
            yield RUN_FOLDER


def _make_certificate(folder: Path, ca_file: Path) -> dict[str, str]:
    """A certificate for this machine and its authority, for this run: settings that use them."""
    import trustme

    authority = trustme.CA(organization_name="Device BFF demo")
    certificate = authority.issue_cert("127.0.0.1", "localhost")
    cert_file, key_file = folder / "cert.pem", folder / "key.pem"
    authority.cert_pem.write_to_path(ca_file)
    certificate.private_key_and_cert_chain_pem.write_to_path(cert_file)
    key_file.touch()
    key_file.chmod(0o600)
    certificate.private_key_pem.write_to_path(key_file)
    return {"TLS_CERT_FILE": str(cert_file), "TLS_KEY_FILE": str(key_file)}


@contextmanager
def _service(
    settings: dict[str, str], user: DemoUser, log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """gunicorn with the service, once it is ready; its output is in `log`."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn"],
            cwd=ROOT,
            env=os.environ | settings,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        deadline = time.monotonic() + START_SECONDS
        while not user.finds_the_service_ready():
            if process.poll() is not None or time.monotonic() > deadline:
                lines = log.read_text().splitlines()[-LINES_OF_LOG:]
                sys.exit("\n".join((f"The service did not start ({_shown(log)}):", *lines)))
            time.sleep(0.05)
        yield process
    finally:
        process.terminate()
        process.wait()


def _show(user: DemoUser, folder: Path, page: Page | None) -> None:
    """Where to look, what the API answers, and what to do next. The last line starts with Ready."""
    if page:
        _say(f"\nLook at the page “Your devices”: {page.url}")
    facts = {
        "COGNITO_USER_POOL_ID": seed.POOL_ID,
        "COGNITO_CLIENT_ID": seed.CLIENT_ID,
        "COGNITO_ENDPOINT_URL": user.cognito_url,
        "DEVICE_BFF_URL": user.api_url,
        "DEMO_USERNAME": seed.DEMO_USERNAME,
        "DEMO_PASSWORD": seed.DEMO_PASSWORD,
        "DEMO_TOTP_SECRET": seed.DEMO_TOTP_SECRET,
    }
    if page:
        facts |= {
            "OPT_IN_USER_POOL_ID": page.opt_in.pool_id,
            "OPT_IN_CLIENT_ID": page.opt_in.client_id,
            "OPT_IN_DEVICE_BFF_URL": page.opt_in.api_url,
        }
    lines = [f"{name}={value}" for name, value in facts.items()]
    (folder / "demo.env").write_text("\n".join(lines) + "\n")
    trust = f"--cacert {_shown(user.ca_file)} " if user.ca_file else ""
    authorization = f"-H 'Authorization: Bearer {user.access_token}'"
    _say(f"\nYour devices, as GET /devices answers:\n\n{user.devices_table()}\n")
    _say(f"Your sessions, as GET /sessions answers:\n\n{user.sessions_table()}\n")
    _say("Ask again, as this user on this device (the token is good for an hour):\n")
    _say(f"curl {trust}{user.api_url}/devices {authorization}\n")
    _say(f"Sign in yourself (also in {_shown(folder / 'demo.env')}):\n")
    _say("\n".join(lines) + "\n")
    _say(
        "A TOTP code is good once, and the code of this half minute is used: the next one works.\n"
    )
    _say(f"Logs: {_shown(folder / 'service.log')}, {_shown(folder / 'cognito.log')}")
    _say(f"Swagger UI: {user.api_url}/docs")
    _say(
        f"Ready: the API is at {user.api_url}, the local Cognito at {user.cognito_url}. "
        "Ctrl-C stops all."
    )


def _shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _say(text: str) -> None:
    print(text, flush=True)


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    """End by KeyboardInterrupt; a second signal must not disturb the stopping."""
    for other in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(other, signal.SIG_IGN)
    raise KeyboardInterrupt


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("\nStopped.")
    except StartError as error:
        sys.exit(str(error))
