// Runs one visit of docs.mjs in Chromium, and fails on what no visitor should meet.
// In the environment: VISIT, the visit's name; SERVICE_URL; COGNITO_URL; CHROMIUM, its path.
import assert from "node:assert/strict";
import { launch } from "../chromium.mjs";
import * as visits from "./docs.mjs";

const { VISIT, SERVICE_URL, COGNITO_URL, CHROMIUM } = process.env;
const browser = await launch(CHROMIUM);
try {
  const context = await browser.newContext({
    viewport: { width: Number(process.env.WIDTH ?? 1280), height: 900 },
  });
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  const asked = [];
  const complaints = [];
  page.on("request", (request) => asked.push(request.url()));
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));

  await visits[VISIT](page, { serviceUrl: SERVICE_URL, cognitoUrl: COGNITO_URL });

  assert.deepEqual(complaints, []);
  const local = [`${SERVICE_URL}/`, `${COGNITO_URL}/_local/sign-in`, "data:", "blob:"];
  assert.deepEqual(
    asked.filter((url) => !local.some((start) => url.startsWith(start))),
    [],
    "a request left this machine",
  );
} finally {
  await browser.close();
}
