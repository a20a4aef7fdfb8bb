// Payments through Stripe: the customer pays on its page and finds the credit when he comes back.

import type { Page } from "@playwright/test";
import { creditCard, expectBalance, signUp } from "./steps.ts";
import { expect, test } from "./test.ts";

test("a payment on Stripe's page adds exactly its credit, once", async ({ page }) => {
  await signUp(page);
  await goToStripe(page, "25");
  await expect(page.getByText("API credit")).toBeVisible();
  await expect(page.getByText("$25.00 USD")).toBeVisible();
  await page.getByRole("button", { name: "Pay $25.00" }).click();
  await expect(page.getByRole("status").filter({ hasText: "$25.00 of credit was added" })).toBeVisible();
  await expectBalance(page, "$25.000000");
  await page.reload();
  await expectBalance(page, "$25.000000");
  await page.goto("/settings/payments");
  await expect(page.getByRole("row", { name: /Paid.*\$25\.00/ })).toBeVisible();
  await expect(page.getByRole("row")).toHaveCount(2);
});

test("going back without paying adds nothing", async ({ page }) => {
  await signUp(page);
  await goToStripe(page, "10");
  await page.getByRole("link", { name: "Cancel" }).click();
  await expectBalance(page, "$0.000000");
  await page.goto("/settings/payments");
  await expect(page.getByRole("row", { name: /Not finished.*\$10\.00/ })).toBeVisible();
});

test("the page of the built-in gateway is not there", async ({ page, request }) => {
  await signUp(page);
  expect((await request.get("/pay/style.css")).status()).toBe(404);
  expect((await request.post("/webhooks/local")).status()).toBe(404);
  expect((await request.post("/webhooks/stripe", { data: {} })).status()).toBe(400);
});

/** Goes from the settings page to the page where Stripe takes the money. */
async function goToStripe(page: Page, amount: string): Promise<void> {
  await creditCard(page).getByRole("button", { name: "Add balance" }).click();
  const dialog = page.getByRole("dialog", { name: "Add balance" });
  await dialog.getByLabel("Amount", { exact: true }).fill(amount);
  await dialog.getByRole("button", { name: "Continue to payment" }).click();
  await page.waitForURL(/\/checkout\/cs_/);
}
