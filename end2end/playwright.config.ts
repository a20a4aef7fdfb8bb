// How the browser tests run: the release binary on a fresh database, in Chromium, light and dark, wide and narrow.
// Nothing is tried twice: a test that passes only sometimes is a defect of the test or of the product.

import { defineConfig } from "@playwright/test";
import { browserArguments, executablePath } from "./browser.ts";
import { mailFolder, operatorEmails } from "./mails.ts";

/** script/test gives a free one. A server that is there already is noticed and never tested. */
const port = Number(process.env.ARTIKO_TEST_PORT ?? 43117);
const desktop = { width: 1280, height: 800 };
const withoutJavaScript = /nojs\.spec\.ts/;
/** What programs do with the examples is the same however wide the page is that shows them. */
const ofOneWindow = /snippets\.spec\.ts/;
/** stripe.config.ts has them: they need another server. */
const ofAnotherServer = /stripe(_console)?\.spec\.ts/;

export default defineConfig({
  testDir: ".",
  testMatch: "*.spec.ts",
  // Two runs at once must not empty each other's folder.
  outputDir: `test-results/${port}`,
  fullyParallel: true,
  forbidOnly: true,
  retries: 0,
  workers: 2,
  timeout: 30_000,
  expect: { timeout: 7_500 },
  reporter: [["list"]],
  use: {
    baseURL: `http://127.0.0.1:${port}`,
    locale: "en-GB",
    timezoneId: "Europe/Zurich",
    trace: "retain-on-failure",
    screenshot: "only-on-failure",
    launchOptions: { executablePath, args: browserArguments },
  },
  projects: [
    { name: "desktop-light", testIgnore: [withoutJavaScript, ofAnotherServer], use: { viewport: desktop, colorScheme: "light" } },
    { name: "desktop-dark", testIgnore: [withoutJavaScript, ofOneWindow, ofAnotherServer], use: { viewport: desktop, colorScheme: "dark" } },
    {
      name: "mobile",
      testIgnore: [withoutJavaScript, ofOneWindow, ofAnotherServer],
      use: { viewport: { width: 360, height: 740 }, colorScheme: "light", hasTouch: true },
    },
    { name: "nojs", testMatch: withoutJavaScript, use: { viewport: desktop, javaScriptEnabled: false } },
  ],
  webServer: {
    command: `./serve --address 127.0.0.1:${port} --operator-emails ${operatorEmails.join(",")}`,
    env: { ARTIKO_TEST_MAILS: mailFolder },
    url: `http://127.0.0.1:${port}/readyz`,
    timeout: 30_000,
    reuseExistingServer: false,
    gracefulShutdown: { signal: "SIGTERM", timeout: 10_000 },
    stdout: "ignore",
    stderr: "pipe",
  },
});
