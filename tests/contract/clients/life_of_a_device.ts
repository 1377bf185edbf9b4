// The whole life of a device through the generated TypeScript types and openapi-fetch.
// In the environment: SERVICE_URL; ACCESS_TOKEN, of a sign-in whose device is not tracked yet;
// DEVICE_KEY, that device's; OTHER_DEVICE_KEY, of a remembered device of the same user.
import assert from "node:assert/strict";
import createClient from "openapi-fetch";
import type { components, paths } from "../../../build/clients/typescript/contract.js";

type Device = components["schemas"]["Device"];

const set = (name: string): string => {
  const value = process.env[name];
  assert(value, `${name} is not set`);
  return value;
};
const deviceKey = set("DEVICE_KEY");
const otherDeviceKey = set("OTHER_DEVICE_KEY");
const api = createClient<paths>({
  baseUrl: set("SERVICE_URL"),
  headers: { Authorization: `Bearer ${set("ACCESS_TOKEN")}` },
});

const listAll = async (): Promise<Device[]> => {
  const devices: Device[] = [];
  let cursor: string | null = null;
  do {
    const { data, error }: Awaited<ReturnType<typeof page>> = await page(cursor);
    assert(data, error?.detail ?? "no page");
    devices.push(...data.items);
    cursor = data.nextCursor;
  } while (cursor !== null);
  return devices;
};
const page = (cursor: string | null) =>
  api.GET("/devices", { params: { query: cursor === null ? { limit: 1 } : { limit: 1, cursor } } });

// It signs in, and is tracked.
const tracked = await api.POST("/devices", {
  body: { deviceKey, name: "A generated client", deviceGroupKey: "-generated" },
});
assert.equal(tracked.response.status, 201);
assert.equal(tracked.response.headers.get("Location"), `/devices/${deviceKey}`);
assert.equal(tracked.data?.status, "remembered");
assert.equal(tracked.data.userConfirmationNecessary, false);
assert(tracked.data.devicePassword);

// It cannot be tracked twice.
const again = await api.POST("/devices", { body: { deviceKey, deviceGroupKey: "-generated" } });
assert.equal(again.error?.code, "device-already-tracked");

// It is listed, page by page, beside the other one.
const listed = await listAll();
assert.deepEqual(new Set(listed.map((device) => device.id)), new Set([deviceKey, otherDeviceKey]));
assert.deepEqual(
  listed.filter((device) => device.current).map((device) => device.name),
  ["A generated client"],
);

// It is shown, by its id and as the current one.
const path = { params: { path: { id: deviceKey } } };
const shown = await api.GET("/devices/{id}", path);
assert(shown.data);
assert(Date.parse(shown.data.createdAt) <= Date.now());
assert.deepEqual((await api.GET("/devices/current")).data, shown.data);

// It is remembered no longer, and then again.
const changed = await api.PATCH("/devices/{id}", { ...path, body: { status: "not_remembered" } });
assert.deepEqual(changed.data, { id: deviceKey, status: "not_remembered", current: true });
assert.equal((await api.GET("/devices/{id}", path)).error?.code, "device-not-found");
const back = await api.PATCH("/devices/current", { body: { status: "remembered" } });
assert.equal(back.data?.status, "remembered");

// The other one is forgotten, then it is itself.
const others = await api.DELETE("/devices", { params: { query: { scope: "others" } } });
assert.deepEqual(others.data, { forgotten: [otherDeviceKey], failed: [] });
assert.equal((await api.DELETE("/devices/{id}", path)).response.status, 204);
const gone = await api.DELETE("/devices/current");
assert.equal(gone.response.status, 404);
assert.equal(gone.error?.requestId, gone.response.headers.get("X-Request-ID"));

// The user signs out everywhere.
assert.equal((await api.POST("/devices/sign-out")).response.status, 204);
const signedOut = await api.GET("/devices");
assert.equal(signedOut.error?.code, "invalid-token");
console.log("lived");
