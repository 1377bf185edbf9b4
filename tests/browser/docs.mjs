// What people do at /docs. Each visit takes a Playwright page and the addresses of the servers.
import assert from "node:assert/strict";

const open = async (page, url) => {
  await page.goto(url);
  await page.waitForSelector(".opblock");
};
const operation = (page, id) => page.locator(`#operations-devices-${id}`);

const unfold = async (page, id) => {
  await operation(page, id).locator(".opblock-summary-control").click();
  await operation(page, id).locator(".execute").waitFor();
};

/** Executes an operation that is unfolded; its status, and its body as JSON. */
const execute = async (page, id) => {
  const block = operation(page, id);
  const answer = page.waitForResponse((it) => new URL(it.url()).pathname.startsWith("/devices"));
  await block.locator(".execute").click();
  const { status, body } = await answer.then(async (it) => ({
    status: it.status(),
    body: await it.text(),
  }));
  await block.locator(".live-responses-table .response-col_status", { hasText: status }).waitFor();
  return { status, body: body === "" ? null : JSON.parse(body) };
};

const putId = (page, id, value) =>
  operation(page, id).locator('tr[data-param-name="id"] input').fill(value);

const putBody = (page, id, body) =>
  operation(page, id).locator("textarea.body-param__text").fill(JSON.stringify(body));

const pasteToken = async (page, token) => {
  await page.locator(".auth-wrapper .authorize").click();
  await page.locator(".auth-container input").fill(token);
  await page.locator(".auth-container .btn.authorize").click();
  await page.locator(".auth-container .btn-done").click();
};

const signIn = async (page) => {
  await page.locator("#sign-in button").click();
  await page.locator("#sign-in-state", { hasText: "Signed in as demo" }).waitFor();
};

/** The whole life of a device, with a token that the visitor brought. */
export const lifeOfADevice = async (page, { serviceUrl, cognitoUrl }) => {
  const made = await fetch(`${cognitoUrl}/_local/tokens`, { method: "POST" });
  const { token, claims } = await made.json();
  const deviceKey = claims.device_key;

  await open(page, `${serviceUrl}/`);
  assert.equal(new URL(page.url()).pathname, "/docs");
  assert.equal(await page.title(), "Device BFF · API");
  await pasteToken(page, token);

  await unfold(page, "trackDevice");
  await putBody(page, "trackDevice", { deviceKey, name: "A browser", deviceGroupKey: "-browser" });
  const tracked = await execute(page, "trackDevice");
  assert.equal(tracked.status, 201);

  await unfold(page, "listDevices");
  const listed = await execute(page, "listDevices");
  assert.deepEqual(
    listed.body.items.map(({ id, name, current }) => ({ id, name, current })),
    [{ id: deviceKey, name: "A browser", current: true }],
  );

  await unfold(page, "updateDevice");
  await putId(page, "updateDevice", deviceKey);
  await putBody(page, "updateDevice", { status: "not_remembered" });
  assert.equal((await execute(page, "updateDevice")).body.status, "not_remembered");
  await putBody(page, "updateDevice", { status: "remembered" });
  assert.equal((await execute(page, "updateDevice")).body.status, "remembered");

  await unfold(page, "forgetDevice");
  await putId(page, "forgetDevice", deviceKey);
  assert.equal((await execute(page, "forgetDevice")).status, 204);
  assert.deepEqual((await execute(page, "listDevices")).body.items, []);
};

/** No terminal needed: a button signs the demo user in. */
export const demoSignIn = async (page, { serviceUrl }) => {
  await open(page, `${serviceUrl}/docs`);
  await signIn(page);
  await unfold(page, "getCurrentDevice");
  const shown = await execute(page, "getCurrentDevice");
  assert.deepEqual([shown.status, shown.body.current], [200, true]);
};

/** A token does not outlive the page. */
export const reload = async (page, { serviceUrl }) => {
  await open(page, `${serviceUrl}/docs`);
  await signIn(page);
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

/** The filter leaves the tags that match. */
export const filter = async (page, { serviceUrl }) => {
  await open(page, `${serviceUrl}/docs`);
  await page.locator(".operation-filter-input").fill("health");
  await operation(page, "listDevices").waitFor({ state: "detached" });
  assert.equal(await page.locator(".opblock").count(), 2);
};

/** Nothing is wider than the screen, on a phone neither. */
export const width = async (page, { serviceUrl }) => {
  await open(page, `${serviceUrl}/docs`);
  await signIn(page);
  for (const id of ["listDevices", "trackDevice", "forgetDevices"]) await unfold(page, id);
  await execute(page, "listDevices");
  const { wide, screen } = await page.evaluate(() => ({
    wide: document.documentElement.scrollWidth,
    screen: window.innerWidth,
  }));
  assert(wide <= screen, `${wide} on a screen of ${screen}`);
};

/** All text stands out from what is behind it: WCAG 2, contrast (minimum). */
export const contrast = async (page, { serviceUrl }) => {
  await open(page, `${serviceUrl}/docs`);
  await unfold(page, "trackDevice");
  await page.locator(".models button.models-control").click();
  await page.locator(".models button", { hasText: "Problem" }).first().click();
  await page.locator(".models", { hasText: "uri-reference" }).waitFor();
  const faint = await page.evaluate(() => {
    const rgba = (color) => [...color.match(/[\d.]+/g).map(Number), 1].slice(0, 4);
    const over = ([r, g, b, a], below) => [r, g, b].map((it, i) => it * a + below[i] * (1 - a));
    const luminance = (color) => {
      const [r, g, b] = color
        .map((it) => it / 255)
        .map((it) => (it <= 0.04045 ? it / 12.92 : ((it + 0.055) / 1.055) ** 2.4));
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const behind = (it) =>
      it
        ? over(rgba(getComputedStyle(it).backgroundColor), behind(it.parentElement))
        : [255, 255, 255];
    const holdsText = (it) =>
      it.getClientRects().length > 0 &&
      [...it.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim() !== "");
    return [...document.querySelectorAll("body *")].filter(holdsText).flatMap((it) => {
      const background = behind(it);
      const ink = over(rgba(getComputedStyle(it).color), background);
      const [dark, light] = [luminance(ink), luminance(background)].sort((a, b) => a - b);
      const ratio = (light + 0.05) / (dark + 0.05);
      return ratio < 4.5 ? [`${it.textContent.trim().slice(0, 40)}: ${ratio.toFixed(2)}`] : [];
    });
  });
  assert.deepEqual(faint, []);
};
