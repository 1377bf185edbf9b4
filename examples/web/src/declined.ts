/** The devices that the user does not want to be asked about again, kept in this browser. */
const KEY = "your-devices.declined";

function all(): string[] {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return Array.isArray(kept) ? kept.filter((id) => typeof id === "string") : [];
  } catch {
    return [];
  }
}

export const isDeclined = (deviceId: string): boolean => all().includes(deviceId);

export function setDeclined(deviceId: string, declined: boolean): void {
  const others = all().filter((id) => id !== deviceId);
  localStorage.setItem(KEY, JSON.stringify(declined ? [...others, deviceId] : others));
}
