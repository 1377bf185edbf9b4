"""`make run`: the service over a local Cognito, with a demo user signed in from three devices.

With TLS=1 the service speaks HTTPS, with a certificate made on the spot. Serves until Ctrl-C,
which stops all that it started. Nothing here reaches beyond this machine.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import boto3
import pyotp
import requests
import trustme
from botocore import UNSIGNED
from botocore.config import Config
from pycognito.aws_srp import AWSSRP, generate_hash_device
from pycognito.exceptions import SoftwareTokenMFAChallengeException

from local_cognito import seed
from local_cognito.process import running

ROOT = Path(__file__).parents[1]
RUN_FOLDER = ROOT / ".run"
CA_FILE = RUN_FOLDER / "ca.pem"
START_SECONDS = 20
TIMEOUT = 10

http = requests.Session()
http.trust_env = False  # a proxy of the environment's has no business between loopback addresses

MAC = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/142.0.0.0 Safari/537.36"
)


def main() -> None:
    """Start both servers, show the devices, and wait."""
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGINT, _interrupt)  # ignored, where a shell started us behind itself
    RUN_FOLDER.mkdir(exist_ok=True)
    port = _free_port("PORT", 8000)
    cognito_port = _free_port("COGNITO_PORT", 9229)
    if port == cognito_port:
        sys.exit(f"PORT and COGNITO_PORT are both {port}: set one of them to another.")
    tls = _make_certificate() if os.environ.get("TLS") == "1" else {}
    address = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
    with ExitStack() as started:
        cognito = started.enter_context(running(cognito_port))
        settings = {
            "COGNITO_USER_POOL_ID": seed.POOL_ID,
            "COGNITO_CLIENT_IDS": seed.CLIENT_ID,
            "COGNITO_ENDPOINT_URL": cognito.url,
            "COGNITO_JWKS_URL": cognito.jwks_url(seed.POOL_ID),
            "DOCS_SIGN_IN_URL": f"{cognito.url}/_local/sign-in",
            "PORT": str(port),
        } | tls
        service = started.enter_context(_service(settings, address))
        token = _sign_in_from_three_devices(cognito.url, address)
        _show(address, cognito.url, token)
        if service.wait() != 0:
            sys.exit("The service stopped; its log is in .run/service.log.")


def _free_port(variable: str, default: int) -> int:
    """The port that `variable` names, if nobody else listens there."""
    given = os.environ.get(variable, str(default))
    if not given.isdecimal() or not 0 < int(given) < 65536:
        sys.exit(f"{given!r} is not a port: set {variable} to a number from 1 to 65535.")
    port = int(given)
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            sys.exit(f"Port {port} cannot be used ({error.strerror}): set {variable} to another.")
    return port


def _make_certificate() -> dict[str, str]:
    """A certificate for this machine and its authority, for this run: settings that use them."""
    authority = trustme.CA(organization_name="Device BFF demo")
    certificate = authority.issue_cert("127.0.0.1", "localhost")
    cert_file, key_file = RUN_FOLDER / "cert.pem", RUN_FOLDER / "key.pem"
    authority.cert_pem.write_to_path(CA_FILE)
    certificate.private_key_and_cert_chain_pem.write_to_path(cert_file)
    key_file.touch()
    key_file.chmod(0o600)
    certificate.private_key_pem.write_to_path(key_file)
    http.verify = str(CA_FILE)
    return {"TLS_CERT_FILE": str(cert_file), "TLS_KEY_FILE": str(key_file)}


@contextmanager
def _service(settings: dict[str, str], address: str) -> Iterator[subprocess.Popen[bytes]]:
    """gunicorn with the service, logging to .run/service.log."""
    log = RUN_FOLDER / "service.log"
    environment = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")} | settings
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn"],
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait_until_ready(process, address, log)
        yield process
    finally:
        process.terminate()
        process.wait()


def _wait_until_ready(process: subprocess.Popen[bytes], address: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if http.get(f"{address}/readyz", timeout=TIMEOUT).ok and process.poll() is None:
                return
        except requests.ConnectionError:
            pass
        time.sleep(0.05)
    sys.exit(f"The service did not start:\n{log.read_text()}")


def _sign_in_from_three_devices(cognito_url: str, address: str) -> str:
    """Sign in by SRP and TOTP and track the device, three times; the last access token."""
    token = ""
    for name, user_agent, secret_by_service in (
        ("Ada's iPhone", "device-bff-demo", False),
        ("Kitchen tablet", "device-bff-demo", True),
        (None, MAC, False),  # named from its User-Agent
    ):
        tokens = _sign_in(cognito_url)
        token = tokens["AccessToken"]
        new_device = tokens["NewDeviceMetadata"]
        caller = {"Authorization": f"Bearer {token}", "User-Agent": user_agent}
        device = {"deviceKey": new_device["DeviceKey"]} | ({"name": name} if name else {})
        if secret_by_service:
            device["deviceGroupKey"] = new_device["DeviceGroupKey"]
        else:
            device["secretVerifier"] = _secret_verifier(new_device)
        http.post(
            f"{address}/devices", json=device, headers=caller, timeout=TIMEOUT
        ).raise_for_status()
        http.patch(
            f"{address}/devices/current",
            json={"status": "remembered"},
            headers=caller,
            timeout=TIMEOUT,
        ).raise_for_status()
    return token


def _sign_in(cognito_url: str) -> dict[str, Any]:
    """One sign-in with pycognito, as from a device that Cognito has not met."""
    client = boto3.client(
        "cognito-idp",
        region_name=seed.REGION,
        endpoint_url=cognito_url,
        config=Config(signature_version=UNSIGNED),
    )
    srp = AWSSRP(
        seed.DEMO_USERNAME, seed.DEMO_PASSWORD, seed.POOL_ID, seed.CLIENT_ID, client=client
    )
    try:
        answer = srp.authenticate_user()
    except SoftwareTokenMFAChallengeException as challenge:
        answer = client.respond_to_auth_challenge(
            ClientId=seed.CLIENT_ID,
            ChallengeName="SOFTWARE_TOKEN_MFA",
            Session=challenge.get_tokens()["Session"],
            ChallengeResponses={
                "USERNAME": seed.DEMO_USERNAME,
                "SOFTWARE_TOKEN_MFA_CODE": pyotp.TOTP(seed.DEMO_TOTP_SECRET).now(),
            },
        )
    result: dict[str, Any] = answer["AuthenticationResult"]
    return result


def _secret_verifier(new_device: dict[str, str]) -> dict[str, str]:
    _, verifier = generate_hash_device(new_device["DeviceGroupKey"], new_device["DeviceKey"])
    return {"passwordVerifier": verifier["PasswordVerifier"], "salt": verifier["Salt"]}


def _show(address: str, cognito_url: str, token: str) -> None:
    """The device list as the API answered it, and what to do next."""
    answer = http.get(
        f"{address}/devices", headers={"Authorization": f"Bearer {token}"}, timeout=TIMEOUT
    )
    answer.raise_for_status()
    columns = ("name", "status", "current", "lastIpAddress", "lastAuthenticatedAt", "id")
    rows = [columns] + [
        tuple(json.dumps(device[c]).strip('"') for c in columns)
        for device in answer.json()["items"]
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    facts = {
        "COGNITO_USER_POOL_ID": seed.POOL_ID,
        "COGNITO_CLIENT_ID": seed.CLIENT_ID,
        "COGNITO_ENDPOINT_URL": cognito_url,
        "DEMO_USERNAME": seed.DEMO_USERNAME,
        "DEMO_PASSWORD": seed.DEMO_PASSWORD,
        "DEMO_TOTP_SECRET": seed.DEMO_TOTP_SECRET,
    }
    lines = [f"{name}={value}" for name, value in facts.items()]
    (RUN_FOLDER / "demo.env").write_text("\n".join(lines) + "\n")
    print("\nYour devices, as GET /devices answers:\n")
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print("  " + "  ".join(cells).rstrip())
    print("\nAsk again, as this user on this device (the token is good for an hour):\n")
    trust = f"--cacert {CA_FILE.relative_to(ROOT)} " if http.verify is not True else ""
    print(f"curl {trust}{address}/devices -H 'Authorization: Bearer {token}'\n")
    print("Sign in yourself (also in .run/demo.env):\n")
    print("\n".join(lines) + "\n")
    print(f"Swagger UI: {address}/docs")
    print(f"Ready: the API is at {address}, the local Cognito at {cognito_url}. Ctrl-C stops both.")
    sys.stdout.flush()


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("\nStopped.")
