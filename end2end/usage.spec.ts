// Usage: the entries behind every change of credit, filtered by key and by day; totals equal the ledger's.

import { addBalance, ask, createChatbot, createKey, expectBalance, open, signUp } from "./steps.ts";
import { expect, test } from "./test.ts";

test("the entries explain the balance, and the filters select among them", async ({ page, request }) => {
  await signUp(page);
  const chatbot = await createChatbot(page, "Help centre");
  await addBalance(page, "5");
  const production = await createKey(page, "Production");
  const staging = await createKey(page, "Staging");
  const body = { chatbot_id: chatbot, user_message: "Hello?" };
  for (const key of [production, production, staging]) expect((await ask(request, key, body)).ok()).toBe(true);

  await open(page, "/usage");
  const entries = page.getByRole("region", { name: "Entries" });
  const total = entries.getByRole("row", { name: /^Total of/ });
  await expect(total).toContainText("Total of 4 entries");
  await expect(total).toContainText("Spent $0.006000");
  await expect(total).toContainText("Added $5.000000");
  await expect(entries.getByRole("row", { name: /Payment/ })).toContainText("+$5.000000");

  await page.getByLabel("API key").selectOption("Production");
  await page.getByRole("button", { name: "Filter" }).click();
  await expect(total).toContainText("Total of 2 entries");
  await expect(total).toContainText("Spent $0.004000");
  await expect(entries.getByRole("row", { name: /Staging/ })).toHaveCount(0);
  await expect(page).toHaveURL(/key=key_/);

  await page.getByRole("link", { name: "Show all" }).click();
  const today = new Date().toISOString().slice(0, 10);
  await page.getByLabel("From").fill(today);
  await page.getByLabel("Until").fill(today);
  await page.getByRole("button", { name: "Filter" }).click();
  await expect(page).toHaveURL(/from=/);
  await expect(total).toContainText("Total of 4 entries");
  await page.getByLabel("From").fill("2020-01-01");
  await page.getByLabel("Until").fill("2020-01-31");
  await page.getByRole("button", { name: "Filter" }).click();
  await expect(page.getByText("No entries here")).toBeVisible();

  await open(page, "/settings");
  await expectBalance(page, "$4.994000");
});

test("a new entry appears on the open page", async ({ page, request }) => {
  await signUp(page);
  const chatbot = await createChatbot(page, "Help centre");
  await addBalance(page, "5");
  const key = await createKey(page, "Production");
  await open(page, "/usage");
  await expect(page.getByRole("row", { name: /^Total of/ })).toContainText("Total of 1 entry");
  await ask(request, key, { chatbot_id: chatbot, user_message: "Hello?" });
  await expect(page.getByRole("row", { name: /^Total of/ })).toContainText("Total of 2 entries", { timeout: 1_000 });
});

test("long lists are paged, and the totals are those of all pages", async ({ page, request }) => {
  await signUp(page);
  const chatbot = await createChatbot(page, "Help centre");
  await addBalance(page, "5");
  const key = await createKey(page, "Production");
  const send = () => ask(request, key, { chatbot_id: chatbot, user_message: "Hello?" });
  for (let round = 0; round < 6; round++) await Promise.all(Array.from({ length: 10 }, send));
  await open(page, "/usage");
  const rows = page.getByRole("region", { name: "Entries" }).getByRole("row", { name: /^\d{4}/ });
  await expect(page.getByRole("row", { name: /^Total of/ })).toContainText("Total of 61 entries");
  await expect(rows).toHaveCount(50);
  await page.getByRole("link", { name: "Older entries" }).click();
  await expect(rows).toHaveCount(11);
  await expect(page.getByRole("row", { name: /^Total of/ })).toContainText("Total of 61 entries");
  await expect(page.getByRole("link", { name: "Older entries" })).toHaveCount(0);
});
