/** What this browser keeps: which devices and sessions it has shown, and whether it was told no. */

const SEEN = "device-bff.seen.";
const DECLINED = "device-bff.declined";

/**
 * Which of `ids` were not there when this browser last looked; none at the first time. `kind`:
 * "devices" or "sessions". Kept as hashes, by the user's hash.
 */
export async function newSince(kind: string, sub: string, ids: readonly string[]): Promise<string[]> {
  try {
    const place = SEEN + kind + "." + (await hash(sub));
    const hashes = await Promise.all(ids.map((id) => hash(sub + id)));
    const kept = localStorage.getItem(place);
    localStorage.setItem(place, JSON.stringify(hashes));
    if (kept === null) return [];
    const before: unknown = JSON.parse(kept);
    if (!Array.isArray(before)) return [];
    return ids.filter((_, index) => !before.includes(hashes[index]));
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
