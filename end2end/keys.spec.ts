// API keys: the secret is shown once, copied, saved; keys are replaced, deleted and limited.

import { readFile } from "node:fs/promises";
import type { Page } from "@playwright/test";
import { createKey, keyAction, keysCard, open, shownKey, signUp } from "./steps.ts";
import { expect, test } from "./test.ts";

test.use({ permissions: ["clipboard-read", "clipboard-write"] });

const row = (page: Page, name: string) => keysCard(page).getByRole("row").filter({ has: page.getByRole("rowheader", { name }) });
const clipboard = (page: Page) => page.evaluate(() => navigator.clipboard.readText());

test("a new key shows its secret once", async ({ page }) => {
  await signUp(page);
  await open(page, "/settings");
  await keysCard(page).getByRole("button", { name: "Generate API Key" }).click();
  await page.getByRole("dialog", { name: "Generate API Key" }).getByLabel("Name").fill("Production");
  await page.getByRole("button", { name: "Generate", exact: true }).click();
  const shown = page.getByRole("dialog", { name: "Your new API key" });
  await expect(shown).toContainText("The secret is shown only this once");
  const { consumerKey, consumerSecret } = await shownKey(shown);
  expect(consumerKey).toMatch(/^ck_[0-9A-Za-z]{20}$/);
  expect(consumerSecret).toMatch(/^sk_[0-9A-Za-z]{42}$/);

  // It can be copied, and kept as a file.
  await shown.getByRole("button", { name: "Copy the Consumer Key" }).click();
  await expect.poll(() => clipboard(page)).toBe(consumerKey);
  await shown.getByRole("button", { name: "Copy the Consumer Secret" }).click();
  await expect.poll(() => clipboard(page)).toBe(consumerSecret);
  const downloading = page.waitForEvent("download");
  await shown.getByRole("link", { name: "Download .env" }).click();
  const download = await downloading;
  expect(download.suggestedFilename()).toMatch(/\.env$/);
  expect(await readFile(await download.path(), "utf8")).toBe(
    `ARTIKO_CONSUMER_KEY=${consumerKey}\nARTIKO_CONSUMER_SECRET=${consumerSecret}\n`,
  );

  // It does not close before somebody says that he has it.
  await expect(shown.getByRole("button", { name: "Done" })).toBeDisabled();
  await page.keyboard.press("Escape");
  await expect(shown).toBeVisible();
  await shown.getByLabel("I have saved the secret").check();
  await shown.getByRole("button", { name: "Done" }).click();
  await expect(shown).toBeHidden();

  // Afterwards the key is listed and the secret is nowhere.
  await expect(row(page, "Production")).toContainText(consumerKey.slice(0, 15));
  await expect(row(page, "Production")).toContainText("never");
  expect(await page.content()).not.toContain(consumerSecret);
  await open(page, "/settings");
  await expect(row(page, "Production")).toBeVisible();
  expect(await page.content()).not.toContain("sk_");
});

test("regenerating changes the secret and nothing else", async ({ page }) => {
  await signUp(page);
  const before = await createKey(page, "Production");
  await keyAction(page, "Production", "Regenerate");
  const dialog = page.getByRole("dialog", { name: "Regenerate API key" });
  await dialog.getByRole("button", { name: "Regenerate" }).click();
  const shown = page.getByRole("dialog", { name: "Your new secret" });
  const after = await shownKey(shown);
  expect(after.consumerKey).toBe(before.consumerKey);
  expect(after.consumerSecret).not.toBe(before.consumerSecret);
  await shown.getByLabel("I have saved the secret").check();
  await shown.getByRole("button", { name: "Done" }).click();
  await expect(keysCard(page)).toContainText("1 of 5");
});

test("a key is deleted only when its name is typed", async ({ page, expectErrors }) => {
  expectErrors(/status of 422/);
  await signUp(page);
  await createKey(page, "Production");
  await keyAction(page, "Production", "Delete");
  const dialog = page.getByRole("dialog", { name: "Delete API key" });
  const name = dialog.getByLabel("Type Production to confirm");
  await name.fill("production?");
  await dialog.getByRole("button", { name: "Delete" }).click();
  await expect(dialog.getByRole("alert")).toBeVisible();
  await expect(name).toHaveValue("production?");
  await name.fill("Production");
  await dialog.getByRole("button", { name: "Delete" }).click();
  await expect(dialog).toBeHidden();
  await expect(keysCard(page)).toContainText("No API keys yet");
});

test("a plan has five keys and refuses the sixth", async ({ page, expectErrors }) => {
  expectErrors(/status of 403/);
  await signUp(page);
  for (const name of ["One", "Two", "Three", "Four"]) {
    expect((await page.request.post("/settings/keys", { form: { name } })).ok()).toBe(true);
  }
  await createKey(page, "Five");
  await expect(keysCard(page)).toContainText("5 of 5");
  await open(page, "/settings?generate-key");
  const dialog = page.getByRole("dialog", { name: "Generate API Key" });
  await dialog.getByLabel("Name").fill("Six");
  await dialog.getByRole("button", { name: "Generate" }).click();
  await expect(dialog.getByRole("alert")).toContainText("allows 5 API keys");
  await expect(dialog.getByLabel("Name")).toHaveValue("Six");
});

test("a form that is sent before the page is alive does not lose the secret", async ({ page }) => {
  await signUp(page);
  // The file never arrives, as on a slow line.
  await page.route("**/*.wasm", () => {});
  await page.goto("/settings?generate-key", { waitUntil: "domcontentloaded" });
  const dialog = page.getByRole("dialog", { name: "Generate API Key" });
  await dialog.getByLabel("Name").fill("Early");
  await dialog.getByRole("button", { name: "Generate" }).click();
  await expect(page.getByRole("heading", { name: "Your new API key" })).toBeVisible();
  const { consumerSecret } = await shownKey(page.getByRole("main"));
  expect(consumerSecret).toMatch(/^sk_[0-9A-Za-z]{42}$/);
  await page.unrouteAll({ behavior: "ignoreErrors" });
  await page.getByLabel("I have saved the secret").check();
  await page.getByRole("button", { name: "Done" }).click();
  await expect(row(page, "Early")).toBeVisible();
});

test("a secret that is regenerated before the page is alive is not lost either", async ({ page }) => {
  await signUp(page);
  const before = await createKey(page, "Production");
  await page.route("**/*.wasm", () => {});
  await page.goto("/settings", { waitUntil: "domcontentloaded" });
  await keyAction(page, "Production", "Regenerate");
  await page.getByRole("dialog", { name: "Regenerate API key" }).getByRole("button", { name: "Regenerate" }).click();
  await expect(page.getByRole("heading", { name: "Your new API key" })).toBeVisible();
  const after = await shownKey(page.getByRole("main"));
  expect(after.consumerKey).toBe(before.consumerKey);
  expect(after.consumerSecret).not.toBe(before.consumerSecret);
  await page.unrouteAll({ behavior: "ignoreErrors" });
});
