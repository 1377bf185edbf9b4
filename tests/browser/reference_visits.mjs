// What the page at /docs shows, and where. Each visit takes a Playwright page and the addresses.
import assert from "node:assert/strict";

const SCREEN = 800;

const open = async (page, url) => {
  await page.goto(`${url}/docs`);
  await page.waitForSelector(".opblock");
};
const operation = (page, id) => page.locator(`.opblock[id$=-${id}]`);
const unfold = async (page, id) => {
  await operation(page, id).locator(".opblock-summary-control").click();
  await operation(page, id).locator(".execute").waitFor();
};
const execute = async (page, id) => {
  await operation(page, id).locator(".execute").click();
  const status = operation(page, id).locator(".live-responses-table tbody .response-col_status");
  await status.waitFor();
  return Number.parseInt(await status.innerText());
};
const state = (page, text) => page.locator(".state", { hasText: text }).waitFor();
const height = async (block) => (await block.boundingBox()).height;

/** The first call is on the first screen, and an opened one is no longer than three. */
export const heights = async (page, { serviceUrl }) => {
  await page.setViewportSize({ width: 1280, height: SCREEN });
  await open(page, serviceUrl);
  const { y, height: first } = await page.locator(".opblock").first().boundingBox();
  assert(y + first < SCREEN, `the first call ends at ${y + first}`);
  for (const block of await page.locator(".opblock").all()) {
    await block.locator(".opblock-summary-control").click();
    await block.locator(".execute").waitFor();
    const id = await block.getAttribute("id");
    assert((await height(block)) <= 3 * SCREEN, `${id} is ${await height(block)} high`);
    await block.locator(".opblock-summary-control").click();
  }
  await page.locator("summary", { hasText: "Introduction" }).click();
  await page.getByRole("heading", { name: "Signing in" }).waitFor();
};

/** A problem's example is there for those who ask, one at a time. */
export const problemExamples = async (page, { serviceUrl }) => {
  await open(page, serviceUrl);
  await unfold(page, "listDevices");
  const forbidden = operation(page, "listDevices").locator('.response[data-code="403"]');
  await forbidden.getByText("password-reset-required").waitFor();
  assert.equal(await forbidden.locator(".highlight-code").count(), 0);
  await forbidden.getByRole("button", { name: "Example of 403" }).click();
  await forbidden.locator(".highlight-code", { hasText: "urn:device-bff:problem:" }).waitFor();
  assert.equal(await forbidden.locator(".highlight-code").count(), 1);
};

/** The bar stays, and says who is signed in, until that ends everywhere. */
export const signedInState = async (page, { serviceUrl }) => {
  await open(page, serviceUrl);
  await state(page, "Not signed in");
  await page.locator("#sign-in button").click();
  await state(page, "Signed in as demo");
  await unfold(page, "signOutEverywhere");
  assert.equal(await execute(page, "signOutEverywhere"), 204);
  await state(page, "Signed out everywhere");
  assert((await page.locator(".bar").boundingBox()).y >= 0, "the bar has scrolled away");
  await page.locator(".auth-wrapper .authorize.unlocked").waitFor();
};

/** A token that Cognito does not accept any more is told in the bar, too. */
export const revokedToken = async (page, { serviceUrl, cognito }) => {
  await open(page, serviceUrl);
  await page.locator("#sign-in button").click();
  await state(page, "Signed in as demo");
  await cognito("faults", {
    operation: "ListDevices",
    fault: "error",
    type: "NotAuthorizedException",
    message: "Access Token has been revoked",
  });
  await unfold(page, "listDevices");
  assert.equal(await execute(page, "listDevices"), 401);
  await state(page, "demo’s token is not accepted any more");
};

/** A sign-in on a new device leaves the tracking to the visitor. */
export const newDevice = async (page, { serviceUrl }) => {
  await open(page, serviceUrl);
  await page.locator("#new-device button").click();
  await state(page, "Signed in as demo on a new device");
  await unfold(page, "trackDevice");
  assert.equal(await execute(page, "trackDevice"), 201);
};

/** What is dangerous has to be chosen. */
export const scope = async (page, { serviceUrl }) => {
  await open(page, serviceUrl);
  for (const id of ["forgetDevices", "endSessions"]) {
    await unfold(page, id);
    const select = operation(page, id).locator('tr[data-param-name="scope"] select');
    assert.equal(await select.inputValue(), "");
    await operation(page, id).locator(".execute").click();
    await operation(page, id).getByText("Required field is not provided").waitFor();
  }
};

/** The filter knows operation ids. */
export const filterById = async (page, { serviceUrl }) => {
  await open(page, serviceUrl);
  await page.locator(".operation-filter-input").fill("endsession");
  await operation(page, "listDevices").waitFor({ state: "detached" });
  assert.equal(await page.locator(".opblock").count(), 2);
};

/** Nobody has to read through a button. */
export const buttons = async (page, { serviceUrl }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  await open(page, serviceUrl);
  await page.locator("#sign-in button").click();
  await state(page, "Signed in as demo");
  await unfold(page, "listDevices");
  assert.equal(await execute(page, "listDevices"), 200);
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
export const darkTheme = async (page, { serviceUrl, contrast }) => {
  await page.emulateMedia({ colorScheme: "dark" });
  await open(page, serviceUrl);
  await page.locator("summary", { hasText: "Introduction" }).click();
  await unfold(page, "trackDevice");
  await unfold(page, "forgetDevices");
  const background = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  assert(background.match(/\d+/g).every((part) => Number(part) < 64), background);
  assert.deepEqual(await contrast(page), []);
};
