// Every call of the API through the generated TypeScript types and openapi-fetch.
// In the environment: see every_call.py.
import assert from "node:assert/strict";
import createClient from "openapi-fetch";
import { errorCodeValues } from "../../../build/clients/typescript/contract.js";
import type { components, paths } from "../../../build/clients/typescript/contract.js";

type Device = components["schemas"]["Device"];
type ErrorCode = components["schemas"]["ErrorCode"];

const set = (name: string): string => {
  const value = process.env[name];
  assert(value, `${name} is not set`);
  return value;
};
const deviceKey = set("DEVICE_KEY");
const api = createClient<paths>({
  baseUrl: set("SERVICE_URL"),
  headers: { Authorization: `Bearer ${set("ACCESS_TOKEN")}` },
});

const page = (cursor: string | null) =>
  api.GET("/devices", { params: { query: cursor === null ? { limit: 1 } : { limit: 1, cursor } } });
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
/** Checks the code of a problem; only a code of the contract compiles. */
const assertProblem = (error: { code: string } | undefined, code: ErrorCode) => {
  assert.equal(error?.code, code);
  assert(errorCodeValues.includes(code));
};

assert.equal((await api.GET("/healthz")).data?.status, "ok");
assert.equal((await api.GET("/readyz")).data?.ready, true);

const secretVerifier = { passwordVerifier: "cGFzc3dvcmQtdmVyaWZpZXI=", salt: "c2FsdHNhbHQ=" };
const other = await api.POST("/devices", {
  body: { deviceKey: set("OTHER_KEY"), secretVerifier },
  headers: { Authorization: `Bearer ${set("OTHER_TOKEN")}` },
});
assert.equal(other.data?.status, "remembered");
assert.equal(other.data.devicePassword, undefined);
const body = { deviceKey, name: "A client", deviceGroupKey: "-generated" };
const tracked = await api.POST("/devices", { body });
assert.equal(tracked.response.headers.get("Location"), `/devices/${deviceKey}`);
assert.equal(tracked.data?.status, "remembered");
assert(tracked.data.devicePassword);
assertProblem((await api.POST("/devices", { body })).error, "device-already-tracked");

const listed = await listAll();
assert.equal(listed.length, 4);
const path = { params: { path: { id: deviceKey } } };
const shown = await api.GET("/devices/{id}", path);
assert.deepEqual(shown.data, listed.find((device) => device.current));
assert.deepEqual((await api.GET("/devices/current")).data, shown.data);

const changed = await api.PATCH("/devices/{id}", { ...path, body: { status: "not_remembered" } });
assert.deepEqual(changed.data, { id: deviceKey, status: "not_remembered", current: true });
assertProblem((await api.GET("/devices/{id}", path)).error, "device-not-found");
const back = await api.PATCH("/devices/current", { body: { status: "remembered" } });
assert.equal(back.data?.status, "remembered");

const sessions = (await api.GET("/sessions")).data?.items ?? [];
const [first, ...more] = sessions.filter((session) => !session.current).map(({ id }) => id);
assert(more.length === 2 && first);
const ended = await api.DELETE("/sessions/{id}", {
  params: { path: { id: first }, query: { linked: true, reason: "not-mine" } },
});
assert.equal(ended.response.status, 204);
const rest = await api.DELETE("/sessions", { params: { query: { scope: "others" } } });
assert.deepEqual(rest.data, { ended: more, failed: [] });

const others = await api.DELETE("/devices", { params: { query: { scope: "others" } } });
assert.equal(others.data?.forgotten.length, 3);
assert.equal((await api.DELETE("/devices/{id}", path)).response.status, 204);
assertProblem((await api.DELETE("/devices/current")).error, "device-not-found");

const tomorrow = createClient<paths>({ baseUrl: set("TOMORROW_URL") });
const watch = (await tomorrow.GET("/devices/current")).data;
assert.deepEqual([watch?.deviceType, watch?.status], ["watch", "lost"]);
assert.equal((await tomorrow.GET("/sessions")).data?.items[0]?.sessionType, "passkey");
assert.equal((await tomorrow.GET("/devices/{id}", path)).error?.code, "on-holiday");

assert.equal((await api.POST("/devices/sign-out")).response.status, 204);
assertProblem((await api.GET("/devices")).error, "invalid-token");
console.log("done");
