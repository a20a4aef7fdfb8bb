// API credit: adding balance through the built-in payment page, every ending of a payment, and pages that stay true.

import type { Page } from "@playwright/test";
import {
  addBalance,
  addDocument,
  ask,
  cards,
  createChatbot,
  createKey,
  creditCard,
  expectBalance,
  open,
  payWith,
  signUp,
  startPayment,
} from "./steps.ts";
import { expect, test } from "./test.ts";

test("a card that is paid adds exactly its credit", async ({ page }) => {
  await signUp(page);
  await expectBalance(page, "$0.000000");
  await startPayment(page, "25");
  await expect(page.getByRole("button", { name: "Pay $25.00" })).toBeVisible();
  await payWith(page, cards.paid);
  await expect(page.getByRole("status").filter({ hasText: "$25.00 of credit was added" })).toBeVisible();
  await expectBalance(page, "$25.000000");
  await expect(creditCard(page)).toContainText("≈ 12,500 messages");
  await expectPayment(page, "Paid", "$25.00");
});

test("a declined card leaves everything as it was and can be tried again", async ({ page }) => {
  await signUp(page);
  await startPayment(page, "10");
  await payWith(page, cards.declined);
  await expect(page.getByRole("alert").filter({ hasText: "declined" })).toContainText("Nothing was charged");
  await expectBalance(page, "$0.000000");
  await page.getByRole("button", { name: "Try again" }).click();
  await expect(amount(page)).toHaveValue("10.00");
  await expectPayment(page, "Declined", "$10.00");
});

test("a pending payment is shown as processing and arrives by itself", async ({ page }) => {
  await signUp(page);
  await startPayment(page, "50");
  await payWith(page, cards.pendingThenPaid);
  await expectBalance(page, "$50.000000");
  await expect(page.getByRole("status").filter({ hasText: "$50.00 of credit was added" })).toBeVisible();
  await expectPayment(page, "Paid", "$50.00");
});

test("a pending payment that fails says so by itself", async ({ page }) => {
  await signUp(page);
  await startPayment(page, "50");
  await payWith(page, cards.pendingThenDeclined);
  await expect(page.getByRole("alert").filter({ hasText: "declined" })).toContainText("Nothing was charged");
  await expectBalance(page, "$0.000000");
  await expectPayment(page, "Declined", "$50.00");
});

test("leaving the payment page charges nothing", async ({ page }) => {
  await signUp(page);
  await startPayment(page, "10");
  await page.getByRole("button", { name: "Cancel and go back" }).click();
  await expect(page.getByText("The payment of $10.00 was cancelled")).toBeVisible();
  await expectBalance(page, "$0.000000");
  await expectPayment(page, "Cancelled", "$10.00");
});

test("credit that a dispute takes back after it was spent is a debt, and the next payment settles it", async ({
  page,
  request,
}) => {
  await signUp(page);
  const chatbot = await createChatbot(page, "Help centre");
  await addDocument(page, chatbot, "hours.md", "We are open from nine to five.");
  const key = await createKey(page, "Production");
  await startPayment(page, "10");
  // The dispute begins soon after the payment: what is to be spent before is asked from now on, until it is paid for.
  const question = { chatbot_id: chatbot, user_message: "When are you open?" };
  const spent = (async () => {
    while ((await ask(request, key, question)).status() !== 200);
  })();
  await payWith(page, cards.disputedAndLost);
  await spent;
  await expect(creditCard(page)).toContainText("Debt: $0.002000");
  await expectBalance(page, "$0.000000");
  expect(await (await ask(request, key, question)).json()).toMatchObject({ code: "insufficient_credit" });
  await expect(page.getByText("payment disputed")).toBeVisible();
  await expectPayment(page, "Dispute lost", "$10.00");
  await startPayment(page, "5");
  await payWith(page, cards.paid);
  await expectBalance(page, "$4.998000");
  await expect(creditCard(page)).not.toContainText("Debt");
});

test("a dispute that is won gives the credit back", async ({ page }) => {
  await signUp(page);
  await startPayment(page, "10");
  await payWith(page, cards.disputedAndWon);
  await open(page, "/settings/payments");
  await expect(page.getByRole("cell", { name: "Disputed" })).toBeVisible();
  await expect(page.getByRole("cell", { name: "Dispute won" })).toBeVisible();
  await open(page, "/settings");
  await expectBalance(page, "$10.000000");
});

test("an abandoned payment stays unfinished", async ({ page }) => {
  await signUp(page);
  await startPayment(page, "10");
  await open(page, "/settings");
  await expectBalance(page, "$0.000000");
  await expectPayment(page, "Not finished", "$10.00");
});

test("a card number that is none of the test cards is refused beside its field", async ({ page, expectErrors }) => {
  expectErrors(/status of 422/);
  await signUp(page);
  await startPayment(page, "10");
  await page.getByLabel("Card number").fill("1234 5678");
  await page.getByRole("button", { name: "Pay $10.00" }).click();
  await expect(page.getByRole("alert")).toContainText("only the test cards");
  await expect(page.getByLabel("Card number")).toHaveValue("1234 5678");
});

test("an amount that is not accepted is refused beside the field and stays in it", async ({ page }) => {
  await signUp(page);
  await open(page, "/settings?add-balance");
  const dialog = page.getByRole("dialog", { name: "Add balance" });
  await expect(dialog).toContainText("Between $5 and $2,000");
  for (const [text, message] of [
    ["4.99", /smallest amount is \$5/],
    ["2000.01", /largest amount is \$2,000/],
    ["ten", /as a number/],
    ["10.123", /two decimal places/],
    ["25,50", /as a number/],
  ] as const) {
    await amount(page).fill(text);
    await amount(page).blur();
    await expect(dialog.getByRole("alert")).toContainText(message);
    await expect(amount(page)).toHaveValue(text);
  }
});

test("an amount is refused by the server too", async ({ page, expectErrors }) => {
  expectErrors(/status of 422/);
  await signUp(page);
  await open(page, "/settings?add-balance");
  await amount(page).fill("3");
  await page.getByRole("button", { name: "Continue to payment" }).click();
  await expect(page.getByRole("dialog").getByRole("alert")).toContainText("smallest amount is $5");
  await expect(amount(page)).toHaveValue("3");
});

test("a preset fills in its amount and says what it buys", async ({ page }) => {
  await signUp(page);
  await open(page, "/settings?add-balance");
  const dialog = page.getByRole("dialog", { name: "Add balance" });
  await dialog.getByRole("button", { name: "$100" }).click();
  await expect(amount(page)).toHaveValue("100.00");
  await expect(dialog).toContainText("Credit, ≈ 50,000 messages");
  await expect(dialog.getByRole("button", { name: "$100" })).toHaveAttribute("aria-pressed", "true");
});

test("every open tab shows the new balance within a second, without loading again", async ({ page, context }) => {
  await signUp(page);
  const tabs = [page, await context.newPage(), await context.newPage()];
  for (const tab of tabs) await open(tab, "/settings");
  await tabs[2]!.getByRole("link", { name: "Payments" }).click();
  await expect(tabs[2]!.getByText("No payments yet")).toBeVisible();
  let loads = 0;
  for (const tab of tabs) tab.on("request", (request) => (loads += Number(request.isNavigationRequest())));
  const payer = await context.newPage();
  await addBalance(payer, "25");
  await expectBalance(tabs[0]!, "$25.000000", 1_000);
  await expectBalance(tabs[1]!, "$25.000000", 1_000);
  await expect(tabs[2]!.getByRole("cell", { name: "Paid" })).toBeVisible({ timeout: 1_000 });
  expect(loads).toBe(0);
});

const amount = (page: Page) => page.getByRole("dialog", { name: "Add balance" }).getByLabel("Amount", { exact: true });

/** The list of payments has one line, in this state. */
async function expectPayment(page: Page, state: string, amount: string): Promise<void> {
  await open(page, "/settings/payments");
  await expect(page.getByRole("row", { name: new RegExp(`${state}.*\\${amount}`) })).toBeVisible();
  await expect(page.getByRole("row")).toHaveCount(2);
}
