// What the programs of this folder share: a device that does what a test tells it.
//
// The first argument is JSON: {endpoint, poolId, clientId, username, password, totpSecret,
// deviceName}. Then each line of standard input is a call, {name, args}, and each is answered by one
// line of standard output, {answer} or {refused: {name, message}}. The storage and the tokens live
// as long as the process: one process is one browser on one device.
import { createInterface } from 'node:readline';
import { forgetCodes } from './totp.mjs';

export const given = JSON.parse(process.argv[2]);

// Both clients name a device after the browser. Amplify needs a name: without a navigator it sends
// no ConfirmDevice, and says nothing about it.
Object.defineProperty(globalThis, 'navigator', {
  value: { userAgent: given.deviceName },
  configurable: true,
});

// The challenges that Cognito set, read from its answers: no client tells all of them.
let challenges = [];
const send = globalThis.fetch;
globalThis.fetch = async (...request) => {
  const response = await send(...request);
  const body = await response.clone().json().catch(() => ({}));
  if (body.ChallengeName) challenges.push(body.ChallengeName);
  return response;
};

/** The challenges since this was last asked. */
export function takeChallenges() {
  const taken = challenges;
  challenges = [];
  return taken;
}

/** Where its library keeps tokens and the device. */
export const items = new Map();

/** Be a device that has never signed in. */
async function clear() {
  items.clear();
  challenges = [];
  forgetCodes();
}

/** Do the calls of standard input, by a table of name → async function, until it ends. */
export async function obey(calls) {
  calls = { ...calls, clear };
  for await (const line of createInterface({ input: process.stdin })) {
    const { name, args } = JSON.parse(line);
    const said = await calls[name](...args).then(
      (answer = null) => ({ answer }),
      error => ({ refused: { name: error.name, message: error.message } }),
    );
    process.stdout.write(`${JSON.stringify(said)}\n`);
  }
}
