// The main way of <your-devices>, in browsers that Playwright does not drive as Debian brings them.
// What each visit is given: visitor.mjs; its page is Puppeteer's or, in WebKit, as much of it.

/** The first shown of `selector` that has `text`: in the component, or in its row about `row`; before
 * there is one, on the page. */
const find = (page, selector, text, row = "") =>
  page.waitForFunction(
    (wanted, within, about) => {
      const root = document.querySelector("your-devices")?.shadowRoot ?? document;
      const rows = [...root.querySelectorAll(".row")];
      const place = about === "" ? root : rows.find((it) => it.textContent.includes(about));
      return [...(place?.querySelectorAll(wanted) ?? [])].find(
        (it) => it.checkVisibility() && it.textContent.includes(within),
      );
    },
    {},
    selector,
    text,
    row,
  );
const press = async (...button) => (await find(...button)).click();
const gone = (page, text) =>
  page.waitForFunction(
    (absent) => {
      const rows = document.querySelector("your-devices").shadowRoot.querySelectorAll(".row");
      return rows.length > 0 && [...rows].every((it) => !it.textContent.includes(absent));
    },
    {},
    text,
  );
const told = (page, type) =>
  page.waitForFunction((wanted) => window.told.find((it) => it.type === wanted), {}, type);

const FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0";

/** On the page around it somebody signs in, and is shown this device. */
export const signIn = async ({ open }) => {
  const page = await open();
  await press(page, "button", "Fill in the demo user");
  await press(page, "button", "Sign in");
  await press(page, "button", "Fill in the demo user’s code");
  await page.waitForFunction(() => document.querySelector(".code").value.length === 6);
  await press(page, "button", "Continue");
  await find(page, "[data-device].current .badge", "This device");
  await find(page, "[data-session].current .badge", "This session");
};

/** Somebody who is signed in: both lists are there, and this browser is marked on each. */
export const lists = async ({ open, cognito }) => {
  await cognito("sign-in", { device_name: "Ada's iPhone" });
  const { access_token: token } = await cognito("sign-in", { device_name: "Here" });
  const page = await open(`/?${new URLSearchParams({ token })}`);
  await find(page, "[data-device] h3", "Ada's iPhone");
  await find(page, "[data-device].current .badge", "This device", "Here");
  await find(page, "[data-session].current .badge", "This session");
};

/** A device is forgotten, after a question. */
export const forget = async ({ open, cognito }) => {
  await cognito("sign-in", { device_name: "Ada's iPhone" });
  const { access_token: token } = await cognito("sign-in", { device_name: "Here" });
  const page = await open(`/?${new URLSearchParams({ token })}`);
  await press(page, "button", "Forget", "Ada's iPhone");
  await press(page, "dialog[open] button", "Forget device");
  await find(page, ".toast", "is forgotten.");
  await gone(page, "Ada's iPhone");
  await told(page, "changed");
};

/** A session is ended, after a question. */
export const end = async ({ open, cognito }) => {
  await cognito("sign-in", { user_agent: FIREFOX });
  const { access_token: token } = await cognito("sign-in", { device_name: "Here" });
  const page = await open(`/?${new URLSearchParams({ token })}`);
  await press(page, "[data-session] button", "End", "Firefox");
  await press(page, "dialog[open] button", "End session");
  await find(page, ".toast", "has ended.");
  await gone(page, "Firefox");
};

/** A sign-in that is too old: the page is asked, and the call is repeated. */
export const stepUp = async ({ open, cognito }) => {
  await cognito("sign-in", { device_name: "Ada's iPhone" });
  const { access_token: fresh } = await cognito("sign-in", { device_name: "Here" });
  const { token } = await cognito("tokens", { claims: { auth_time: 1_700_000_000 } });
  const page = await open(`/?${new URLSearchParams({ token, fresh })}`);
  await press(page, "button", "Forget", "Ada's iPhone");
  await press(page, "dialog[open] button", "Forget device");
  await told(page, "reauthenticate");
  await find(page, ".toast", "is forgotten.");
};
