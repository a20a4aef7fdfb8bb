// What the tests do again and again, by role and label, as a person would.

import { randomUUID } from "node:crypto";
import type { APIRequestContext, APIResponse, Locator, Page } from "@playwright/test";
import { expect, hydrated } from "./test.ts";

export interface Person {
  name: string;
  email: string;
  password: string;
}

export interface Key {
  name: string;
  consumerKey: string;
  consumerSecret: string;
}

export const cards = {
  paid: "4242 4242 4242 4242",
  declined: "4000 0000 0000 0002",
  pendingThenPaid: "4000 0000 0000 3220",
  pendingThenDeclined: "4000 0000 0000 9995",
  disputedAndLost: "4000 0000 0000 0259",
  disputedAndWon: "4000 0000 0000 2685",
};

/** Somebody whose e-mail address no other test uses. */
export function somebody(): Person {
  return { name: "Olga Bergfeld", email: `owner-${randomUUID()}@bergfeld.example`, password: "a long enough one" };
}

/** Makes an account and ends on its settings page. */
export async function signUp(page: Page, person = somebody()): Promise<Person> {
  await page.goto("/sign-up");
  await page.getByLabel("Name").fill(person.name);
  await page.getByLabel("E-mail").fill(person.email);
  await page.getByLabel("Password").fill(person.password);
  await page.getByRole("button", { name: "Sign up" }).click();
  await expect(page.getByRole("heading", { name: "API Plans & Settings", level: 1 })).toBeVisible();
  return person;
}

/** Leaves the account as somebody does who comes back on another day: nothing is open, and no cookie is left. */
export async function leave(page: Page): Promise<void> {
  await page.goto("about:blank");
  await page.context().clearCookies();
}

export async function signIn(page: Page, person: Pick<Person, "email" | "password">): Promise<void> {
  await page.goto("/sign-in");
  await fillSignIn(page, person);
}

/** Fills in the sign-in form that is open, and sends it. */
export async function fillSignIn(page: Page, { email, password }: Pick<Person, "email" | "password">): Promise<void> {
  await page.getByLabel("E-mail").fill(email);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
}

/** The navigation that is shown: the column of wide screens, or the opened menu of narrow ones. */
export async function navigation(page: Page): Promise<Locator> {
  const main = page.getByRole("navigation", { name: "Main" }).filter({ visible: true });
  const menu = main.getByLabel("Menu");
  if (await menu.isVisible()) {
    // It closes when a page is reached; opened before that, it would be closed again.
    const link = main.getByRole("link", { name: "Dashboard" });
    await expect(link).toBeHidden();
    await menu.click();
    await expect(link).toBeVisible();
  }
  return main;
}

/** Goes to a page through the navigation. */
export async function goTo(page: Page, name: string): Promise<void> {
  await (await navigation(page)).getByRole("link", { name, exact: true }).click();
}

/** Opens an address and waits until the page is alive. */
export async function open(page: Page, address: string): Promise<void> {
  await page.goto(address);
  await hydrated(page);
}

export const creditCard = (page: Page) => page.getByRole("region", { name: "API credit" });
export const planCard = (page: Page) => page.getByRole("region", { name: "Your plan" });
export const keysCard = (page: Page) => page.getByRole("region", { name: "API keys" });

/** The amount in large figures, such as `$25.000000`. `timeout` in milliseconds. */
export async function expectBalance(page: Page, balance: string, timeout?: number): Promise<void> {
  await expect(creditCard(page).getByText(balance, { exact: true })).toBeVisible({ timeout });
}

/** Goes from the settings page through the dialog to the payment page. */
export async function startPayment(page: Page, amount: string): Promise<void> {
  await open(page, "/settings");
  await creditCard(page).getByRole("button", { name: "Add balance" }).click();
  const dialog = page.getByRole("dialog", { name: "Add balance" });
  await dialog.getByLabel("Amount", { exact: true }).fill(amount);
  await dialog.getByRole("button", { name: "Continue to payment" }).click();
  await expect(page.getByLabel("Card number")).toBeVisible();
}

export async function payWith(page: Page, card: string): Promise<void> {
  await page.getByLabel("Card number").fill(card);
  await page.getByRole("button", { name: /^Pay / }).click();
  await expect(page.getByRole("heading", { name: "API Plans & Settings", level: 1 })).toBeVisible();
}

/** Buys credit with the card that is paid. */
export async function addBalance(page: Page, amount: string): Promise<void> {
  await startPayment(page, amount);
  await payWith(page, cards.paid);
}

/** Makes a chatbot and returns its id. */
export async function createChatbot(page: Page, name: string): Promise<string> {
  await open(page, "/chatbots?new");
  const dialog = page.getByRole("dialog", { name: "New chatbot" });
  await dialog.getByLabel("Name").fill(name);
  await dialog.getByRole("button", { name: "Create chatbot" }).click();
  await expect(dialog).toBeHidden();
  const card = page.getByRole("listitem").filter({ has: page.getByRole("heading", { name, exact: true }) });
  return (await card.getByText(/^bot_[0-9A-Za-z]{21}$/).innerText()).trim();
}

/** Pastes a document. */
export async function addDocument(page: Page, chatbotId: string, name: string, text: string): Promise<void> {
  await open(page, `/documents?add=${chatbotId}&paste`);
  const dialog = page.getByRole("dialog", { name: "Add document" });
  await dialog.getByLabel("Name").fill(name);
  await dialog.getByRole("textbox", { name: "Text" }).fill(text);
  await dialog.getByRole("button", { name: "Add document" }).click();
  await expect(dialog).toBeHidden();
  await expect(page.getByRole("rowheader", { name })).toBeVisible();
}

/** Makes a key through the dialog and returns what it shows once. */
export async function createKey(page: Page, name: string): Promise<Key> {
  await open(page, "/settings");
  await keysCard(page).getByRole("button", { name: "Generate API Key" }).click();
  const form = page.getByRole("dialog", { name: "Generate API Key" });
  await form.getByLabel("Name").fill(name);
  await form.getByRole("button", { name: "Generate" }).click();
  const shown = page.getByRole("dialog", { name: "Your new API key" });
  const key = { name, ...(await shownKey(shown)) };
  await shown.getByLabel("I have saved the secret").check();
  await shown.getByRole("button", { name: "Done" }).click();
  await expect(shown).toBeHidden();
  return key;
}

/** Lets a key do everything that a key can do. */
export async function allowAll(page: Page, name: string): Promise<void> {
  await open(page, "/settings");
  await keysCard(page).getByRole("link", { name, exact: true }).click();
  const form = page.getByRole("region", { name: "Settings" });
  const boxes = form.getByRole("group", { name: "What it may do" }).getByRole("checkbox");
  // `all` does not wait: before the page is there, it would find none and allow nothing.
  await boxes.first().waitFor();
  for (const box of await boxes.all()) await box.check();
  await form.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("Saved")).toBeVisible();
}

/** Opens the menu of a key and takes one of its actions. */
export async function keyAction(page: Page, name: string, action: "Regenerate" | "Delete"): Promise<void> {
  await keysCard(page).getByLabel(`Actions for ${name}`).click();
  await keysCard(page).getByRole("button", { name: `${action} ${name}` }).click();
}

/** Reads both halves of a key from the dialog or the page that shows them. */
export async function shownKey(shown: Locator): Promise<Omit<Key, "name">> {
  const text = (label: string) => shown.getByLabel(label, { exact: true });
  await expect(text("Consumer Secret")).toBeVisible();
  return {
    consumerKey: await text("Consumer Key").inputValue(),
    consumerSecret: await text("Consumer Secret").inputValue(),
  };
}

/** What a chatbot's page is asked in the console; waits for the answer and returns it. */
export async function tryIt(page: Page, chatbotId: string, message: string): Promise<Locator> {
  await open(page, `/chatbots/${chatbotId}`);
  await page.getByLabel("Message", { exact: true }).fill(message);
  await page.getByRole("button", { name: "Ask", exact: true }).click();
  const answer = page.getByRole("list", { name: "Conversation" }).getByRole("listitem").first();
  await expect(answer).toBeVisible();
  return answer;
}

/** The published call, as a program sends it. */
export function ask(
  request: APIRequestContext,
  key: Pick<Key, "consumerKey" | "consumerSecret">,
  data: Record<string, unknown>,
): Promise<APIResponse> {
  const headers = { Authorization: `${key.consumerKey}:${key.consumerSecret}` };
  return request.post("/wp-json/send-message/v1/ask", { headers, data });
}

export const topUpAddress = "/settings/auto-top-up";

/** Switches auto top-up on, with a card that was saved before. Amounts as they are typed. */
export async function switchOnTopUp(
  page: Page,
  rules: { threshold?: string; amount?: string; ceiling?: string },
): Promise<void> {
  if (rules.threshold) await page.getByLabel("When less is left than").fill(rules.threshold);
  if (rules.amount) await page.getByLabel("Add this much").fill(rules.amount);
  if (rules.ceiling) await page.getByLabel("At most in a month").fill(rules.ceiling);
  await page.getByLabel("Add balance by itself").check();
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await expect(page.getByText("Saved.", { exact: true })).toBeVisible();
}

/** Opens the offer of a plan from the comparison of all of them. */
export async function choosePlan(page: Page, plan: string): Promise<void> {
  await open(page, "/settings?compare-plans");
  const dialog = page.getByRole("dialog", { name: "Compare plans" });
  await dialog.getByRole("link", { name: `Choose ${plan}` }).click();
}

/** Goes from the settings page to the page where Stripe takes the money. */
export async function goToStripe(page: Page, amount: string): Promise<void> {
  await creditCard(page).getByRole("button", { name: "Add balance" }).click();
  const dialog = page.getByRole("dialog", { name: "Add balance" });
  await dialog.getByLabel("Amount", { exact: true }).fill(amount);
  await dialog.getByRole("button", { name: "Continue to payment" }).click();
  await page.waitForURL(/\/checkout\/cs_/);
}
