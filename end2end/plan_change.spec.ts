// Changing the plan: what it takes is said before, a larger plan is paid for, a smaller one follows, a too small one is
// refused with the list.

import { cards, choosePlan, createChatbot, payWith, planCard, signUp } from "./steps.ts";
import { expect, test } from "./test.ts";

test("a larger plan is paid and holds at once, and a smaller one follows it", async ({ page }) => {
  await signUp(page);
  await choosePlan(page, "Business");
  await expect(page.getByRole("heading", { name: "Change to Business", level: 1 })).toBeVisible();
  await expect(page.getByRole("main")).toContainText("You pay now$99.00");
  await page.getByRole("button", { name: "Continue to pay $99.00" }).click();
  await expect(page.getByRole("heading", { name: "Business plan, one month for $99.00" })).toBeVisible();
  await payWith(page, cards.paid);
  await expect(page.getByRole("status").filter({ hasText: "$99.00 received: your plan has changed" })).toBeVisible();
  await expect(planCard(page)).toContainText("Business");
  await expect(planCard(page)).toContainText(/\$99\.00 a month · paid until \d{4}-\d{2}-\d{2}/);
  await expect(planCard(page).getByRole("progressbar", { name: "Chatbots" })).toHaveText("0 of 50");

  await choosePlan(page, "Free");
  await page.getByRole("button", { name: /^Change to Free on \d{4}-/ }).click();
  await expect(planCard(page)).toContainText(/Paid until \d{4}-\d{2}-\d{2}; Free after that/);
  await expect(planCard(page)).toContainText("Business");
  await planCard(page).getByRole("link", { name: "Keep Business" }).click();
  await page.getByRole("button", { name: "Keep Business" }).click();
  await expect(planCard(page)).toContainText("$99.00 a month · paid until");
});

test("a declined payment leaves the plan as it was", async ({ page }) => {
  await signUp(page);
  await choosePlan(page, "Business");
  await page.getByRole("button", { name: "Continue to pay $99.00" }).click();
  await payWith(page, cards.declined);
  await expect(page.getByRole("alert").filter({ hasText: "declined" })).toContainText("Nothing was charged");
  await expect(planCard(page).getByText("Plus", { exact: true })).toBeVisible();
});

test("a plan that is too small is refused with what is too much", async ({ page }) => {
  await signUp(page);
  await createChatbot(page, "One");
  await createChatbot(page, "Two");
  await choosePlan(page, "Free");
  await expect(page.getByRole("listitem").filter({ hasText: "2 chatbots, where it allows 1" })).toBeVisible();
  await expect(page.getByRole("button", { name: /^Change to Free/ })).toHaveCount(0);
});
