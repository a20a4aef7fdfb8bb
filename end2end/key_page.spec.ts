// The page of one key: what it may do, its two secrets while they overlap, switching it off and on.

import type { APIRequestContext, Page } from "@playwright/test";
import { addBalance, ask, createChatbot, createKey, keysCard, leave, open, shownKey, signUp, type Key } from "./steps.ts";
import { expect, test } from "./test.ts";

const card = (page: Page, name: string) => page.getByRole("region", { name, exact: true });

async function openKey(page: Page, name: string): Promise<string> {
  await open(page, "/settings");
  await keysCard(page).getByRole("link", { name, exact: true }).click();
  await expect(page.getByRole("heading", { level: 1, name })).toBeVisible();
  await expect(card(page, "Settings")).toBeVisible();
  return new URL(page.url()).pathname;
}

/** The code of the refusal; empty when the call was answered. */
async function code(request: APIRequestContext, key: Key, chatbot: string): Promise<string> {
  const answer = await ask(request, key, { chatbot_id: chatbot, user_message: "Hello?" });
  return answer.ok() ? "" : (await answer.json()).code;
}

/** Sends the settings of the key, and waits until the server has answered. */
async function save(page: Page, status = 200): Promise<void> {
  const answered = page.waitForResponse((response) => response.request().method() === "POST");
  await card(page, "Settings").getByRole("button", { name: "Save" }).click();
  expect((await answered).status()).toBe(status);
}

/** Gives the key of the open page a new secret; the old one works for so long. */
async function regenerate(page: Page, old: Key, overlap: string): Promise<Key> {
  await card(page, "Secrets").getByRole("button", { name: "Regenerate" }).click();
  const dialog = page.getByRole("dialog", { name: "Regenerate API key" });
  await dialog.getByLabel("The old secret works for").selectOption(overlap);
  await dialog.getByRole("button", { name: "Regenerate" }).click();
  const shown = page.getByRole("dialog", { name: "Your new secret" });
  const { consumerSecret } = await shownKey(shown);
  await shown.getByLabel("I have saved the secret").check();
  await shown.getByRole("button", { name: "Done" }).click();
  return { ...old, consumerSecret };
}

test("what a key may do is chosen and holds for its next call", async ({ page, request }) => {
  await signUp(page);
  const chatbot = await createChatbot(page, "Help centre");
  await createChatbot(page, "Second");
  await addBalance(page, "5");
  const key = await createKey(page, "Production");
  const address = await openKey(page, "Production");
  const form = card(page, "Settings");

  await form.getByLabel("usage:read").check();
  await form.getByLabel("messages:write").uncheck();
  await save(page);
  await expect(form.getByRole("status")).toContainText("Saved");
  expect(await code(request, key, chatbot)).toBe("permission_missing");

  await form.getByLabel("messages:write").check();
  await form.getByLabel("Only these").check();
  await form.getByLabel("Second").check();
  await save(page);
  await expect.poll(() => code(request, key, chatbot)).toBe("chatbot_not_allowed");

  await form.getByLabel("Help centre").check();
  await form.getByLabel("Networks").fill("192.0.2.0/24\n2001:db8::/32");
  await save(page);
  await expect.poll(() => code(request, key, chatbot)).toBe("network_not_allowed");

  await form.getByLabel("Networks").fill("127.0.0.0/8\n::1");
  await form.getByLabel("Name").fill("Website");
  await form.getByLabel("Ends").selectOption("On the last day below");
  await form.getByLabel("Last day").fill("2199-12-31");
  await form.getByLabel("Monthly cap in USD").fill("0.002");
  await save(page);
  await expect.poll(() => code(request, key, chatbot)).toBe("");
  await expect.poll(() => code(request, key, chatbot)).toBe("key_cap_reached");
  await expect(page.getByRole("heading", { level: 1, name: "Website" })).toBeVisible();

  // Everything is there when the page is opened again.
  await open(page, address);
  await expect(form.getByLabel("Name")).toHaveValue("Website");
  await expect(form.getByLabel("usage:read")).toBeChecked();
  await expect(form.getByLabel("documents:write")).not.toBeChecked();
  await expect(form.getByLabel("Only these")).toBeChecked();
  await expect(form.getByLabel("Second")).toBeChecked();
  await expect(form.getByLabel("Last day")).toHaveValue("2199-12-31");
  await expect(form.getByLabel("Networks")).toHaveValue("127.0.0.0/8\n::1/128");
  await expect(card(page, "Use")).toContainText("127.0.0.1");
  await expect(form.getByLabel("Ends")).toHaveValue("day");
  await open(page, "/settings");
  await expect(keysCard(page)).toContainText("until 2199-12-31");

  // A number of days is counted from today, UTC.
  await open(page, address);
  await form.getByLabel("Ends").selectOption("In 30 days");
  await save(page);
  await open(page, address);
  const lastDay = await form.getByLabel("Last day").inputValue();
  const days = (Date.parse(lastDay) - Date.now()) / (24 * 3600 * 1000);
  expect(days).toBeGreaterThan(28.9);
  expect(days).toBeLessThan(30.1);
  await form.getByLabel("Ends").selectOption("Never");
  await save(page);
  await open(page, "/settings");
  await expect(keysCard(page)).not.toContainText("until");
});

test("the last requests are listed with what became of them, refusals too", async ({ page, request }) => {
  await signUp(page);
  const chatbot = await createChatbot(page, "Help centre");
  const key = await createKey(page, "Production");
  expect(await code(request, key, chatbot)).toBe("insufficient_credit");
  await addBalance(page, "5");
  expect(await code(request, key, chatbot)).toBe("");
  await openKey(page, "Production");
  const rows = card(page, "Last requests").getByRole("row");
  await expect(rows).toHaveCount(3);
  await expect(rows.nth(1)).toContainText("Message to Help centre");
  await expect(rows.nth(2)).toContainText("402 insufficient_credit");
  await rows.nth(1).getByRole("link", { name: "$0.002000" }).click();
  await expect(page).toHaveURL(/\/usage\/entries\/\d+$/);
});

test("a setting that cannot be is refused beside its field, and what was typed stays", async ({ page, expectErrors }) => {
  expectErrors(/status of 422/);
  await signUp(page);
  await createKey(page, "Production");
  await openKey(page, "Production");
  const form = card(page, "Settings");
  await form.getByLabel("Networks").fill("example.com");
  await form.getByLabel("Monthly cap in USD").fill("10");
  await save(page, 422);
  await expect(form.getByRole("alert")).toContainText("Name networks as 192.0.2.0/24");
  await expect(form.getByLabel("Networks")).toHaveValue("example.com");
  await form.getByLabel("Networks").fill("");
  await form.getByLabel("messages:write").uncheck();
  await save(page, 422);
  await expect(form.getByRole("alert")).toContainText("at least one permission");
  await form.getByLabel("messages:write").check();
  await save(page);
  await expect(form.getByRole("status")).toContainText("Saved");
  await expect(card(page, "Use")).toContainText("of $10.00");
});

test("an old secret goes on working until it is retired", async ({ page, request }) => {
  await signUp(page);
  const chatbot = await createChatbot(page, "Help centre");
  await addBalance(page, "5");
  const old = await createKey(page, "Production");
  const address = await openKey(page, "Production");
  const secrets = card(page, "Secrets");
  const young = await regenerate(page, old, "24 hours");
  expect(await code(request, old, chatbot)).toBe("");
  expect(await code(request, old, chatbot)).toBe("");
  expect(await code(request, young, chatbot)).toBe("");
  await expect(keysCard(page)).toContainText("two secrets work");

  await open(page, address);
  await expect(secrets).toContainText("2 requests");
  await expect(secrets).toContainText("1 request,");
  await secrets.getByLabel("The old one works for").selectOption("7 days from now");
  // As the browser's own time zone has it; the day may change between the click and the look.
  const inAWeek = () =>
    page.evaluate(() => {
      const day = new Date(Date.now() + 7 * 24 * 3600 * 1000);
      return [day.getFullYear(), day.getMonth() + 1, day.getDate()].map((part) => String(part).padStart(2, "0")).join("-");
    });
  const atClick = await inAWeek();
  await secrets.getByRole("button", { name: "Extend" }).click();
  await expect(secrets).toContainText(new RegExp(`It works until (${atClick}|${await inAWeek()})`));
  await secrets.getByRole("button", { name: "Retire the old one now" }).click();
  await expect(secrets).not.toContainText("Old secret");
  expect(await code(request, old, chatbot)).toBe("secret_rotated");
  expect(await code(request, young, chatbot)).toBe("");
});

test("a new secret that was a mistake is taken back", async ({ page, request }) => {
  await signUp(page);
  const chatbot = await createChatbot(page, "Help centre");
  await addBalance(page, "5");
  const old = await createKey(page, "Production");
  const address = await openKey(page, "Production");
  const young = await regenerate(page, old, "1 hour");
  await open(page, address);
  await card(page, "Secrets").getByRole("button", { name: "Cancel and keep the old one" }).click();
  await expect(card(page, "Secrets")).not.toContainText("Old secret");
  expect(await code(request, old, chatbot)).toBe("");
  expect(await code(request, young, chatbot)).toBe("invalid_credential");
});

test("a key is switched off and on again", async ({ page, request }) => {
  await signUp(page);
  const chatbot = await createChatbot(page, "Help centre");
  await addBalance(page, "5");
  const key = await createKey(page, "Production");
  await openKey(page, "Production");
  await page.getByRole("button", { name: "Switch off" }).click();
  await expect(page.getByText("Switched off since")).toBeVisible();
  expect(await code(request, key, chatbot)).toBe("key_disabled");
  await page.getByRole("button", { name: "Switch on" }).click();
  await expect(page.getByText("Switched off since")).toBeHidden();
  expect(await code(request, key, chatbot)).toBe("");
});

test("the page of somebody else's key says that there is no such key", async ({ page, expectErrors }) => {
  expectErrors(/status of 404/);
  await signUp(page);
  await createKey(page, "Production");
  const address = await openKey(page, "Production");
  await leave(page);
  await signUp(page);
  await page.goto(address);
  await expect(page.getByRole("alert").first()).toContainText("no such API key");
  await expect(card(page, "Settings")).toBeHidden();
});
