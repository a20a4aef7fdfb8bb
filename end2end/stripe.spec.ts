// Payments through Stripe: the customer pays on its page and finds the credit when he comes back.

import { expectBalance, goToStripe, signUp } from "./steps.ts";
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

test("whoever closes Stripe's page after paying has the credit all the same", async ({ page, context }) => {
  await signUp(page);
  await goToStripe(page, "25");
  // The way back is cut off; what is left is what Stripe's webhook says.
  await page.route("**/settings?payment=**", (route) => route.abort("aborted"));
  await page.getByRole("button", { name: "Pay $25.00" }).click({ noWaitAfter: true });
  const another = await context.newPage();
  await expect(async () => {
    await another.goto("/settings");
    await expectBalance(another, "$25.000000", 500);
  }).toPass();
  await page.close();
});

test("two tabs that buy at once are two payments", async ({ page, context }) => {
  await signUp(page);
  const other = await context.newPage();
  await other.goto("/settings");
  await goToStripe(page, "10");
  await goToStripe(other, "25");
  await other.getByRole("button", { name: "Pay $25.00" }).click();
  await page.getByRole("button", { name: "Pay $10.00" }).click();
  await expectBalance(page, "$35.000000");
  await page.goto("/settings/payments");
  await expect(page.getByRole("row", { name: /Paid.*\$10\.00/ })).toBeVisible();
  await expect(page.getByRole("row", { name: /Paid.*\$25\.00/ })).toBeVisible();
});

test("one page of Stripe that is open twice is paid once", async ({ page, context }) => {
  await signUp(page);
  await goToStripe(page, "10");
  const other = await context.newPage();
  await other.goto(page.url());
  await page.getByRole("button", { name: "Pay $10.00" }).click();
  await expectBalance(page, "$10.000000");
  await other.getByRole("button", { name: "Pay $10.00" }).click();
  await expect(other.getByText("no longer available")).toBeVisible();
  await page.goto("/settings/payments");
  await expect(page.getByRole("row", { name: /Paid.*\$10\.00/ })).toBeVisible();
  await expect(page.getByRole("row")).toHaveCount(2);
});

test("a double click makes one payment", async ({ page }) => {
  await signUp(page);
  await page.goto("/settings?add-balance=25");
  await page.getByRole("button", { name: "Continue to payment" }).dblclick();
  await page.waitForURL(/\/checkout\/cs_/);
  await page.getByRole("link", { name: "Cancel" }).click();
  await page.goto("/settings/payments");
  await expect(page.getByRole("row", { name: /Not finished.*\$25\.00/ })).toBeVisible();
  await expect(page.getByRole("row")).toHaveCount(2);
});

test("the page of the built-in gateway is not there", async ({ page, request }) => {
  await signUp(page);
  expect((await request.get("/pay/style.css")).status()).toBe(404);
  expect((await request.post("/webhooks/local")).status()).toBe(404);
  expect((await request.post("/webhooks/stripe", { data: {} })).status()).toBe(400);
});
