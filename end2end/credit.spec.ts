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
  signIn,
  signUp,
  startPayment,
} from "./steps.ts";
import { expect, test, watch } from "./test.ts";

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
  await expect(page.getByRole("alert").filter({ hasText: "declined" })).toContainText("Try another card, or ask your bank");
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

test("two browsers show the new credit within a second", async ({ page, browser, baseURL }) => {
  const person = await signUp(page);
  const elsewhere = await browser.newContext({ baseURL });
  const errors = watch(elsewhere);
  const other = await elsewhere.newPage();
  await signIn(other, person);
  for (const browserPage of [page, other]) await open(browserPage, "/settings");
  await addBalance(await page.context().newPage(), "25");
  await expectBalance(page, "$25.000000", 1_000);
  await expectBalance(other, "$25.000000", 1_000);
  await elsewhere.close();
  expect(errors).toEqual([]);
});

test("whoever closes the payment page after paying has his credit all the same", async ({ page, context }) => {
  await signUp(page);
  await open(page, "/settings");
  const payer = await context.newPage();
  await startPayment(payer, "25");
  // The answer, which would lead back to the console, is looked at by nobody.
  const form = { card_number: cards.paid, action: "pay" };
  await context.request.post(payer.url(), { form, maxRedirects: 0 });
  await payer.close();
  await expectBalance(page, "$25.000000");
  await expectPayment(page, "Paid", "$25.00");
});

test("two tabs that buy at once are two payments", async ({ page, context }) => {
  await signUp(page);
  const other = await context.newPage();
  await startPayment(page, "10");
  await startPayment(other, "25");
  await payWith(other, cards.paid);
  await payWith(page, cards.paid);
  await expectBalance(page, "$35.000000");
  await expectBalance(other, "$35.000000");
  await open(page, "/settings/payments");
  await expect(page.getByRole("row", { name: /\$10\.00.*R-000002/ })).toBeVisible();
  await expect(page.getByRole("row", { name: /\$25\.00.*R-000001/ })).toBeVisible();
});

test("a double click makes one payment", async ({ page }) => {
  await signUp(page);
  await open(page, "/settings?add-balance=25");
  await page.getByRole("button", { name: "Continue to payment" }).dblclick();
  await expect(page.getByLabel("Card number")).toBeVisible();
  await expectPayment(page, "Not finished", "$25.00");
});

test("a form that is sent twice at once makes one payment", async ({ page, baseURL }) => {
  await signUp(page);
  await page.goto("/settings?add-balance=25");
  const formId = await page.locator('input[name="form_id"]').inputValue();
  expect(formId).toMatch(/^req_/);
  const headers = { Accept: "text/html", Origin: baseURL ?? "" };
  const send = () =>
    page.request.post("/rpc/payment/start", { form: { amount: "25", form_id: formId }, headers, maxRedirects: 0 });
  const answers = await Promise.all([send(), send()]);
  const [first, second] = answers.map((answer) => answer.headers()["location"]);
  expect(first).toMatch(/^\/pay\/pay_/);
  expect(second).toBe(first);
  await expectPayment(page, "Not finished", "$25.00");
});

test("what a refused call says leads to the dialog with an amount", async ({ page, request }) => {
  await signUp(page);
  const chatbot = await createChatbot(page, "Help centre");
  const key = await createKey(page, "Production");
  const refused = await ask(request, key, { chatbot_id: chatbot, user_message: "Hello?" });
  const { add_balance_url } = (await refused.json()) as { add_balance_url: string };
  await open(page, add_balance_url);
  await expect(amount(page)).toHaveValue("10.00");
  await page.getByRole("button", { name: "Continue to payment" }).click();
  await expect(page.getByRole("button", { name: "Pay $10.00" })).toBeVisible();
});

const amount = (page: Page) => page.getByRole("dialog", { name: "Add balance" }).getByLabel("Amount", { exact: true });

/** The list of payments has one line, in this state. */
async function expectPayment(page: Page, state: string, amount: string): Promise<void> {
  await open(page, "/settings/payments");
  await expect(page.getByRole("row", { name: new RegExp(`${state}.*\\${amount}`) })).toBeVisible();
  await expect(page.getByRole("row")).toHaveCount(2);
}
