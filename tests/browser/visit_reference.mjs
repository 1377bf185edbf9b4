// Runs one visit of reference_visits.mjs in Chromium. In the environment: VISIT, the visit's name;
// SERVICE_URL; COGNITO_URL; AXE, the path of axe-core's script; CHROMIUM, its path.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { launch } from "../chromium.mjs";
import * as visits from "./reference_visits.mjs";

const { VISIT, SERVICE_URL, COGNITO_URL, AXE, CHROMIUM } = process.env;

const cognito = async (call, body) => {
  const answer = await fetch(`${COGNITO_URL}/_local/${call}`, {
    method: "POST",
    body: JSON.stringify(body),
  });
  assert.equal(answer.status, 200, await answer.text());
};

/** Text that axe-core finds too faint (WCAG 2, contrast minimum). */
const contrast = async (page) => {
  await page.evaluate(readFileSync(AXE, "utf8"));
  return page.evaluate(async () => {
    const { violations } = await window.axe.run({ runOnly: ["color-contrast"] });
    return violations.flatMap((it) => it.nodes.map((node) => `${node.html}: ${node.any[0].message}`));
  });
};

const browser = await launch(CHROMIUM);
try {
  const page = await browser.newPage();
  page.setDefaultTimeout(60_000);
  const errors = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  await visits[VISIT](page, { serviceUrl: SERVICE_URL, cognito, contrast });
  assert.deepEqual(errors, []);
} finally {
  await browser.close();
}
