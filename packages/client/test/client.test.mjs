// The client over a fetch of our own: what it sends, and what becomes of answers that did not come.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  createDeviceBff,
  DeviceBffError,
  ReauthenticationRequired,
  SessionEnded,
} from "../dist/index.js";

const json = (status, body, headers = {}) =>
  new Response(body === null ? null : JSON.stringify(body), {
    status,
    headers: { "Content-Type": "application/json", ...headers },
  });
const problem = (status, code, more = {}) =>
  json(status, { code, status, detail: `About ${code}.`, requestId: "the-request", ...more });

/** A client whose calls are answered in turn, and what it sent. */
function over(answers, options = {}) {
  const sent = [];
  const fetch = async (request) => {
    sent.push(request);
    const answer = answers.shift();
    assert(answer, `one call too many: ${request.method} ${request.url}`);
    return typeof answer === "function" ? answer(request) : answer;
  };
  const tokens = [];
  const getAccessToken = ({ forceRefresh }) => {
    tokens.push(forceRefresh);
    return forceRefresh ? "fresh" : "kept";
  };
  const bff = createDeviceBff({ baseUrl: "https://bff.test", getAccessToken, fetch, ...options });
  return { bff, sent, tokens };
}
const hang = ({ signal }) =>
  new Promise((_, reject) => {
    const alive = setInterval(() => {}, 1000); // Node ends when nothing but a time-out is left
    signal.addEventListener("abort", () => {
      clearInterval(alive);
      reject(signal.reason);
    });
  });
const failed = (promise) => promise.then(() => assert.fail("it did not fail"), (error) => error);

test("a list reads page after page, as far as the loop goes", async () => {
  const pages = [
    json(200, { items: [{ id: "a" }, { id: "b" }], nextCursor: "2", currentDeviceId: null }),
    json(200, { items: [{ id: "c" }], nextCursor: null, currentDeviceId: null }),
  ];
  const { bff, sent } = over(pages);
  assert.deepEqual((await bff.devices.list({ limit: 2 }).all()).map(({ id }) => id), ["a", "b", "c"]);
  assert.deepEqual(sent.map(({ url }) => new URL(url).search), ["?limit=2", "?limit=2&cursor=2"]);
});

test("every call carries the access token", async () => {
  const { bff, sent } = over([json(204, null)]);
  await bff.signOutEverywhere();
  assert.equal(sent[0].headers.get("Authorization"), "Bearer kept");
});

test("a refused token is asked for once more, fresh", async () => {
  const { bff, sent, tokens } = over([problem(401, "invalid-token"), json(204, null)]);
  await bff.devices.forget("a");
  assert.deepEqual(tokens, [false, true]);
  assert.equal(sent[1].headers.get("Authorization"), "Bearer fresh");
});

test("a fresh token that is refused as well ends the session", async () => {
  const { bff } = over([problem(401, "invalid-token"), problem(401, "invalid-token")]);
  assert((await failed(bff.devices.get("a"))) instanceof SessionEnded);
});

test("without a token no call is made, and the session has ended", async () => {
  const { bff, sent } = over([], { getAccessToken: () => null });
  assert((await failed(bff.sessions.list().all())) instanceof SessionEnded);
  assert.equal(sent.length, 0);
});

test("a sign-in that is too old is done again, and the call with its token repeated", async () => {
  const asked = [];
  const refused = problem(401, "reauthentication-required", { maxAge: 300, acrValues: ["a", "b"] });
  const { bff, sent } = over([refused, json(204, null)], {
    onReauthenticate: async (challenge) => void asked.push(challenge),
  });
  await bff.sessions.end("s");
  assert.deepEqual(asked, [{ maxAge: 300, acrValues: ["a", "b"] }]);
  assert.equal(sent.length, 2);
});

test("a sign-in that does not suffice is told, and never asked for in a loop", async () => {
  const refused = () => problem(401, "reauthentication-required", { maxAge: 300 });
  let asked = 0;
  const { bff } = over([refused(), refused()], { onReauthenticate: async () => void asked++ });
  const error = await failed(bff.devices.forgetOthers());
  assert(error instanceof ReauthenticationRequired);
  assert.deepEqual(error.challenge, { maxAge: 300 });
  assert.equal(asked, 1);
});

test("tracking asks for no new sign-in, which would have another device", async () => {
  let asked = 0;
  const { bff, sent } = over([problem(401, "reauthentication-required")], {
    onReauthenticate: async () => void asked++,
  });
  const track = bff.devices.track({ deviceKey: "k", deviceGroupKey: "g" });
  assert((await failed(track)) instanceof ReauthenticationRequired);
  assert.deepEqual([asked, sent.length], [0, 1]);
});

test("a new sign-in is asked for once, whatever else is refused", async () => {
  const refused = () => problem(401, "reauthentication-required");
  let asked = 0;
  const { bff } = over([refused(), problem(401, "invalid-token"), refused()], {
    onReauthenticate: async () => void asked++,
  });
  assert((await failed(bff.sessions.endOthers())) instanceof ReauthenticationRequired);
  assert.equal(asked, 1);
});

test("a user who declines to sign in again has changed nothing", async () => {
  const { bff, sent } = over([problem(401, "reauthentication-required")], {
    onReauthenticate: async () => false,
  });
  const error = await failed(bff.devices.remember());
  assert(error instanceof ReauthenticationRequired);
  assert.equal(error.outcome, "not-done");
  assert.equal(sent.length, 1);
});

test("an error has the problem's code, how long to wait and the request's id", async () => {
  const { bff } = over([problem(429, "rate-limited")]);
  const error = await failed(bff.devices.get("a"));
  assert(error instanceof DeviceBffError);
  assert.deepEqual([error.code, error.requestId], ["rate-limited", "the-request"]);
  const later = over([json(503, { code: "upstream-unavailable" }, { "Retry-After": "7" })]);
  assert.equal((await failed(later.bff.devices.get("a"))).retryAfter, 7);
});

for (const [what, answer, outcome] of [
  ["no answer at all", () => Promise.reject(new TypeError("fetch failed")), "unknown"],
  ["a proxy's error page", () => new Response("<h1>Bad gateway</h1>", { status: 502 }), "unknown"],
  ["upstream-timeout", () => problem(504, "upstream-timeout"), "unknown"],
  ["upstream-error", () => problem(502, "upstream-error"), "unknown"],
  ["rate-limited", () => problem(429, "rate-limited"), "not-done"],
  ["not-this-device", () => problem(403, "not-this-device"), "not-done"],
]) {
  test(`after ${what} the outcome of a write is ${outcome}, and of a read not-done`, async () => {
    const { bff } = over([answer, answer]);
    assert.equal((await failed(bff.devices.remember())).outcome, outcome);
    assert.equal((await failed(bff.devices.get("a"))).outcome, "not-done");
  });
}

test("a call without an answer is given up in time", async () => {
  const { bff } = over([hang], { timeout: 20 });
  const error = await failed(bff.devices.forget("a"));
  assert.deepEqual([error.code, error.outcome], ["timeout", "unknown"]);
});

test("a signal ends a call with its own reason", async () => {
  const { bff } = over([hang]);
  const ending = new AbortController();
  const call = failed(bff.devices.get("a", { signal: ending.signal }));
  setImmediate(() => ending.abort(new Error("the page was left")));
  assert.equal((await call).message, "the page was left");
});

test("what is gone already counts as forgotten or ended", async () => {
  const { bff } = over([problem(404, "device-not-found"), problem(404, "session-not-found")]);
  await bff.devices.forget("a");
  await bff.sessions.end("s");
});

test("there is no current device where the sign-in has none, or Cognito lists none", async () => {
  const { bff } = over([problem(404, "no-current-device"), problem(404, "device-not-found")]);
  assert.equal(await bff.devices.current(), null);
  assert.equal(await bff.devices.current(), null);
});

test("each method is its call", async () => {
  const { bff, sent } = over(Array.from({ length: 14 }, () => json(200, { items: [] })));
  await bff.devices.track({ deviceKey: "k", deviceGroupKey: "g" });
  await bff.devices.remember();
  await bff.devices.stopRemembering();
  await bff.devices.stopRemembering("a/b");
  await bff.devices.forget("a", { reason: "not-mine" });
  await bff.devices.forgetCurrent();
  await bff.devices.forgetOthers();
  await bff.devices.forgetAll();
  await bff.devices.forgetInactive(90);
  await bff.devices.forgetExpired();
  await bff.sessions.list().all();
  await bff.sessions.end("s", { linked: true });
  await bff.sessions.endOthers({ reason: "not-mine" });
  await bff.signOutEverywhere();
  const said = await Promise.all(
    sent.map(async (it) => `${it.method} ${it.url.slice("https://bff.test".length)} ${await it.text()}`.trim()),
  );
  assert.deepEqual(said, [
    'POST /devices {"deviceKey":"k","deviceGroupKey":"g"}',
    'PATCH /devices/current {"status":"remembered"}',
    'PATCH /devices/current {"status":"not_remembered"}',
    'PATCH /devices/a%2Fb {"status":"not_remembered"}',
    "DELETE /devices/a?reason=not-mine",
    "DELETE /devices/current",
    "DELETE /devices?scope=others",
    "DELETE /devices?scope=all",
    "DELETE /devices?scope=inactive&days=90",
    "DELETE /devices?scope=expired",
    "GET /sessions",
    "DELETE /sessions/s?linked=true",
    "DELETE /sessions?scope=others&reason=not-mine",
    "POST /devices/sign-out",
  ]);
});
