// Credit that ends in the middle of a conversation. The installation of these tests asks so much for a message that the
// smallest payment is for two.

import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chat, launch, say, shop, site } from "./shop.ts";
import { addBalance, expectBalance, open } from "./steps.ts";
import { test as base, expect } from "./test.ts";

async function freePort(): Promise<number> {
  const listener = createServer();
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  const { port } = listener.address() as AddressInfo;
  await new Promise((resolve) => listener.close(resolve));
  return port;
}

/** An installation of its own, in place of the one that all other tests share. */
const test = base.extend({
  baseURL: async ({}, use) => {
    const folder = mkdtempSync(join(tmpdir(), "artiko-dear-"));
    const plans = readFileSync(join(import.meta.dirname, "../server/plans.toml"), "utf8");
    writeFileSync(join(folder, "plans.toml"), plans.replace('price_per_message = "0.002"', 'price_per_message = "2.5"'));
    const address = `127.0.0.1:${await freePort()}`;
    const server = spawn("./serve", ["--address", address, "--plans", join(folder, "plans.toml")], {
      cwd: import.meta.dirname,
      stdio: ["ignore", "ignore", "inherit"],
    });
    const ready = () => fetch(`http://${address}/readyz`).then((answer) => answer.ok, () => false);
    await expect.poll(ready, { timeout: 20_000 }).toBe(true);
    await use(`http://${address}`);
    const ended = new Promise((resolve) => server.once("exit", resolve));
    server.kill("SIGTERM");
    await ended;
    rmSync(folder, { recursive: true, force: true });
  },
});

test.use({ permissions: ["clipboard-read", "clipboard-write"] });

test("a conversation goes on until the credit is gone, and again when there is some", async ({ page, baseURL, expectErrors }) => {
  test.slow();
  expectErrors(/status of 402/);
  const lamps = await site(baseURL!);
  await shop(page, lamps);
  await addBalance(page, "5");
  const visitor = await page.context().newPage();
  await visitor.goto(lamps.origin());
  await launch(visitor).click();
  await expect(await say(visitor, "When does the shop open?")).toContainText("The shop opens at nine.");
  await expect(await say(visitor, "Does it open at nine?")).not.toContainText("not available");
  await open(page, "/settings");
  await expectBalance(page, "$0.000000");
  for (const again of [1, 2]) {
    const log = await say(visitor, `And the shop on Sunday, ${again}?`);
    await expect(log.getByText("This chat is not available right now.")).toHaveCount(again);
  }
  await expect(chat(visitor)).not.toContainText(/credit|balance|paid|\$/i);
  await open(page, "/usage");
  await expect(page.getByRole("row", { name: /Total of 3 entries/ })).toContainText("$5.000000");

  await addBalance(page, "5");
  // The page of the visitor was open all the time.
  await chat(visitor).getByRole("button", { name: "Try again" }).first().click();
  await expect(chat(visitor).getByRole("button", { name: "Send" })).toBeEnabled();
  await expect(chat(visitor).getByText("This chat is not available right now.")).toHaveCount(1);
  await expect(await say(visitor, "When does the shop open on Monday?")).toContainText("The shop opens at nine.");
  await open(page, "/settings");
  await expectBalance(page, "$0.000000");
  await open(page, "/conversations?channel=widget");
  const listed = page.getByRole("region", { name: "Conversations" }).getByRole("listitem");
  await expect(listed).toHaveCount(1);
  await expect(listed).toContainText("4 messages");
  lamps.close();
});
