// Opens a page in Chromium and lets it call the API: what a page of its origin may do and read.
//
// node cors_pages.mjs CHROMIUM
// A JSON object on standard input: {pages: [{page, sandboxed}], api, token}. A JSON array on
// standard output: for each page what it found, {status, items, headers, preflighted, refused}.

import { readFileSync } from "node:fs";
import { launch } from "../chromium.mjs";

const order = JSON.parse(readFileSync(0, "utf8"));
const browser = await launch(process.argv[2]);

// Runs in the page.
const attempt = async ({ api, token }) => {
  const headers = { Authorization: `Bearer ${token}` };
  const found = { origin: self.origin };
  try {
    const answer = await fetch(`${api}/devices?limit=1`, { headers });
    found.status = answer.status;
    found.items = (await answer.json()).items.length;
    found.headers = [...answer.headers.keys()];
    const refused = await fetch(`${api}/devices`, { headers: { Authorization: "Bearer nonsense" } });
    found.problem = (await refused.json()).code;
    const change = await fetch(`${api}/devices/current`, {
      method: "PATCH",
      headers: { ...headers, "Content-Type": "application/json" },
      body: JSON.stringify({ status: "remembered" }),
    });
    found.changed = change.status;
  } catch (error) {
    found.refused = error.name;
  }
  try {
    const opaque = await fetch(`${api}/devices`, { mode: "no-cors" });
    found.unread = opaque.type === "opaque" && (await opaque.text()) === "";
  } catch (error) {
    found.unread = true;
  }
  return found;
};

try {
  const findings = [];
  for (const { page: address, sandboxed } of order.pages) {
    const page = await browser.newPage();
    await page.goto(address);
    let frame = page.mainFrame();
    if (sandboxed) {
      const element = await page.evaluateHandle(() => {
        const frame = document.createElement("iframe");
        frame.sandbox = "allow-scripts";
        frame.srcdoc = "<title>sandboxed</title>";
        document.body.append(frame);
        return frame;
      });
      frame = await element.contentFrame();
      await frame.waitForFunction(() => document.title === "sandboxed");
    }
    findings.push(await frame.evaluate(attempt, order));
    await page.close();
  }
  console.log(JSON.stringify(findings));
} finally {
  await browser.close();
}
