// Which Chromium is started and how, in one place, because the tests, the pictures and the measurements all start it.

import { existsSync } from "node:fs";

/** The system's Chromium where there is one, without windows where it can be had, which is quicker; elsewhere Playwright's own. */
export const executablePath = ["chromium-headless-shell", "chromium", "chromium-browser"]
  .map((name) => `/usr/bin/${name}`)
  .find((path) => existsSync(path));

/** Quiet and alone: no sandbox (it cannot be had in a container), no network of its own. */
export const browserArguments = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
