// Does visits in one browser, each in browser profiles of its own. An order is a line of JSON on
// standard input: the file of `visits`, the visit's `name`, the `url` it is about, the starts of what
// it may `ask` besides, `cognitoUrl`, and whether it is `strict`: no refused call, and no warning on
// the console. Its outcome is a line of JSON on standard output: `failure` is what went wrong, or null.
// Lines before it each name a `step` that the other side takes, and answers with a line.
// Arguments: the browser's name in browsers.mjs, its program, and axe-core's script.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { setTimeout } from "node:timers/promises";
import * as browsers from "./browsers.mjs";

const LONGEST_VISIT = 110_000; // milliseconds; pytest gives up a little later
const [browserName, program, axePath] = process.argv.slice(2);
process.on("SIGTERM", () => process.exit(1)); // which ends the browser, too
const browser = await browsers[browserName](program);
const axe = readFileSync(axePath, "utf8");
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

/** Has a step taken, by its name. */
const step = async (name) => {
  console.log(JSON.stringify({ step: name }));
  await lines.next();
};

/** axe-core's violations, each with the elements that have it. */
const audit = async (page, options = {}) => {
  await page.evaluate(axe); // not as a script element: the policy forbids it
  return page.evaluate(async (given) => {
    const { violations } = await window.axe.run(given);
    return violations.map((it) => `${it.id}: ${it.nodes.map((node) => node.html).join(" ")}`);
  }, options);
};

const visit = async ({ visits, name, url, ask, cognitoUrl, strict }) => {
  const [profiles, asked, complaints] = [[], [], []];
  /** A page of a browser profile of its own, at `path`. `options`: Playwright's of a context. */
  const open = async (path = "/", options = {}) => {
    profiles.push(await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options }));
    const page = await profiles.at(-1).newPage();
    page.setDefaultTimeout(20_000);
    page.on("request", (request) => asked.push(request.url()));
    page.on("pageerror", (error) => complaints.push(String(error)));
    page.on("console", (message) => {
      const levels = strict ? ["error", "warning"] : ["error"];
      const excused = !strict && message.text().startsWith("Failed to load resource");
      if (levels.includes(message.type()) && !excused) complaints.push(message.text());
    });
    await page.goto(url + path);
    return page;
  };
  /** Steers the local Cognito. */
  const cognito = async (call, body = {}) => {
    const [path, method] = call === "reset-faults" ? ["faults", "DELETE"] : [call, "POST"];
    const send = method === "POST" ? { method, body: JSON.stringify(body) } : { method };
    const answer = await fetch(`${cognitoUrl}/_local/${path}`, send);
    assert.equal(answer.status, 200, await answer.clone().text());
    return answer.json();
  };
  try {
    const known = await import(`./${visits}`);
    const late = setTimeout(LONGEST_VISIT, null, { ref: false }).then(() => assert.fail("too long"));
    await Promise.race([known[name]({ open, cognito, audit, step }), late]);
    assert.deepEqual(complaints, []);
    const others = asked.filter((it) => ![`${url}/`, ...ask].some((start) => it.startsWith(start)));
    assert.deepEqual(others, [], "a request left this machine");
    return null;
  } catch (error) {
    return String(error.stack);
  } finally {
    await Promise.all(profiles.map((it) => it.close()));
  }
};

for (let line; !(line = await lines.next()).done; ) {
  console.log(JSON.stringify({ failure: await visit(JSON.parse(line.value)) }));
}
await browser.close();
