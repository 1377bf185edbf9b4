// What people do on the page "Your devices". What each visit is given: visitor.mjs.
import assert from "node:assert/strict";

export const ALWAYS = "Always remembers devices";
export const OPT_IN = "Asks before it remembers";
export const FEW_CALLS = "Few calls a minute";

const button = (page, name) => page.getByRole("button", { name, exact: true });
const heading = (page, name) => page.getByRole("heading", { name, exact: true });
const section = (page, name) => page.getByRole("region", { name, exact: true });
const devices = (page) => page.locator("[data-device]");
const sessions = (page) => page.locator("[data-session]");
const ids = (rows) => rows.evaluateAll((all) => all.map((it) => it.dataset.device ?? it.dataset.session));
const marked = (rows) => rows.filter({ has: rows.page().locator(".badge.this") });

/** The password step, up to what comes after it: "code" or "done". */
const enterPassword = async (page, pool) => {
  await page.getByLabel(pool).check();
  await button(page, "Fill in the demo user").click();
  await button(page, "Sign in").click();
  const code = heading(page, "Enter your code");
  await code.or(heading(page, "Your devices")).waitFor();
  return (await code.isVisible()) ? "code" : "done";
};

const enterCode = async (page) => {
  await button(page, "Fill in the demo user’s code").click();
  await page.waitForFunction(() => document.querySelector(".code").value.length === 6);
  await button(page, "Continue").click();
};

const loaded = async (page) => {
  await heading(page, "Your devices").waitFor();
  await page.locator("[aria-busy=true]").first().waitFor({ state: "detached" });
};

const signIn = async (page, pool = ALWAYS) => {
  const next = await enterPassword(page, pool);
  if (next === "code") await enterCode(page);
  await loaded(page);
  return next;
};

const signOut = async (page) => {
  await button(page, "Sign out").click();
  await heading(page, "Sign in").waitFor();
};

const reload = async (page) => {
  await page.reload();
  await loaded(page);
};

/** The text of what has the focus, inside of shadow roots too. */
const focusedText = () => {
  let it = document.activeElement;
  while (it.shadowRoot?.activeElement) it = it.shadowRoot.activeElement;
  return it.textContent;
};

const message = (page, text) => page.locator(".toast", { hasText: text }).waitFor();

/** Two browsers of one user: both see both, by a name that people know, and each marks its own. */
export const twoDevices = async ({ open }) => {
  const [one, other] = [await open(), await open()];
  await signIn(one);
  await signIn(other);
  await reload(one);
  for (const rows of [devices, sessions]) {
    const [seenByOne, seenByOther] = [await ids(rows(one)), await ids(rows(other))];
    assert.equal(seenByOne.length, 2);
    assert.deepEqual(seenByOne.toSorted(), seenByOther.toSorted());
    assert.deepEqual(await ids(marked(rows(one))), [seenByOne[0]], "its own is first, and marked");
    assert.deepEqual(await ids(marked(rows(other))), [seenByOther[0]]);
    assert.notEqual(seenByOne[0], seenByOther[0]);
    for (const name of await rows(one).locator("h3").allTextContents()) {
      assert.match(name, /^Chrom(e|ium) on (Linux|macOS|Windows)/);
    }
  }
  await devices(one).first().getByText("Last seen just now from 127.0.0.1").waitFor();
  const exact = await devices(one).first().locator("time").getAttribute("title");
  assert.match(exact, /\w+day, \w+ \d+, \d{4} at \d+:\d\d:\d\d/);
};

/** A device that another one forgets is asked for the second factor again. */
export const forgetAnother = async ({ open }) => {
  const [one, other] = [await open(), await open()];
  await signIn(other);
  await signOut(other);
  assert.equal(await signIn(other), "done", "a remembered device needs no code");
  await signOut(other);

  await signIn(one);
  await button(devices(one).nth(1), /^Forget /).click();
  await one.getByRole("dialog").getByText("may ask for a code again").waitFor();
  await button(one, "Forget device").click();
  await message(one, "is forgotten");
  assert.equal(await devices(one).count(), 1);
  await one.getByText("No other devices.").waitFor();

  assert.equal(await enterPassword(other, ALWAYS), "code");
};

/** A session that is ended elsewhere: the next call is 401, and leads to the sign-in. */
export const endAnothersSession = async ({ open }) => {
  const [one, other] = [await open(), await open()];
  await signIn(other);
  await signIn(one);
  await button(sessions(one).nth(1), /^End session/).click();
  await button(one, "End session").click();
  await message(one, "has ended");
  assert.equal(await sessions(one).count(), 1);

  const refused = other.waitForResponse((it) => it.status() === 401);
  await button(other, "Stop remembering").click();
  await refused;
  await heading(other, "Sign in").waitFor();
  await other.getByText("Your session has ended.").waitFor();
};

/** After the first sign-in the page asks, where the pool leaves it to the user. */
export const optIn = async ({ open }) => {
  const page = await open();
  await signIn(page, OPT_IN);
  await heading(page, "Do you trust this device?").waitFor();
  await button(page, "Yes, remember it").click();
  await message(page, "This device is remembered");
  assert.equal(await heading(page, "Do you trust this device?").count(), 0);
  await devices(page).getByText("Remembered", { exact: true }).waitFor();
  await signOut(page);
  assert.equal(await signIn(page, OPT_IN), "done");
};

/** A "No" is kept in the browser, and the device keeps its row. */
export const optInDeclined = async ({ open }) => {
  const page = await open();
  await signIn(page, OPT_IN);
  await section(page, "Do you trust this device?").getByRole("button", { name: "No" }).click();
  await signOut(page);
  assert.equal(await signIn(page, OPT_IN), "code");
  assert.equal(await heading(page, "Do you trust this device?").count(), 0);
  await marked(devices(page)).getByText("Not remembered").waitFor();
  await button(devices(page), "Remember").click();
  await devices(page).getByText("Remembered", { exact: true }).waitFor();
};

/** What was done to this device can be undone, and it keeps its row meanwhile. */
export const undo = async ({ open }) => {
  const page = await open();
  await signIn(page);
  const name = await devices(page).locator("h3").textContent();
  await button(page, "Stop remembering").click();
  await devices(page).getByText("Not remembered").waitFor();
  assert.equal(await devices(page).locator("h3").textContent(), name);
  await button(page, "Undo").click();
  await devices(page).getByText("Remembered", { exact: true }).waitFor();
};

/** All others at once, and everywhere. */
export const allOthers = async ({ open, cognito }) => {
  await cognito("sign-in", { device_name: "Ada's iPhone", count: 3 });
  const page = await open();
  await signIn(page);
  await button(page, /^Show: /).click();
  assert.deepEqual([await devices(page).count(), await sessions(page).count()], [4, 4]);

  await button(page, "Forget all others").click();
  await page.getByRole("dialog", { name: "Forget all 3 other devices?" }).waitFor();
  await button(page.getByRole("dialog"), "Forget device").click();
  await message(page, "3 devices are forgotten");
  assert.equal(await devices(page).count(), 1);

  await button(page, "End all others").click();
  await button(page.getByRole("dialog"), "End session").click();
  await message(page, "3 sessions have ended");
  assert.equal(await sessions(page).count(), 1);

  await button(page, "Sign out everywhere").click();
  await button(page.getByRole("dialog"), "Sign out everywhere").click();
  await page.getByText("You are signed out everywhere.").waitFor();
  await page.reload();
  await heading(page, "Sign in").waitFor();
};

/** One other is told of as one. */
export const theOnlyOther = async ({ open, cognito }) => {
  await cognito("sign-in", { device_name: "Ada's iPhone" });
  const page = await open();
  await signIn(page);
  await button(page, "Forget all others").click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("heading", { name: "Forget the other device?" }).waitFor();
  await button(dialog, "Forget device").click();
  await message(page, "1 device is forgotten");

  await button(page, "End all others").click();
  await dialog.getByRole("heading", { name: "End the other session?" }).waitFor();
  await button(dialog, "End session").click();
  await message(page, "1 session has ended");
};

/** Sessions of one name are told apart before one is ended. */
export const sessionsOfOneName = async ({ open, cognito }) => {
  await cognito("location", { address: "203.0.113.24", city: "Lisbon", country: "Portugal" });
  await cognito("location", { address: "198.51.100.7", city: "Berlin", country: "Germany" });
  await cognito("sign-in", { device_name: "One", address: "203.0.113.24" });
  await cognito("sign-in", { device_name: "Other", address: "198.51.100.7" });
  const page = await open();
  await signIn(page);
  for (const place of ["Lisbon, Portugal", "Berlin, Germany"]) {
    await button(sessions(page).filter({ hasText: place }), /^End session/).click();
    await page.getByRole("dialog").getByText(place).waitFor();
    await button(page, "Cancel").click();
  }
};

/** After the sign-in the focus is on the page's heading; a button that is used up leaves it near. */
export const focusStays = async ({ open }) => {
  const page = await open();
  await signIn(page);
  const focused = () => page.evaluate(focusedText);
  assert.equal(await focused(), "Your devices");
  await button(page, "Stop remembering").press("Enter");
  await button(page, "Undo").waitFor();
  assert.equal(await focused(), "Remember");
  await button(page, "Undo").press("Enter");
  await message(page, "This device is remembered");
  assert.equal(await focused(), "Devices");
  await button(page, "Dismiss").press("Enter");
  assert.equal(await focused(), "Devices");
};

/** The sign-in of a browser ends with the apps that came through it. */
export const endLinkedSessions = async ({ open, cognito }) => {
  await cognito("managed-login");
  const page = await open();
  await signIn(page);
  assert.equal(await sessions(page).count(), 3);
  await button(sessions(page).filter({ hasText: "for all apps" }), /^End session/).click();
  await page.getByRole("dialog").getByText("every app that was signed in through it").waitFor();
  await button(page, "End session").click();
  await message(page, "has ended");
  assert.equal(await sessions(page).count(), 1);
  await reload(page);
  assert.equal(await sessions(page).count(), 1);
};

/** A call that wants a fresh sign-in: the page asks who it is, and the call is repeated. */
export const stepUp = async ({ open, cognito }) => {
  await cognito("sign-in", { device_name: "Ada's iPhone" });
  const page = await open();
  await signIn(page);
  const code = "reauthentication-required";
  let asked = false;
  await page.route("**/devices/*", (route) => {
    if (asked || route.request().method() !== "DELETE") return route.continue();
    asked = true;
    const headers = { "Access-Control-Allow-Origin": page.url().replace(/\/$/, "") };
    return route.fulfill({ status: 401, headers, json: { code, status: 401, maxAge: 300 } });
  });
  await button(page, /^Forget .*iPhone/).click();
  await button(page, "Forget device").click();
  const dialog = page.getByRole("dialog", { name: "Is it you?" });
  await dialog.getByLabel("Password").and(page.locator(":focus")).waitFor();
  assert.equal(await dialog.getByLabel("User name").isVisible(), false, "it must be the same user");
  await dialog.getByLabel("Password").fill("wrong");
  await button(dialog, "Sign in").click();
  await dialog.getByRole("alert").getByText("The user name or the password is wrong.").waitFor();
  const selected = await dialog.getByLabel("Password").evaluate((it) => it.selectionEnd - it.selectionStart);
  assert.equal(selected, "wrong".length, "it is ready to be typed over");
  await button(dialog, "Fill in the demo user").click();
  await button(dialog, "Sign in").click();
  await message(page, "is forgotten");
};

/** A device that is no longer trusted: asked first, it is forgotten, and is a new one when it signs in. */
export const signInAgain = async ({ open }) => {
  const page = await open();
  await signIn(page);
  await page.route("**/devices", async (route) => {
    const response = await route.fetch();
    const list = await response.json();
    for (const device of list.items) device.trustExpiresAt = "2026-01-01T00:00:00Z";
    await route.fulfill({ response, json: list });
  });
  await reload(page);
  const [before] = await ids(devices(page));
  const prompt = section(page, "This device is no longer trusted");
  await button(prompt, "Sign in again").click();
  await page.getByRole("dialog", { name: "This device is no longer trusted" }).waitFor();
  await button(page, "Cancel").click();
  assert.equal(await devices(page).count(), 1, "nothing is done before the answer");

  await button(prompt, "Sign in again").click();
  await button(page.getByRole("dialog"), "Sign in again").click();
  await heading(page, "Sign in").waitFor();
  await page.unroute("**/devices");
  assert.equal(await signIn(page), "code");
  assert.equal(await devices(page).count(), 1);
  assert.notDeepEqual(await ids(devices(page)), [before]);
};

/** Another tab of the browser follows, without a call. */
export const twoTabs = async ({ open }) => {
  const page = await open();
  const other = await page.context().newPage();
  await other.goto(page.url());
  await signIn(page);
  await loaded(other);
  await signOut(page);
  await other.getByText("You have signed out in another tab.").waitFor();
};

/** No name is too long for a phone, and no device too odd. */
export const oddDevices = async ({ open, cognito }) => {
  await cognito("sign-in", { device_name: "x".repeat(1024) });
  await cognito("sign-in");
  const page = await open();
  await page.setViewportSize({ width: 390, height: 844 });
  await signIn(page);
  const long = devices(page).filter({ hasText: "xxx" });
  assert.equal(await long.locator("h3").textContent(), `${"x".repeat(60)}…`);
  assert.equal(await long.locator("h3 bdi").getAttribute("title"), "x".repeat(1024));
  assert((await page.evaluate(() => document.documentElement.scrollWidth)) <= 390);
  await button(page, /^Forget .*Unnamed device/).waitFor();
};

/** Wrong passwords and codes say so. */
export const wrongCredentials = async ({ open }) => {
  const page = await open();
  await page.getByLabel("User name").fill("demo");
  await page.getByLabel("Password").fill("wrong");
  await button(page, "Sign in").click();
  await page.getByRole("alert").getByText("The user name or the password is wrong.").waitFor();
  await enterPassword(page, ALWAYS);
  await page.getByLabel("Code").fill("000000");
  await button(page, "Continue").click();
  await page.getByRole("alert").getByText("That code is wrong.").waitFor();
  await button(page, "Back").click();
  assert.equal(await page.getByText("That code is wrong.").count(), 0);
  await button(page, "Sign in").click();
  await enterCode(page);
  await loaded(page);
};

/** While it loads, when it fails, and when it is tried again. */
export const failures = async ({ open, cognito }) => {
  const page = await open();
  await signIn(page);
  const failure = (code) => page.locator(`[data-code=${code}]`);

  await cognito("faults", { operation: "ListDevices", fault: "delay", seconds: 1, times: 1 });
  await page.reload();
  await page.getByText("Loading your devices").waitFor({ state: "attached" });
  await loaded(page);

  await cognito("faults", { operation: "ListDevices", fault: "throttle", times: 100 });
  await page.reload();
  await failure("quota-exceeded").getByText("A lot is going on right now.").waitFor();
  await sessions(page).waitFor(); // they are there all the same
  await cognito("reset-faults");
  await button(page, "Try again").click();
  await devices(page).waitFor();

  const off = { fault: "error", type: "OperationNotEnabledException", times: 100 };
  await cognito("faults", { operation: "ListUserSessions", ...off });
  await reload(page);
  await failure("session-tracking-unavailable").waitFor();
  assert.equal(await devices(page).count(), 1);
  assert.equal(await failure("session-tracking-unavailable").getByRole("button").count(), 0);

  const broken = { operation: "ListDevices", fault: "internal_error" };
  await cognito("faults", { ...broken, times: 100 });
  await page.reload();
  await failure("upstream-error").getByText("Reference: ").waitFor();
};

/** Too many calls: the page says how long to wait, and does not let anybody try before. */
export const rateLimited = async ({ open }) => {
  const page = await open();
  await signIn(page, FEW_CALLS);
  for (let i = 0; i < 3; i++) await page.reload({ waitUntil: "networkidle" });
  const failure = page.locator("[data-code=rate-limited]").first();
  await failure.waitFor();
  assert(await failure.getByRole("button", { name: /^Try again in \d+ seconds?$/ }).isDisabled());
};

/** Offline: the page says so, keeps what it shows, and goes on by itself when back online. */
export const offline = async ({ open }) => {
  const page = await open();
  await signIn(page);
  await page.context().setOffline(true);
  await page.getByText("You are offline.").waitFor();
  assert.equal(await devices(page).count(), 1);
  await button(page, "Stop remembering").click();
  await message(page, "The service cannot be reached.");
  await page.context().setOffline(false);
  await page.getByText("You are offline.").waitFor({ state: "detached" });

  await page.route("**/devices", (route) => route.abort("connectionrefused"));
  await page.reload();
  await page.locator("[data-code=unreachable]").waitFor();
  await page.unroute("**/devices");
  await page.evaluate(() => window.dispatchEvent(new Event("online")));
  await devices(page).waitFor();
};

/** axe-core finds nothing in any state, in either theme, on a phone or a desktop. */
export const accessibility = async ({ open, cognito, audit }) => {
  await cognito("sign-in", { device_name: "Ada's iPhone", count: 2 });
  const page = await open();
  const everywhere = async (state) => {
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      for (const width of [390, 1280]) {
        await page.setViewportSize({ width, height: 844 });
        assert.deepEqual(await audit(page), [], `${state}, ${colorScheme}, ${width}`);
        const scrolls = await page.evaluate(() => document.documentElement.scrollWidth);
        assert(scrolls <= width, `${state}: ${scrolls} on a screen of ${width}`);
      }
    }
  };
  await heading(page, "Sign in").waitFor();
  await everywhere("signing in");
  await enterPassword(page, OPT_IN);
  await everywhere("code");
  await enterCode(page);
  await heading(page, "Do you trust this device?").waitFor();
  await loaded(page);
  await everywhere("opt-in prompt");
  await signOut(page);
  await signIn(page);
  await everywhere("lists");
  await button(page, "Forget all others").click();
  await everywhere("dialog");
  await page.keyboard.press("Escape");
  await button(page, "Stop remembering").click();
  await button(page, "Undo").waitFor();
  await everywhere("message");
  await cognito("faults", { operation: "*", fault: "throttle", times: 100 });
  await page.reload();
  await page.locator("[data-code=quota-exceeded]").nth(1).waitFor();
  await everywhere("failures");
};
