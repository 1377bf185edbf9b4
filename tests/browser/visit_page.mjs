// Runs one visit of page_visits.mjs in Chromium, and fails on what no visitor should meet.
// In the environment: VISIT, the visit's name; PAGE_URL; COGNITO_URL; API_URLS, with commas; AXE, the
// path of axe-core's script; CHROMIUM, its path.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { launch } from "../chromium.mjs";
import * as visits from "./page_visits.mjs";

const { VISIT, PAGE_URL, COGNITO_URL, API_URLS, AXE, CHROMIUM } = process.env;
const complaints = [];
const asked = [];

const cognito = async (call, body = {}) => {
  const [path, method] = call === "reset-faults" ? ["faults", "DELETE"] : [call, "POST"];
  const send = method === "POST" ? { method, body: JSON.stringify(body) } : { method };
  const answer = await fetch(`${COGNITO_URL}/_local/${path}`, send);
  assert.equal(answer.status, 200, await answer.clone().text());
  return answer.json();
};

/** axe-core's violations, each with the elements that have it. */
const audit = async (page) => {
  await page.evaluate(readFileSync(AXE, "utf8")); // not as a script element: the policy forbids it
  return page.evaluate(async () => {
    const { violations } = await window.axe.run();
    return violations.map((it) => `${it.id}: ${it.nodes.map((node) => node.html).join(" ")}`);
  });
};

const browser = await launch(CHROMIUM);
/** A browser profile of its own, with the page at the sign-in. */
const open = async () => {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  page.on("request", (request) => asked.push(request.url()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => {
    // Refused calls are errors to the console, and what many visits are about.
    const refused = message.text().startsWith("Failed to load resource");
    if (message.type() === "error" && !refused) complaints.push(message.text());
  });
  await page.goto(PAGE_URL);
  await page.getByRole("heading", { name: "Sign in", exact: true }).waitFor();
  return page;
};
try {
  await visits[VISIT]({ open, cognito, audit });
  assert.deepEqual(complaints, []);
  const ours = [PAGE_URL, COGNITO_URL, ...API_URLS.split(",")].map((url) => `${url}/`);
  assert.deepEqual(
    asked.filter((url) => !ours.some((start) => url.startsWith(start))),
    [],
    "a request left this machine",
  );
} finally {
  await browser.close();
}
