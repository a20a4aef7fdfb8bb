// Takes a picture of every page of the demonstration, wide, medium and narrow, light and dark, and the README's own.
//
//   node end2end/pictures.ts [folder]     into the folder, end2end/pictures when none is given
//
// It starts the release with --demo on a port of its own. Its use is to be looked at: tests cannot see ugliness.

import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium, type Page } from "@playwright/test";
import { browserArguments, executablePath } from "./browser.ts";

const root = join(import.meta.dirname, "..");
const target = process.env.CARGO_TARGET_DIR ?? join(root, "target");
const folder = process.argv[2] ?? join(import.meta.dirname, "pictures");
const address = "127.0.0.1:43118";
const widths = [1280, 768, 360];
const themes = ["light", "dark"] as const;
const pages: Record<string, string> = {
  dashboard: "/",
  chatbots: "/chatbots",
  "new-chatbot": "/chatbots?new",
  documents: "/documents",
  "add-document": "/documents?add",
  conversations: "/conversations",
  usage: "/usage",
  "usage-by-chatbot": "/usage?by=chatbot",
  entry: "/usage/entries/2",
  settings: "/settings",
  "add-balance": "/settings?add-balance=25",
  "compare-plans": "/settings?compare-plans",
  "generate-key": "/settings?generate-key",
  payments: "/settings/payments",
  billing: "/settings/billing",
  reference: "/reference",
  operation: "/reference/createMessage",
  support: "/support",
  guide: "/support/guide/keys",
  account: "/account",
  "not-found": "/nothing-here",
};

/** Starts the demonstration and resolves with how to sign in, which it prints. */
async function startDemo() {
  const data = mkdtempSync(join(tmpdir(), "artiko-pictures-"));
  const binary = process.env.ARTIKO_BINARY ?? join(target, "release/artiko");
  const site = process.env.ARTIKO_SITE_ROOT ?? join(target, "site");
  const server = spawn(binary, ["--demo", "--site-root", site, "--data-dir", data, "--address", address, "--log", "warn"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let printed = "";
  const stop = () => {
    server.kill("SIGTERM");
    rmSync(data, { recursive: true, force: true });
  };
  for await (const chunk of server.stdout) {
    printed += String(chunk);
    const [, email, password] = /sign in as (\S+) with the password (.+)/.exec(printed) ?? [];
    if (email && password && printed.includes("ready at")) return { email, password: password.trim(), stop };
  }
  stop();
  throw new Error(`the demonstration did not start: ${printed}`);
}

async function take(page: Page, name: string, fullPage = true): Promise<void> {
  await page.waitForLoadState("load");
  // Long enough for local times, the chart and fonts to settle.
  await page.waitForTimeout(400);
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage });
}

const demo = await startDemo();
const browser = await chromium.launch({ executablePath, args: browserArguments });
try {
  mkdirSync(folder, { recursive: true });
  for (const colorScheme of themes) {
    for (const width of widths) {
      const viewport = { width, height: width < 500 ? 740 : 800 };
      const context = await browser.newContext({ baseURL: `http://${address}`, colorScheme, viewport, locale: "en-GB" });
      const page = await context.newPage();
      const name = (page: string) => `${page}-${width}-${colorScheme}`;
      await page.goto("/sign-up");
      await take(page, name("sign-up"));
      await page.goto("/sign-in");
      await take(page, name("sign-in"));
      await page.getByLabel("E-mail").fill(demo.email);
      await page.getByLabel("Password").fill(demo.password);
      await page.getByRole("button", { name: "Sign in" }).click();
      await page.getByRole("heading", { name: "API Plans & Settings", level: 1 }).waitFor();
      for (const [title, path] of Object.entries(pages)) {
        await page.goto(path);
        await take(page, name(title), !path.includes("?"));
      }
      await page.goto("/chatbots");
      await page.getByRole("listitem").getByRole("link").first().click();
      await page.getByLabel("Message", { exact: true }).waitFor();
      await take(page, name("chatbot"));
      await page.goto("/settings/payments");
      await page.getByRole("link", { name: /^Receipt R-/ }).first().click();
      await page.getByRole("link", { name: "Download PDF" }).waitFor();
      await take(page, name("receipt"));
      await page.goto("/settings");
      await page.locator(".keys").getByRole("rowheader").first().getByRole("link").click();
      await page.getByRole("region", { name: "Secrets" }).waitFor();
      await take(page, name("key"));
      await page.goto("/settings?add-balance=25");
      await page.getByRole("button", { name: "Continue to payment" }).click();
      await page.getByLabel("Card number").waitFor();
      await take(page, name("pay"));
      await page.getByRole("button", { name: "Cancel and go back" }).click();
      await page.getByRole("heading", { name: "API Plans & Settings", level: 1 }).waitFor();
      if (width === 1280 && colorScheme === "light") {
        await page.goto("/settings");
        await page.setViewportSize({ width: 1280, height: 1010 });
        await page.waitForTimeout(400);
        mkdirSync(join(root, "docs/images"), { recursive: true });
        await page.screenshot({ path: join(root, "docs/images/settings.png") });
      }
      await context.close();
    }
  }
  console.log(`The pictures are in ${folder}`);
} finally {
  await browser.close();
  demo.stop();
}
