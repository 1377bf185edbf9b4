"""docs/local.md shows a program that works, with Amplify and `@device-bff/client`."""

import json
import subprocess
from pathlib import Path

import pytest

from local_cognito import seed
from local_cognito.process import RunningCognito
from tests.packages.test_client import BIN, CLIENT, run
from tests.servers import ROOT, Service

PROGRAM = """
import { writeFileSync } from "node:fs";
import { connect, listDevices, signInAs } from "./local-spa.js";

const { env, totpUrl } = JSON.parse(process.argv[2]);
// Amplify keeps tokens in memory where there is no browser, and names a device by its User-Agent.
Object.defineProperty(globalThis, "navigator", { value: { userAgent: "SPA" }, configurable: true });
const bff = connect(env);
await signInAs(env.DEMO_USERNAME, env.DEMO_PASSWORD, async () => {
  const answer = await fetch(totpUrl, { method: "POST", body: "{}" });
  return (await answer.json()).code;
});
const devices = await listDevices(bff);
await bff.signOutEverywhere();
const ended = await listDevices(bff);
writeFileSync(1, JSON.stringify({ names: devices.map((one) => one.displayName), ended }));
"""
OPTIONS = ("--strict", "--module", "NodeNext", "--target", "ES2022", "--skipLibCheck")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project with the program, compiled strictly against the packages that it imports."""
    run(BIN / "tsc", "--project", CLIENT)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "local-spa.ts").write_text((ROOT / "examples/local-spa.ts").read_text())
    (tmp_path / "node_modules/@device-bff").mkdir(parents=True)
    (tmp_path / "node_modules/@device-bff/client").symlink_to(CLIENT)
    (tmp_path / "node_modules/aws-amplify").symlink_to(ROOT / "node_modules/aws-amplify")
    run(BIN / "tsc", *OPTIONS, tmp_path / "local-spa.ts")
    (tmp_path / "run.mjs").write_text(PROGRAM)
    return tmp_path


@pytest.mark.release
def test_the_program_lists_devices_and_notices_the_end_of_the_session(
    folder: Path, cognito: RunningCognito, service: Service
) -> None:
    env = {
        "COGNITO_USER_POOL_ID": seed.POOL_ID,
        "COGNITO_CLIENT_ID": seed.CLIENT_ID,
        "COGNITO_ENDPOINT_URL": cognito.url,
        "DEVICE_BFF_URL": service.url,
        "DEMO_USERNAME": seed.DEMO_USERNAME,
        "DEMO_PASSWORD": seed.DEMO_PASSWORD,
    }
    given = json.dumps({"env": env, "totpUrl": f"{cognito.url}/_local/totp"})
    command = ("node", folder / "run.mjs", given)
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert len(told["names"]) == 1
    assert told["ended"] is None
