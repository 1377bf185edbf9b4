// What people do at /docs. Each visit takes a Playwright page and the addresses of the servers.
import assert from "node:assert/strict";

const open = async (page, url) => {
  await page.goto(url);
  await page.waitForSelector(".opblock");
};
const operation = (page, id) => page.locator(`[id^="operations-"][id$="-${id}"]`);

const unfold = async (page, id) => {
  await operation(page, id).locator(".opblock-summary-control").click();
  await operation(page, id).locator(".execute").waitFor();
};

/** Executes an operation that is unfolded; its status, and its body as JSON. */
const execute = async (page, id) => {
  const block = operation(page, id);
  const answer = page.waitForResponse((it) => /^\/(devices|sessions)/.test(new URL(it.url()).pathname));
  await block.locator(".execute").click();
  const response = await answer;
  const body = await response.text();
  const status = response.status();
  await block.locator(".live-responses-table .response-col_status", { hasText: status }).waitFor();
  return { status, body: body === "" ? null : JSON.parse(body) };
};

const signIn = async (page) => {
  await page.locator("#sign-in button").click();
  await page.locator("#sign-in-state", { hasText: "Signed in as demo" }).waitFor();
};

/** A token that the visitor brought: a device is tracked, and a session shown. */
export const pastedToken = async (page, { serviceUrl, cognitoUrl }) => {
  const made = await fetch(`${cognitoUrl}/_local/tokens`, { method: "POST" });
  const { token, claims } = await made.json();

  await open(page, `${serviceUrl}/`);
  assert.equal(new URL(page.url()).pathname, "/docs");
  assert.equal(await page.title(), "Device BFF · API");
  await page.locator(".auth-wrapper .authorize").click();
  await page.locator(".auth-container input").fill(token);
  await page.locator(".auth-container .btn.authorize").click();
  await page.locator(".auth-container .btn-done").click();

  await unfold(page, "trackDevice");
  const device = { deviceKey: claims.device_key, name: "A browser", deviceGroupKey: "-browser" };
  const body = operation(page, "trackDevice").locator("textarea.body-param__text");
  await body.fill(JSON.stringify(device));
  assert.equal((await execute(page, "trackDevice")).status, 201);
  await unfold(page, "listDevices");
  const [listed] = (await execute(page, "listDevices")).body.items;
  assert.deepEqual([listed.id, listed.displayName], [device.deviceKey, "A browser"]);
  await unfold(page, "listSessions");
  assert.equal((await execute(page, "listSessions")).body.items[0].current, true);
};

/** No terminal needed: a button signs the demo user in, until the page is loaded again. */
export const demoSignIn = async (page, { serviceUrl }) => {
  await open(page, `${serviceUrl}/docs`);
  await signIn(page);
  await unfold(page, "getCurrentDevice");
  const shown = await execute(page, "getCurrentDevice");
  assert.deepEqual([shown.status, shown.body.current], [200, true]);
  await page.locator(".auth-wrapper .authorize.locked").waitFor();
  await page.reload();
  await page.locator(".auth-wrapper .authorize.unlocked").waitFor();
  assert.equal(await page.evaluate(() => localStorage.length + sessionStorage.length), 0);
};

/** A link leads to an operation, unfolded. */
export const deepLink = async (page, { serviceUrl }) => {
  await open(page, `${serviceUrl}/docs#/devices/updateDevice`);
  await operation(page, "updateDevice").locator(".execute").waitFor();
  assert.equal(await page.locator(".opblock.is-open").count(), 1);
};

/** Nothing is wider than a phone's screen. */
export const width = async (page, { serviceUrl }) => {
  await open(page, `${serviceUrl}/docs`);
  await signIn(page);
  for (const id of ["listDevices", "trackDevice", "endSessions"]) await unfold(page, id);
  await execute(page, "listDevices");
  const { wide, screen } = await page.evaluate(() => ({
    wide: document.documentElement.scrollWidth,
    screen: window.innerWidth,
  }));
  assert(wide <= screen, `${wide} on a screen of ${screen}`);
};
