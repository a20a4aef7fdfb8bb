// API & Reference: what it lists, where its links lead, and the form that sends a call from the page.

import type { Locator, Page } from "@playwright/test";
import { addBalance, addDocument, allowAll, createChatbot, createKey, open, signUp, type Key } from "./steps.ts";
import { expect, test } from "./test.ts";

const contents = (page: Page) => page.getByRole("navigation", { name: "Contents" });
const answer = (page: Page) => page.getByRole("region", { name: "Try it" }).locator(".received");

/** Follows a link of the list of contents, which narrow screens fold away. */
async function follow(page: Page, name: string): Promise<void> {
  const link = contents(page).getByRole("link", { name, exact: true });
  if (!(await link.isVisible())) await contents(page).getByText("Contents", { exact: true }).click();
  await link.click();
}

/** Fills in the secret and sends the form of the operation that is open. */
async function send(page: Page, key: Key): Promise<Locator> {
  const form = page.getByRole("region", { name: "Try it" });
  await form.getByLabel("API key").selectOption({ label: key.name });
  await form.getByLabel("Consumer Secret").fill(key.consumerSecret);
  await form.getByRole("button", { name: "Send" }).click();
  return answer(page);
}

async function expectSecretNowhere(page: Page, { consumerSecret }: Key): Promise<void> {
  expect(page.url()).not.toContain(consumerSecret);
  expect(await page.content()).not.toContain(consumerSecret);
  const stored = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie]));
  expect(stored).not.toContain(consumerSecret);
}

test("every operation, section and code can be reached from the contents and by its address", async ({ page }) => {
  await signUp(page);
  await open(page, "/reference#createMessage");
  const row = page.getByRole("region", { name: "Operations" }).getByRole("listitem").filter({ hasText: "/api/v1/messages" });
  await expect(row.first()).toBeInViewport();
  await follow(page, "Rate limits");
  await expect(page).toHaveURL(/\/reference#rate-limits$/);
  const limits = page.getByRole("region", { name: "Rate limits" });
  await expect(limits).toBeInViewport();
  await expect(limits).toContainText("On your plan, Plus, each key may send 3,000 requests a minute");
  await contents(page).getByText("All codes").click();
  await follow(page, "key_cap_reached");
  await expect(page.getByRole("row", { name: /key_cap_reached/ })).toBeInViewport();
  for (const link of await contents(page).getByRole("link").all()) {
    const href = (await link.getAttribute("href")) ?? "";
    if (href.startsWith("#")) await expect(page.locator(href), href).toBeAttached();
    else expect((await page.request.get(href)).status(), href).toBe(200);
  }
  await page.getByRole("link", { name: "/openapi.json" }).click();
  await expect(page.getByText('"openapi":"3.1.0"')).toBeVisible();
});

test("an operation says what is sent, what comes back and what is refused", async ({ page }) => {
  await signUp(page);
  await open(page, "/reference");
  await follow(page, "Ask a chatbot");
  await expect(page.getByRole("heading", { name: "Ask a chatbot", level: 1 })).toBeVisible();
  await expect(page).toHaveURL(/\/reference\/createMessage$/);
  const main = page.getByRole("main");
  await expect(main).toContainText("messages:write");
  await expect(page.getByRole("region", { name: "Fields of the body" }).getByRole("row", { name: /user_message/ })).toContainText(
    "1 to 4,000 characters",
  );
  await expect(page.getByRole("region", { name: "Fields of the answer" }).getByRole("rowheader", { name: "citations[].heading" })).toBeVisible();
  await page.getByRole("region", { name: "Errors of the operation" }).getByRole("link", { name: "insufficient_credit" }).click();
  await expect(page).toHaveURL(/\/reference#insufficient_credit$/);
  await expect(page.getByRole("row", { name: /insufficient_credit/ })).toBeInViewport();
});

test("an operation that there is not is not found", async ({ page, expectErrors }) => {
  expectErrors(/status of 404/);
  await signUp(page);
  await open(page, "/reference/makeCoffee");
  await expect(page.getByRole("alert")).toContainText("The API has no such operation");
});

test("the language stands in the address and goes along to the next operation", async ({ page }) => {
  await signUp(page);
  await open(page, "/reference/getCredit?lang=php");
  const tabs = page.getByRole("navigation", { name: "Language" });
  await expect(tabs.getByRole("link", { name: "PHP" })).toHaveAttribute("aria-current", "page");
  await expect(page.locator("pre[data-snippet]")).toContainText("<?php");
  await tabs.getByRole("link", { name: "Python" }).click();
  await expect(page).toHaveURL(/\/reference\/getCredit\?lang=python$/);
  await expect(page.locator("pre[data-snippet]")).toContainText("urllib.request");
  await follow(page, "Plan and limits");
  await expect(page).toHaveURL(/\/reference\/getPlan\?lang=python$/);
  await expect(page.locator("pre[data-snippet]")).toContainText("/api/v1/plan");
});

test("another chatbot can be filled in, and all else stays", async ({ page }) => {
  await signUp(page);
  const first = await createChatbot(page, "Help centre");
  const second = await createChatbot(page, "Lamp shop");
  await open(page, "/reference/createMessage?lang=python");
  await expect(page.locator("pre[data-snippet]")).toContainText(first);
  const examples = page.getByRole("region", { name: "Examples" });
  await examples.getByLabel("Chatbot").selectOption({ label: "Lamp shop" });
  await examples.getByRole("button", { name: "Fill in" }).click();
  await expect(page.locator("pre[data-snippet]")).toContainText(second);
  await expect(page).toHaveURL(new RegExp(`lang=python&chatbot=${second}`));
  await expect(page.getByRole("region", { name: "Fields of the body" })).toContainText("user_message");
  await expect(page.getByRole("region", { name: "Errors of the operation" })).toContainText("insufficient_credit");
  await page.getByRole("navigation", { name: "Language" }).getByRole("link", { name: "curl" }).click();
  await expect(page.locator('pre[data-snippet="curl"]')).toContainText(second);
});

test("without a key the examples read it from the environment, and say how to make one", async ({ page }) => {
  await signUp(page);
  const chatbot = await createChatbot(page, "Help centre");
  await open(page, "/reference/createMessage");
  await expect(page.locator('pre[data-snippet="curl"]')).toContainText(chatbot);
  await expect(page.locator('pre[data-snippet="curl"]')).toContainText("$ARTIKO_CONSUMER_KEY");
  const examples = page.getByRole("region", { name: "Examples" });
  await examples.getByRole("link", { name: "Generate API Key" }).click();
  await expect(page.getByRole("dialog", { name: "Generate API Key" })).toBeVisible();
});

test("every error that somebody can do something about says where", async ({ page }) => {
  await signUp(page);
  await open(page, "/reference#insufficient_credit");
  const errors = page.getByRole("region", { name: "All errors of the API" });
  await expect(errors.getByRole("row", { name: /insufficient_credit/ })).toBeInViewport();
  for (const status of ["401", "402", "403", "429"]) {
    const rows = errors.getByRole("row").filter({ has: page.getByRole("cell", { name: status, exact: true }) });
    expect(await rows.count(), status).toBeGreaterThan(0);
    for (const row of await rows.all()) await expect(row.getByRole("cell").last().getByRole("link")).toBeVisible();
  }
  await errors.getByRole("row", { name: /insufficient_credit/ }).getByRole("link", { name: "Add balance" }).click();
  await expect(page.getByRole("dialog", { name: "Add balance" })).toBeVisible();
});

test("a call can be tried, and its secret is nowhere but in its field", async ({ page }) => {
  await signUp(page);
  const key = await createKey(page, "Production");
  await open(page, "/reference/listEntries");
  await expect(page.getByLabel("API key")).toContainText("Production, which lacks usage:read");
  await allowAll(page, key.name);
  await open(page, "/reference/listEntries");
  await expect(page.getByRole("region", { name: "Try it" })).toContainText("costs nothing");
  await page.getByRole("region", { name: "Try it" }).getByLabel("limit").fill("5");
  const received = await send(page, key);
  await expect(received).toContainText("Status 200");
  await expect(received).toContainText("X-Request-Id");
  await expect(received).toContainText("RateLimit-Policy");
  await expect(received.locator("pre")).toContainText('"next_cursor": null');
  await expectSecretNowhere(page, key);
  await follow(page, "Credit");
  await expect(page.getByRole("heading", { name: "Credit", level: 1 })).toBeVisible();
  await expect(page.getByLabel("Consumer Secret")).toHaveValue("");
  await expect(answer(page)).toBeEmpty();
  await page.goBack();
  await expect(page.getByRole("heading", { name: "List entries", level: 1 })).toBeVisible();
  await expect(page.getByLabel("Consumer Secret")).toHaveValue("");
});

test("a message that is tried is refused in the words of the problem, and answered once there is credit", async ({ page, expectErrors }) => {
  expectErrors(/status of 402/, /status of 401/, /status of 422/);
  await signUp(page);
  const chatbot = await createChatbot(page, "Help centre");
  await addDocument(page, chatbot, "Opening hours", "We open at nine.");
  const key = await createKey(page, "Production");
  await open(page, "/reference/createMessage");
  await expect(page.getByRole("region", { name: "Try it" })).toContainText("costs $0.002000 of API credit");
  const received = await send(page, key);
  await expect(received).toContainText("Status 402");
  await expect(received.getByRole("alert")).toContainText("There is not enough API credit. This needs 0.002000 of credit");
  await received.getByRole("link", { name: "insufficient_credit" }).click();
  await expect(page.getByRole("row", { name: /insufficient_credit/ })).toBeInViewport();

  await addBalance(page, "5");
  await open(page, "/reference/createMessage");
  await send(page, { ...key, consumerSecret: "sk_wrong" });
  await expect(received.getByRole("alert")).toContainText("The credential cannot be read");
  await page.getByLabel("user_message").fill("");
  await send(page, key);
  await expect(received).toContainText("Status 422");
  await page.getByLabel("user_message").fill("When do you open?");
  await send(page, key);
  await expect(received).toContainText("Status 200");
  await expect(received).toContainText("4.998000");
  await expect(received.locator("pre")).toContainText("We open at nine.");
  await page.getByLabel("stream").check();
  await send(page, key);
  await expect(received.locator("pre")).toContainText("event: message.completed");
  await expectSecretNowhere(page, key);
});

test("the guide can be read under Support", async ({ page }) => {
  await signUp(page);
  await open(page, "/support");
  await page.getByRole("link", { name: "API keys" }).click();
  await expect(page.getByRole("heading", { name: "API keys", level: 1 })).toBeVisible();
  await expect(page.getByRole("article")).toContainText("You can see the Consumer Secret only once");
});
