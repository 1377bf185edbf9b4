// What people do with <your-devices> on a page that is three lines long. What each visit is given:
// visitor.mjs; the page at the test's own origin takes `lang`, `elements` and `token` of its address.
import assert from "node:assert/strict";

const button = (page, name) => page.getByRole("button", { name, exact: true });
const devices = (page) => page.locator("[data-device]");
const sessions = (page) => page.locator("[data-session]");
const message = (page, text) => page.locator(".toast", { hasText: text }).waitFor();
const CHROME =
  "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36";
const PHONE =
  "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) " +
  "Version/17.5 Mobile/15E148 Safari/604.1";

/** The name of what has the focus, inside of shadow roots too. */
const focusedName = () => {
  let it = document.activeElement;
  while (it.shadowRoot?.activeElement) it = it.shadowRoot.activeElement;
  return (it.ariaLabel ?? it.textContent).replace(/[\u2068\u2069]/g, ""); // around a name
};

/** The page of somebody who has signed in from this browser. */
const visit = async ({ open, cognito }, query = {}, options = {}) => {
  const signedIn = await cognito("sign-in", { device_name: "Here", user_agent: CHROME });
  const page = await open(`/?${new URLSearchParams({ token: signedIn.access_token, ...query })}`, options);
  await devices(page).first().waitFor();
  return { page, ...signedIn };
};
const again = async (page) => {
  await page.reload();
  await devices(page).first().waitFor();
};

/** Under a CSP without exceptions, and what it tells the page. */
export const threeLines = async (given) => {
  await given.cognito("sign-in", { device_name: "Ada's iPhone" });
  const { page } = await visit(given);
  await devices(page).nth(1).getByText("Ada's iPhone").waitFor();
  await button(devices(page).nth(1), /^Forget /).click();
  await button(page, "Forget device").click();
  await message(page, "is forgotten");
  const told = await page.evaluate(() => window.told);
  assert.deepEqual(told.map(({ type, detail }) => [type, detail.change]), [["changed", "forgotten"]]);
};

/** Two of them, and the halves, each with what is its own. */
export const twiceOnAPage = async (given) => {
  const { page } = await visit(given, { elements: "your-devices,device-list,session-list" });
  await sessions(page).nth(1).waitFor();
  assert.deepEqual([await devices(page).count(), await sessions(page).count()], [2, 2]);
  assert.equal(await page.getByRole("heading", { name: "Sign out everywhere" }).count(), 2);
};

/** The words of the page's language, from the right where it is so; numbers and dates, too. */
export const languages = async (given) => {
  for (const [lang, title, direction] of [
    ["de", "Geräte", "ltr"],
    ["fr-CA", "Appareils", "ltr"],
    ["es", "Dispositivos", "ltr"],
    ["ja", "デバイス", "ltr"],
    ["ar", "الأجهزة", "rtl"],
    ["sw", "Devices", "ltr"],
  ]) {
    const { page } = await visit(given, { lang }, { locale: "en-US" });
    await page.getByRole("heading", { name: title, exact: true }).waitFor();
    assert.equal(await page.locator(".your-devices").getAttribute("dir"), direction);
  }
};

/** Somebody who lost a phone: its session is offered beside it, and not ticked. */
export const lostPhone = async (given) => {
  const lost = { user_agent: PHONE, address: "203.0.113.24" };
  await given.cognito("sign-in", { device_name: "Ada's iPhone", ...lost });
  await given.cognito("sign-in", { device_name: "Old one", user_agent: PHONE, address: "198.51.100.7" });
  const { page } = await visit(given);
  await sessions(page).nth(2).waitFor();
  await button(devices(page).filter({ hasText: "Ada's iPhone" }), /^Forget /).click();
  const box = page.getByRole("dialog").getByRole("checkbox");
  await page.getByRole("dialog").getByText("203.0.113.24").waitFor();
  assert.deepEqual([await box.count(), await box.isChecked()], [1, false]);
  await box.check();
  await button(page, "Forget device").click();
  await message(page, "is forgotten");
  assert.deepEqual([await devices(page).count(), await sessions(page).count()], [2, 2]);
};

/** What is new since the last visit is marked, and can be disowned; the first time nothing is. */
export const newSinceLastVisit = async (given) => {
  const { page } = await visit(given);
  assert.equal(await page.getByText("New", { exact: true }).count(), 0);
  await given.cognito("sign-in", { device_name: "A stranger's", user_agent: PHONE });
  await button(page, "Stop remembering").click(); // the list is read again, in the same visit
  await devices(page).filter({ hasText: "A stranger's" }).getByText("New", { exact: true }).waitFor();
  await button(page, "Remember").click();
  await again(page);
  assert.equal(await devices(page).getByText("New", { exact: true }).count(), 0);
  await given.cognito("sign-in", { device_name: "Another stranger's", user_agent: PHONE });
  await again(page);
  const stranger = devices(page).filter({ hasText: "Another stranger's" });
  await stranger.getByText("New", { exact: true }).waitFor();
  await button(stranger, "It wasn’t me").click();
  const asked = page.waitForRequest((it) => it.method() === "DELETE");
  await button(page, "Forget device").click();
  assert.match((await asked).url(), /reason=not-mine/);
  await page.getByRole("link", { name: "Change your password" }).first().waitFor();
  await again(page);
  assert.equal(await page.getByText("New", { exact: true }).count(), 0);
};

/** Many of one name are one row; a link of a mail opens the one that it is about. */
export const manyAlike = async (given) => {
  const { sign_ins } = await given.cognito("sign-in", { device_name: "Chrome on macOS", count: 12 });
  const { page } = await visit(given);
  await page.getByText("12 devices", { exact: true }).waitFor();
  assert.equal(await devices(page).count(), 1);
  await button(page, /^Show: /).click();
  assert.equal(await devices(page).count(), 13);
  const target = page.locator(".row.target");
  for (const { device_key } of [sign_ins[7], sign_ins[3]]) {
    await page.evaluate((id) => (location.hash = `device=${id}`), device_key);
    await target.and(page.locator(`[data-device="${device_key}"]`)).waitFor();
  }
  await again(page);
  await target.waitFor();
  assert.equal(await target.getAttribute("data-device"), sign_ins[3].device_key);
};

/** Somebody who forgets twelve others, while the second call for it is held back; and what lets it go. */
const forgetTwelve = async (given) => {
  await given.cognito("sign-in", { device_name: "Old one", count: 12 });
  const { page } = await visit(given);
  let release;
  const held = new Promise((resolve) => (release = resolve));
  let calls = 0;
  await page.route(/\/devices\?scope=others/, async (route) => {
    if (route.request().method() === "DELETE" && ++calls === 2) await held;
    await route.continue();
  });
  await button(page, "Forget all others").click();
  await button(page, "Forget device").click();
  await page.getByRole("dialog").getByText(/^\d+ of 12 forgotten\.$/).waitFor();
  return { page, release };
};

/** Many to forget: the service takes several calls for them, and after each it is said how many are done. */
export const progress = async (given) => {
  const { page, release } = await forgetTwelve(given);
  const bar = page.getByRole("dialog").getByRole("progressbar");
  const [done, all] = await bar.evaluate((it) => [it.value, it.max]);
  assert(0 < done && done < 12, `${done}`);
  assert.equal(all, 12);
  assert.deepEqual(await given.audit(page), []);
  release();
  await message(page, "12 devices are forgotten.");
  assert.equal(await devices(page).count(), 1);
};

/** It stops in the middle: what is done by then is said with the reason. */
export const stoppedHalfway = async (given) => {
  const { page, release } = await forgetTwelve(given);
  await button(page, "Cancel").click();
  await message(page, /^\d+ of 12 forgotten\. It may have been done all the same/);
  release();
};

/** A frozen API: one can stop waiting, and is told that it may have been done. */
export const frozen = async (given) => {
  await given.cognito("sign-in", { device_name: "Ada's iPhone" });
  const { page } = await visit(given);
  await page.route("**/devices/*", () => undefined); // never answered
  await button(devices(page).nth(1), /^Forget /).click();
  await button(page, "Forget device").click();
  await page.getByRole("progressbar").waitFor();
  await button(page, "Cancel").click();
  await message(page, "It may have been done all the same");
  await page.getByRole("dialog").waitFor({ state: "detached" });
};

/** The API goes away between the list and a change: that is said, nothing waits for ever, and once it
 * is back another try does it. */
export const stopped = async (given) => {
  await given.cognito("sign-in", { device_name: "Ada's iPhone" });
  const { page } = await visit(given);
  await given.step("stop");
  await button(devices(page).nth(1), /^Forget /).click();
  await button(page, "Forget device").click();
  await message(page, "The service cannot be reached.");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  assert.equal(await page.locator(".failure[data-code=unreachable]").count(), 2, "in either list");
  await given.step("start");
  for (const list of [sessions, devices]) {
    await button(page, "Try again").last().click();
    await list(page).first().waitFor();
  }
  await button(devices(page).nth(1), /^Forget /).click();
  await button(page, "Forget device").click();
  await message(page, "is forgotten");
};

/** A sign-in that is too old: the page is asked, and the call is repeated once. */
export const stepUp = async (given) => {
  await given.cognito("sign-in", { device_name: "Ada's iPhone" });
  const old = await given.cognito("sign-in", { device_name: "Here", user_agent: CHROME });
  const { token } = await given.cognito("tokens", { claims: { auth_time: 1_700_000_000 } });
  const page = await given.open(`/?${new URLSearchParams({ token, fresh: old.access_token })}`);
  await devices(page).first().waitFor();
  await button(devices(page).filter({ hasText: "Ada's iPhone" }), /^Forget /).click();
  await button(page, "Forget device").click();
  await message(page, "is forgotten");
  const [asked] = await page.evaluate(() => window.told);
  assert.deepEqual([asked.type, asked.detail.maxAge], ["reauthenticate", 300]);
};

/** Nobody signs in again: the call is not made, and that is said. */
export const stepUpDeclined = async (given) => {
  await given.cognito("sign-in", { device_name: "Ada's iPhone" });
  const { token } = await given.cognito("tokens", { claims: { auth_time: 1_700_000_000 } });
  const page = await given.open(`/?${new URLSearchParams({ token })}`);
  await devices(page).first().waitFor();
  await button(devices(page).filter({ hasText: "Ada's iPhone" }), /^Forget /).click();
  await button(page, "Forget device").click();
  await message(page, "For this you have to sign in again.");
};

/** The session ends: the page is told, once. */
export const sessionEnded = async (given) => {
  const { page } = await visit(given);
  await given.cognito("reset");
  await button(page, "Stop remembering").click();
  await page.waitForFunction(() => window.told.some(({ type }) => type === "session-ended"));
};

/** The keyboard is enough, and the focus goes on from where it was. */
export const keyboard = async (given) => {
  const lost = { user_agent: PHONE, address: "203.0.113.24" };
  await given.cognito("sign-in", { device_name: "Ada's iPhone", ...lost });
  const { page } = await visit(given);
  await sessions(page).nth(1).waitFor();
  const focused = () => page.evaluate(focusedName);
  const press = async (key, ...expected) => {
    for (const name of expected) {
      await page.keyboard.press(key);
      assert.equal(await focused(), name);
    }
  };
  const dialog = page.getByRole("dialog");
  await press("Tab", "Forget all others", "Stop remembering", "Forget Ada's iPhone");

  await page.keyboard.press("Enter");
  await dialog.waitFor();
  assert.equal(await focused(), "Cancel");
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  assert.equal(await focused(), "Forget Ada's iPhone");

  await page.keyboard.press("Space");
  await dialog.waitFor();
  await page.keyboard.press("Shift+Tab");
  await page.keyboard.press("Space");
  assert(await dialog.getByRole("checkbox").isChecked());
  await press("Tab", "Cancel", "Forget device");
  await page.keyboard.press("Enter");
  await message(page, "is forgotten");
  await dialog.waitFor({ state: "detached" });
  assert.equal(await focused(), "Devices");
  assert.equal(await sessions(page).count(), 1);
};

/** So is its end by a client of the page's own, whose classes are not those of the script. */
export const sessionEndedForOwnClient = async (given) => {
  const { page } = await visit(given);
  await page.evaluate(() => {
    const fail = async () => {
      throw Object.assign(new Error(), { name: "SessionEnded", code: "invalid-token", outcome: "not-done" });
    };
    const list = () => ({ all: fail, pages: () => ({ [Symbol.asyncIterator]: () => ({ next: fail }) }) });
    document.querySelector("your-devices").client = { devices: { list }, sessions: { list } };
  });
  await page.waitForFunction(() => window.told.some(({ type }) => type === "session-ended"));
};

/** axe-core finds nothing: on a narrow phone, in text of twice the size, from right to left. */
export const accessibility = async (given) => {
  await given.cognito("sign-in", { device_name: "Ada's iPhone", count: 2, user_agent: PHONE });
  for (const lang of ["en", "ar", "de", "ja"]) {
    const { page } = await visit(given, { lang }, { viewport: { width: 320, height: 800 } });
    for (const size of ["100%", "200%"]) {
      await page.evaluate((text) => (document.documentElement.style.fontSize = text), size);
      for (const colorScheme of ["light", "dark"]) {
        await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
        assert.deepEqual(await given.audit(page), [], `${lang} ${size} ${colorScheme}`);
      }
      const width = await page.evaluate(() => document.documentElement.scrollWidth);
      assert(width <= 320, `${lang} ${size}: ${width} wide`);
    }
  }
};
