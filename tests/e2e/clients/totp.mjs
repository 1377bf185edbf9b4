// A user's authenticator app: RFC 6238 with its defaults, SHA-1, six digits, thirty seconds.
import { createHmac } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';

const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'; // RFC 4648 section 6
const STEP_MS = 30_000;
let lastStep = 0;

/**
 * A code that this app has not shown yet: Cognito takes each once. The code of the next step is
 * good already; for the one after, it waits.
 * @param {string} secret in base32, without padding
 */
export async function totp(secret) {
  const now = () => Math.floor(Date.now() / STEP_MS);
  lastStep = Math.max(now(), lastStep + 1);
  if (lastStep > now() + 1) await wait((lastStep - 1) * STEP_MS - Date.now());
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(lastStep));
  const digest = createHmac('sha1', fromBase32(secret)).update(counter).digest();
  // RFC 4226 section 5.3: the last four bits say where the number is.
  const number = digest.readUInt32BE(digest.at(-1) & 0xf) & 0x7fff_ffff;
  return String(number % 1_000_000).padStart(6, '0');
}

/** Begin anew, with a Cognito that has seen no code yet. */
export function forgetCodes() {
  lastStep = 0;
}

function fromBase32(text) {
  const bits = [...text].map(letter => BASE32.indexOf(letter).toString(2).padStart(5, '0')).join('');
  return Buffer.from(bits.match(/.{8}/g).map(byte => parseInt(byte, 2)));
}
