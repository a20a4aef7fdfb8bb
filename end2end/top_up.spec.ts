// Auto top-up: off until it is switched on, a saved card, one payment when the credit runs low, and a stop that says why.

import type { Page } from "@playwright/test";
import { addBalance, cards, creditCard, expectBalance, open, signUp, switchOnTopUp, topUpAddress as address } from "./steps.ts";
import { expect, test } from "./test.ts";

const declinedLater = "4000 0000 0000 0341";

test("a saved card buys credit once it is switched on, and nothing before", async ({ page }) => {
  await signUp(page);
  await saveCard(page, cards.paid);
  await expect(page.getByRole("status").filter({ hasText: "The card is saved. Nothing was charged." })).toBeVisible();
  await expect(page.getByText("Test card ending in 4242")).toBeVisible();
  await open(page, "/settings");
  await expectBalance(page, "$0.000000");
  await open(page, address);
  await expect(page.getByText("Auto top-up is off.")).toBeVisible();
  await switchOnTopUp(page, { threshold: "5", amount: "20", ceiling: "30" });
  await expect(page.getByText("Auto top-up is on: when less than $5.00 of credit is left, $20 is added.")).toBeVisible();
  await expect(page.getByText("$20 of $30")).toBeVisible();
  await open(page, "/settings");
  await expectBalance(page, "$20.000000");
  await creditCard(page).getByRole("link", { name: "Payments" }).click();
  const row = page.getByRole("row").filter({ hasText: "$20.00" });
  await expect(row).toContainText("Auto top-up");
  await expect(row).toContainText("Paid");
});

test("a declined card stops it, says so, and it goes on after a card that works", async ({ page }) => {
  await signUp(page);
  await saveCard(page, declinedLater);
  await switchOnTopUp(page, { threshold: "5", amount: "20", ceiling: "100" });
  const stopped = page.getByRole("alert").filter({ hasText: "Auto top-up has stopped" });
  await expect(stopped).toContainText("the saved card was declined");
  await saveCard(page, cards.paid);
  await expect(stopped).toBeVisible();
  await switchOnTopUp(page, {});
  await expect(page.getByText("$20 of $100")).toBeVisible();
  await open(page, "/settings");
  await expectBalance(page, "$20.000000");
});

test("the ceiling of the month is told, and nothing is bought above it", async ({ page }) => {
  await signUp(page);
  await addBalance(page, "5");
  await saveCard(page, cards.paid);
  await switchOnTopUp(page, { threshold: "100", amount: "20", ceiling: "50" });
  await expect(page.getByText("Auto top-up waits: $0 of the month's ceiling of $50 is bought")).toBeVisible();
  await open(page, "/settings");
  await expectBalance(page, "$5.000000");
});

test("it is not switched on without a card, and a card that is removed switches it off", async ({ page, expectErrors }) => {
  expectErrors(/status of 422/);
  await signUp(page);
  await open(page, address);
  await page.getByLabel("Add balance by itself").check();
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await expect(page.getByRole("alert")).toContainText("Save a card first");
  await saveCard(page, cards.paid);
  await switchOnTopUp(page, { threshold: "5", amount: "20", ceiling: "20" });
  await page.getByRole("button", { name: "Remove this card" }).click();
  await expect(page.getByText("No card is saved.")).toBeVisible();
  await expect(page.getByText("Auto top-up is off.")).toBeVisible();
});

test("a card that is not saved is told with its reason", async ({ page }) => {
  await signUp(page);
  await saveCard(page, cards.declined);
  await expect(page.getByRole("alert").filter({ hasText: "did not allow this card" })).toBeVisible();
  await page.getByRole("button", { name: "Save a card" }).click();
  await page.getByRole("button", { name: "Cancel and go back" }).click();
  await expect(page.getByRole("status").filter({ hasText: "No card was saved" })).toBeVisible();
});

async function saveCard(page: Page, number: string): Promise<void> {
  await open(page, address);
  await page.getByRole("button", { name: /^Save a(nother)? card$/ }).click();
  await page.getByLabel("Card number").fill(number);
  await page.getByRole("button", { name: "Save this card" }).click();
  await expect(page.getByRole("heading", { name: "Auto top-up", level: 1 })).toBeVisible();
}
