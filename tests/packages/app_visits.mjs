// What people do on a page that installed <your-devices> from npm. What a visit is given: visitor.mjs.
import assert from "node:assert/strict";

const titled = (page, title) => page.waitForFunction((it) => document.title === it, title);

/** It lists, forgets and tells the page; in German, which is a file of its own; until the session ends. */
export const works = async ({ open, cognito }) => {
  await cognito("sign-in", { device_name: "Ada's iPhone" });
  const { access_token: token } = await cognito("sign-in", { device_name: "Here" });
  const page = await open(`/?${new URLSearchParams({ token, lang: "de" })}`);
  await page.getByRole("heading", { name: "Geräte", exact: true }).waitFor();
  const devices = page.locator("[data-device]");
  await devices.nth(1).getByRole("button").click();
  await page.getByRole("dialog").getByRole("button").nth(1).click();
  await titled(page, "forgotten: 1");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  assert.equal(await devices.count(), 1);
  await cognito("reset");
  await devices.getByRole("button").click();
  await titled(page, "signed out");
};
