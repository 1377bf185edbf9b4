// Starts a browser for visits: no window, and nothing of its own on the network. Each is what its
// Debian package brings: Playwright drives Chromium; Puppeteer Firefox, by WebDriver BiDi (Playwright
// wants a Firefox of its own make); Selenium WebKit, by WebDriver.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chromium as playwright } from "playwright-core";
import puppeteer from "puppeteer-core";
import { Builder } from "selenium-webdriver";
import { DriverService } from "selenium-webdriver/remote/index.js";

export const chromium = (executablePath) =>
  playwright.launch({
    executablePath,
    args: [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });

export const firefox = async (executablePath) => {
  const browser = await puppeteer.launch({ browser: "firefox", executablePath, headless: true });
  return { newContext: () => browser.createBrowserContext(), close: () => browser.close() };
};

/** WebKitGTK's MiniBrowser, on a display that nobody sees. Its page is what visits use of Puppeteer's;
 * what it asks, and what its console says, WebDriver does not tell. */
export const webkit = async (executablePath) => {
  const display = spawn("Xvfb", ["-displayfd", "1"], { stdio: ["ignore", "pipe", "ignore"] });
  process.on("exit", () => display.kill());
  const [number] = await once(display.stdout, "data");
  const service = new DriverService.Builder(executablePath)
    .setLoopback(true)
    .setEnvironment({ ...process.env, DISPLAY: `:${String(number).trim()}` })
    .build();
  const url = await service.start();
  const newContext = async () => {
    const driver = await new Builder().usingServer(url).forBrowser("MiniBrowser").build();
    let patience;
    const page = {
      setDefaultTimeout: (milliseconds) => (patience = milliseconds),
      on: () => undefined,
      goto: (address) => driver.get(address),
      waitForFunction: (script, _, ...given) =>
        driver.wait(() => driver.executeScript(script, ...given), patience, String(script)),
    };
    return { newPage: () => page, close: () => driver.quit() };
  };
  const close = async () => {
    await service.kill();
    display.kill();
  };
  return { newContext, close };
};
