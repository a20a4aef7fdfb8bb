// What every run of the browser tests has in common, whatever server it starts. Nothing is tried twice: a test that passes
// only sometimes is a defect of the test or of the product.

import type { PlaywrightTestConfig } from "@playwright/test";
import { browserArguments, executablePath } from "./browser.ts";

export const desktop = { width: 1280, height: 800 };

/** A server that a run starts and stops. One that is there already is noticed and never tested. */
export const started = {
  timeout: 30_000,
  reuseExistingServer: false,
  gracefulShutdown: { signal: "SIGTERM", timeout: 10_000 },
  stdout: "ignore",
  stderr: "pipe",
} as const;

export const common = (port: number): PlaywrightTestConfig => ({
  testDir: ".",
  // Two runs at once must not empty each other's folder.
  outputDir: `test-results/${port}`,
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
    // A picture of every moment takes a quarter of the time; what the pages held is kept, and a picture of the end.
    trace: { mode: "retain-on-failure", screenshots: false },
    screenshot: "only-on-failure",
    launchOptions: { executablePath, args: browserArguments },
  },
});
