// What messages cost by day, the same as a table and as a file, and the page of one entry.

import { readFileSync } from "node:fs";
import type { APIRequestContext, Page } from "@playwright/test";
import { addBalance, ask, createChatbot, createKey, creditCard, keysCard, leave, open, signUp } from "./steps.ts";
import { expect, test } from "./test.ts";

const chart = (page: Page) => page.getByRole("region", { name: /^Spending, / });
const entries = (page: Page) => page.getByRole("region", { name: "Entries" });
const total = (page: Page) => entries(page).getByRole("row", { name: /^Total of/ });

/** Two keys and two chatbots: three messages by Production to the first, one by Staging to the second. */
async function inUse(page: Page, request: APIRequestContext) {
  await signUp(page);
  const first = await createChatbot(page, "Help centre");
  const second = await createChatbot(page, "Lamp shop");
  await addBalance(page, "5");
  const production = await createKey(page, "Production");
  const staging = await createKey(page, "Staging");
  for (const [key, chatbot] of [[production, first], [production, first], [production, first], [staging, second]] as const) {
    expect((await ask(request, key, { chatbot_id: chatbot, user_message: "Hello?" })).ok()).toBe(true);
  }
  await open(page, "/usage");
  await expect(total(page)).toContainText("Total of 5 entries");
}

test("a selection is an address that survives loading it again and going back", async ({ page, request }) => {
  await inUse(page, request);
  await page.getByLabel("Chatbot", { exact: true }).selectOption("Lamp shop");
  await page.getByRole("button", { name: "Filter" }).click();
  await expect(total(page)).toContainText("Total of 1 entry");
  await page.getByLabel("Chatbot", { exact: true }).selectOption("All chatbots");
  await page.getByLabel("Show", { exact: true }).selectOption("Payments and corrections");
  await page.getByRole("button", { name: "Filter" }).click();
  await expect(total(page)).toContainText("Added $5.000000");
  await expect(total(page)).toContainText("Total of 1 entry");
  await expect(page).toHaveURL(/\/usage\?only=changes$/);
  await page.goBack();
  await expect(total(page)).toContainText("Spent $0.002000");
  await page.reload();
  await expect(total(page)).toContainText("Spent $0.002000");
  await expect(page.getByLabel("Chatbot", { exact: true }).locator("option:checked")).toHaveText("Lamp shop");
  await chart(page).getByRole("link", { name: "By key" }).click();
  await expect(page).toHaveURL(/chatbot=bot_.*by=key/);
  await chart(page).getByRole("link", { name: "7 days" }).click();
  await expect(page).toHaveURL(/chatbot=bot_.*from=.*until=.*by=key/);
  await expect(total(page)).toContainText("Total of 1 entry");
  // What the chart tells apart outlives the next filter.
  await page.getByLabel("Channel", { exact: true }).selectOption("Widget");
  await page.getByRole("button", { name: "Filter" }).click();
  await expect(page.getByText("No entries here")).toBeVisible();
  await expect(chart(page)).toContainText("No message was charged in this time.");
  await expect(page).toHaveURL(/channel=widget.*by=key/);
});

test("the chart, its table, the list and the credit card have the same sums", async ({ page, request }) => {
  await inUse(page, request);
  await expect(chart(page)).toContainText("$0.008 for 4 messages");
  await expect(page.getByRole("img", { name: /^Spending by day, .*, 30 days: \$0\.008 for 4 messages$/ })).toBeVisible();
  await expect(total(page)).toContainText("Spent $0.008000");
  await chart(page).getByRole("link", { name: "By chatbot" }).click();
  await expect(chart(page).getByRole("link", { name: "By chatbot" })).toHaveAttribute("aria-current", "true");
  await expect(chart(page).getByRole("listitem")).toHaveText([/^Help centre \$0\.006 · 3 messages$/, /^Lamp shop \$0\.002 · 1 message$/]);
  await chart(page).getByText("The same numbers as a table").click();
  const table = chart(page).getByRole("table");
  await expect(table.getByRole("columnheader")).toHaveText(["Day", "Help centre", "Lamp shop", "All", "Messages"]);
  await expect(table.getByRole("row").last().getByRole("cell")).toHaveText(["$0.006000", "$0.002000", "$0.008000", "4"]);
  // The table stays open while the page learns of a new message.
  const key = await keyOf(page);
  expect((await ask(request, key, { chatbot_id: key.chatbot, user_message: "Hello?" })).ok()).toBe(true);
  await expect(table.getByRole("row").last().getByRole("cell").last()).toHaveText("5");
  await open(page, "/settings");
  await expect(creditCard(page)).toContainText("30 days · $0.01");
});

/** A third key, made in another tab of the same person, and a chatbot. */
async function keyOf(page: Page) {
  const tab = await page.context().newPage();
  const key = await createKey(tab, "Third");
  await open(tab, "/chatbots");
  const chatbot = (await tab.getByText(/^bot_[0-9A-Za-z]{21}$/).first().innerText()).trim();
  await tab.close();
  return { ...key, chatbot };
}

test("more than a year has no chart, and the list says everything all the same", async ({ page, request }) => {
  await inUse(page, request);
  await page.getByLabel("From").fill("2020-01-01");
  await page.getByRole("button", { name: "Filter" }).click();
  await expect(page.getByText("No chart: Choose at most 366 days.")).toBeVisible();
  await expect(total(page)).toContainText("Total of 5 entries");
});

test("a selection can be had as a file", async ({ page, request }) => {
  await inUse(page, request);
  await page.getByLabel("API key").selectOption("Production");
  await page.getByRole("button", { name: "Filter" }).click();
  await expect(total(page)).toContainText("Total of 3 entries");
  const loading = page.waitForEvent("download");
  await page.getByRole("link", { name: "Export as CSV" }).click();
  const file = await loading;
  const today = new Date().toISOString().slice(0, 10);
  expect(file.suggestedFilename()).toBe(`artiko-usage-start-${today}.csv`);
  const lines = readFileSync(await file.path(), "utf8").trimEnd().split("\r\n").map((line) => line.split(","));
  expect(lines[0]!.slice(0, 5)).toEqual(["seq", "at", "kind", "amount", "credit_after"]);
  expect(lines.slice(1).map((cells) => [cells[0], cells[2], cells[3], cells[5], cells[7], cells[9]])).toEqual(
    ["4", "3", "2"].map((seq) => [seq, "charge", "-0.002000", "api", "Production", "Help centre"]),
  );
  const all = await page.request.get("/usage/entries.csv");
  expect(all.headers()["content-type"]).toContain("text/csv");
  const amounts = (await all.text()).trimEnd().split("\r\n").slice(1).map((line) => Number(line.split(",")[3]));
  expect(amounts.reduce((sum, amount) => sum + amount, 0)).toBeCloseTo(4.992, 6);
  expect((await page.request.get("/usage/entries.csv?from=2026-02-30")).status()).toBe(422);
  const anonymous = await request.get("/usage/entries.csv?key=key_1", { maxRedirects: 0 });
  expect(anonymous.status()).toBe(303);
  expect(decodeURIComponent(anonymous.headers().location ?? "")).toBe("/sign-in?next=/usage?key=key_1");
});

test("each entry has a page of its own, and somebody else's has none", async ({ page, request, expectErrors }) => {
  expectErrors(/status of 404/);
  await inUse(page, request);
  await entries(page).getByRole("row", { name: /Staging/ }).getByRole("link").click();
  await expect(page.getByRole("heading", { level: 1, name: "Entry 5" })).toBeVisible();
  const entry = page.getByRole("region", { name: "Entry" });
  await expect(entry).toContainText("−$0.002000");
  await expect(entry).toContainText("$4.992000");
  await expect(entry.getByText(/^req_/)).toBeVisible();
  await expect(entry.getByRole("button", { name: "Copy the request id" })).toBeVisible();
  await expect(entry.getByRole("link", { name: "Lamp shop" })).toHaveAttribute("href", /^\/chatbots\/bot_/);
  await entry.getByRole("link", { name: "Staging" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Staging" })).toBeVisible();
  await leave(page);
  await signUp(page);
  const answer = await page.goto("/usage/entries/5");
  expect(answer?.status()).toBe(404);
  await expect(page.getByRole("alert")).toContainText("no such entry");
});

test("the page of a key shows what it spent", async ({ page, request }) => {
  await inUse(page, request);
  await open(page, "/settings");
  await keysCard(page).getByRole("link", { name: "Production", exact: true }).click();
  const card = page.getByRole("region", { name: /^Spending of the last 30 days, by chatbot/ });
  await expect(card).toContainText("$0.006 for 3 messages");
  await expect(card.getByRole("listitem")).toHaveText([/^Help centre/]);
});
