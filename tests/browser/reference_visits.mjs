// What people do at /docs, and what it shows and where. What each visit is given: visitor.mjs.
import assert from "node:assert/strict";

const SCREEN = 800;
const PHONE = { viewport: { width: 390, height: 844 } };

const docs = async (open, path = "/docs", options = {}) => {
  const page = await open(path, options);
  await page.waitForSelector(".opblock");
  return page;
};
const operation = (page, id) => page.locator(`.opblock[id$=-${id}]`);
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
const state = (page, text) => page.locator(".state", { hasText: text }).waitFor();
const signIn = async (page) => {
  await page.locator("#sign-in").click();
  await state(page, "Signed in as demo");
};
const height = async (block) => (await block.boundingBox()).height;

/** A token that the visitor brought, copied with "Bearer": a device is tracked, a session shown. */
export const pastedToken = async ({ open, cognito }) => {
  const { token, claims } = await cognito("tokens");
  const page = await docs(open, "/");
  assert.equal(new URL(page.url()).pathname, "/docs");
  assert.equal(await page.title(), "Device BFF · API");
  await page.locator(".auth-wrapper .authorize").click();
  await page.locator(".auth-container input").fill(`Bearer ${token} `);
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

/** No terminal needed: a button signs the demo user in, until the page is loaded again. The id of
 * the device is filled in. */
export const demoSignIn = async ({ open }) => {
  const page = await docs(open);
  await signIn(page);
  await unfold(page, "getCurrentDevice");
  const shown = await execute(page, "getCurrentDevice");
  assert.deepEqual([shown.status, shown.body.current], [200, true]);
  await unfold(page, "getDevice");
  assert.deepEqual((await execute(page, "getDevice")).body, shown.body);
  await page.locator(".auth-wrapper .authorize.locked").waitFor();
  await page.reload();
  await page.locator(".auth-wrapper .authorize.unlocked").waitFor();
  assert.equal(await page.evaluate(() => localStorage.length + sessionStorage.length), 0);
};

/** A link leads to an operation, unfolded. */
export const deepLink = async ({ open }) => {
  const page = await docs(open, "/docs#/devices/updateDevice");
  await operation(page, "updateDevice").locator(".execute").waitFor();
  assert.equal(await page.locator(".opblock.is-open").count(), 1);
};

/** The first call is on the first screen, and an opened one is no longer than three. */
export const heights = async ({ open }) => {
  const page = await docs(open, "/docs", { viewport: { width: 1280, height: SCREEN } });
  const { y, height: first } = await page.locator(".opblock").first().boundingBox();
  assert(y + first < SCREEN, `the first call ends at ${y + first}`);
  for (const block of await page.locator(".opblock").all()) {
    await block.locator(".opblock-summary-control").click();
    await block.locator(".responses-inner .response").last().waitFor(); // what is below is there
    const id = await block.getAttribute("id");
    assert((await height(block)) <= 3 * SCREEN, `${id} is ${await height(block)} high`);
    await block.locator(".opblock-summary-control").click();
  }
  await page.locator("summary", { hasText: "Introduction" }).click();
  await page.getByRole("heading", { name: "Signing in" }).waitFor();
};

/** A problem's example is there for those who ask, one at a time. */
export const problemExamples = async ({ open }) => {
  const page = await docs(open);
  await unfold(page, "listDevices");
  const forbidden = operation(page, "listDevices").locator('.response[data-code="403"]');
  await forbidden.getByText("password-reset-required").waitFor();
  assert.equal(await forbidden.locator(".highlight-code").count(), 0);
  await forbidden.getByRole("button", { name: "Example of 403" }).click();
  await forbidden.locator(".highlight-code", { hasText: "urn:device-bff:problem:" }).waitFor();
  assert.equal(await forbidden.locator(".highlight-code").count(), 1);
};

/** The bar stays, and says who is signed in, until that ends everywhere. */
export const signedInState = async ({ open }) => {
  const page = await docs(open);
  await state(page, "Not signed in");
  await signIn(page);
  await unfold(page, "signOutEverywhere");
  assert.equal((await execute(page, "signOutEverywhere")).status, 204);
  await state(page, "Signed out everywhere");
  assert((await page.locator("header").boundingBox()).y >= 0, "the bar has scrolled away");
  await page.locator(".auth-wrapper .authorize.unlocked").waitFor();
};

/** A token that Cognito does not accept any more is told in the bar, too. */
export const revokedToken = async ({ open, cognito }) => {
  const page = await docs(open);
  await signIn(page);
  await cognito("faults", {
    operation: "ListDevices",
    fault: "error",
    type: "NotAuthorizedException",
    message: "Access Token has been revoked",
  });
  await unfold(page, "listDevices");
  assert.equal((await execute(page, "listDevices")).status, 401);
  await state(page, "demo’s token is not accepted any more");
};

/** A sign-in on a new device leaves the tracking to the visitor. */
export const newDevice = async ({ open }) => {
  const page = await docs(open);
  await page.locator("#new-device").click();
  await state(page, "Signed in as demo on a new device");
  await unfold(page, "trackDevice");
  assert.equal((await execute(page, "trackDevice")).status, 201);
};

/** What is dangerous has to be chosen. */
export const scope = async ({ open }) => {
  const page = await docs(open);
  for (const id of ["forgetDevices", "endSessions"]) {
    await unfold(page, id);
    const select = operation(page, id).locator('tr[data-param-name="scope"] select');
    assert.equal(await select.inputValue(), "");
    await operation(page, id).locator(".execute").click();
    await operation(page, id).getByText("Required field is not provided").waitFor();
  }
};

/** The filter knows operation ids. */
export const filterById = async ({ open }) => {
  const page = await docs(open);
  await page.locator(".operation-filter-input").fill("endsession");
  await operation(page, "listDevices").waitFor({ state: "detached" });
  assert.equal(await page.locator(".opblock").count(), 2);
};

/** On a phone nothing is wider than the screen, and nobody has to read through a button. */
export const phone = async ({ open }) => {
  const page = await docs(open, "/docs", PHONE);
  await signIn(page);
  for (const id of ["listDevices", "trackDevice", "endSessions"]) await unfold(page, id);
  assert.equal((await execute(page, "listDevices")).status, 200);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth);
  assert(wide <= PHONE.viewport.width, `${wide} wide`);
  const covered = await operation(page, "listDevices")
    .locator(".live-responses-table .highlight-code")
    .first()
    .evaluate((box) => {
      const text = document.createRange();
      text.selectNodeContents(box.querySelector("code") ?? box.querySelector("pre"));
      const lines = [...text.getClientRects()];
      return [...box.querySelectorAll("button")]
        .map((it) => it.getBoundingClientRect())
        .some((it) =>
          lines.some(
            (line) => line.top < it.bottom && line.bottom > it.top && line.right > it.left,
          ),
        );
    });
  assert.equal(covered, false);
};

/** The dark theme is dark, and its text can be read. */
export const darkTheme = async ({ open, audit }) => {
  const page = await docs(open, "/docs", { colorScheme: "dark" });
  await page.locator("summary", { hasText: "Introduction" }).click();
  await unfold(page, "trackDevice");
  await unfold(page, "forgetDevices");
  const background = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  assert(background.match(/\d+/g).every((part) => Number(part) < 64), background);
  assert.deepEqual(await audit(page, { runOnly: ["color-contrast"] }), []);
};
