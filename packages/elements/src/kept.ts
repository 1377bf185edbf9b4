/** What this browser keeps: which devices and sessions it has shown, and whether it was told no. */

const SEEN = "device-bff.seen.";
const DECLINED = "device-bff.declined";

/** What was kept when this page was loaded: so that all elements on it mark the same. */
const before = new Map<string, unknown>();

/**
 * Which of `ids` were not there when this browser last looked, before this page was loaded; none at
 * the first time. `kind`: "devices" or "sessions". Kept as hashes, by the user's hash.
 */
export async function newSince(kind: string, sub: string, ids: readonly string[]): Promise<string[]> {
  try {
    const place = SEEN + kind + "." + (await hash(sub));
    const hashes = await Promise.all(ids.map((id) => hash(sub + id)));
    if (!before.has(place)) {
      const kept = localStorage.getItem(place);
      before.set(place, kept === null ? hashes : JSON.parse(kept));
    }
    localStorage.setItem(place, JSON.stringify(hashes));
    const known = before.get(place);
    return Array.isArray(known) ? ids.filter((_, index) => !known.includes(hashes[index])) : [];
  } catch {
    return []; // no storage, or no secure context
  }
}

async function hash(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return Array.from(new Uint8Array(digest, 0, 12), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function declined(): string[] {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(DECLINED) ?? "[]");
    return Array.isArray(kept) ? kept.filter((id) => typeof id === "string") : [];
  } catch {
    return [];
  }
}

/** Whether the user said no to remembering this device. */
export const isDeclined = (deviceId: string): boolean => declined().includes(deviceId);

export function setDeclined(deviceId: string, yes: boolean): void {
  const others = declined().filter((id) => id !== deviceId);
  try {
    localStorage.setItem(DECLINED, JSON.stringify(yes ? [...others, deviceId] : others));
  } catch {
    // Then the user is asked again.
  }
}

/** The user of an access token: its `sub`; null where it is none. Not verified: the service does. */
export function subOf(token: string | null | undefined): string | null {
  try {
    const payload = token?.split(".")[1]?.replaceAll("-", "+").replaceAll("_", "/") ?? "";
    const { sub } = JSON.parse(atob(payload)) as { sub?: unknown };
    return typeof sub === "string" ? sub : null;
  } catch {
    return null;
  }
}
