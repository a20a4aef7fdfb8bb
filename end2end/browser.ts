// Which Chromium is started and how, in one place, because the tests, the pictures and the measurements all start it.

import { existsSync } from "node:fs";

/** The system's Chromium where there is one; elsewhere Playwright's own. */
export const executablePath = ["/usr/bin/chromium", "/usr/bin/chromium-browser"].find((path) => existsSync(path));

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
