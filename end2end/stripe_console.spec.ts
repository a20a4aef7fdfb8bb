// Payments through Stripe as the console shows them by itself: what takes a while, a saved card, and a plan.

import { choosePlan, creditCard, expectBalance, goToStripe, open, planCard, signUp, switchOnTopUp, topUpAddress } from "./steps.ts";
import { expect, test } from "./test.ts";

test("a payment that takes a while is shown as processing and arrives by itself", async ({ page }) => {
  await signUp(page);
  await goToStripe(page, "77");
  await page.getByRole("button", { name: "Pay $77.00" }).click();
  await expect(page.getByRole("status").filter({ hasText: "$77.00" })).toContainText("being processed");
  await expectBalance(page, "$0.000000");
  await expect(page.getByRole("status").filter({ hasText: "$77.00 of credit was added" })).toBeVisible();
  await expectBalance(page, "$77.000000");
  await open(page, "/settings/payments");
  await expect(page.getByRole("row", { name: /Paid.*\$77\.00/ })).toBeVisible();
});

test("a payment that takes a while and fails says so by itself", async ({ page }) => {
  await signUp(page);
  await goToStripe(page, "78");
  await page.getByRole("button", { name: "Pay $78.00" }).click();
  await expect(page.getByRole("status").filter({ hasText: "$78.00" })).toContainText("being processed");
  await expect(page.getByRole("alert").filter({ hasText: "declined" })).toContainText("Nothing was charged");
  await expectBalance(page, "$0.000000");
  await open(page, "/settings/payments");
  await expect(page.getByRole("row", { name: /Declined.*\$78\.00/ })).toBeVisible();
});

test("a card that Stripe saved tops the credit up", async ({ page }) => {
  await signUp(page);
  await open(page, topUpAddress);
  await page.getByRole("button", { name: "Save a card" }).click();
  await page.waitForURL(/\/checkout\/cs_/);
  await page.getByRole("button", { name: /^Pay/ }).click();
  await expect(page.getByRole("status").filter({ hasText: "The card is saved. Nothing was charged." })).toBeVisible();
  await expect(page.getByText("Visa ending in 4242")).toBeVisible();
  await switchOnTopUp(page, { threshold: "5", amount: "20", ceiling: "30" });
  await expect(page.getByText("$20 of $30")).toBeVisible();
  await open(page, "/settings");
  await expectBalance(page, "$20.000000");
  await creditCard(page).getByRole("link", { name: "Payments" }).click();
  await expect(page.getByRole("row").filter({ hasText: "Auto top-up" })).toContainText("Paid");
});

test("a larger plan is paid on Stripe's page and holds at once", async ({ page }) => {
  await signUp(page);
  await choosePlan(page, "Business");
  await page.getByRole("button", { name: "Continue to pay $99.00" }).click();
  await page.waitForURL(/\/checkout\/cs_/);
  await expect(page.getByText("Business plan, one month")).toBeVisible();
  await page.getByRole("button", { name: "Pay $99.00" }).click();
  await expect(page.getByRole("status").filter({ hasText: "$99.00 received: your plan has changed" })).toBeVisible();
  await expect(planCard(page)).toContainText("Business");
  await open(page, "/settings");
  await expectBalance(page, "$0.000000");
});
