// Every page and dialog under axe, in each theme and size, and that nothing is wider than the screen.

import AxeBuilder from "@axe-core/playwright";
import type { Page } from "@playwright/test";
import { linkIn, mailTo, operatorEmail } from "./mails.ts";
import { addBalance, addDocument, ask, createChatbot, createKey, open, signUp, somebody, startPayment, tryIt } from "./steps.ts";
import { expect, hydrated, test } from "./test.ts";

const standards = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

async function expectAccessible(page: Page): Promise<void> {
  // Colours fade in; axe would measure them half way.
  await page.evaluate(() => Promise.all(document.getAnimations().map((animation) => animation.finished.catch(() => {}))));
  const { violations } = await new AxeBuilder({ page }).withTags(standards).analyze();
  const findings = violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html} ${node.failureSummary}`));
  expect.soft(findings, page.url()).toEqual([]);
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  expect.soft(overflow, `${page.url()} is wider than the screen`).toBeLessThanOrEqual(0);
}

test("the pages for people who are not signed in", async ({ page, expectErrors }) => {
  expectErrors(/status of 404/);
  for (const address of ["/sign-in", "/sign-up", "/forgot-password", "/reset-password?token=x", "/confirm-email?token=x", "/nothing-here"]) {
    await page.goto(address);
    await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
    await expectAccessible(page);
  }
});

test("the pages that links in mails open, and the mails as those see them who run the installation", async ({ page }, { project }) => {
  const person = await signUp(page, { ...somebody(), email: operatorEmail("axe", project.name) });
  await page.goto(linkIn(await mailTo(person.email, "Confirm your e-mail")));
  await expectAccessible(page);
  await page.getByRole("button", { name: "Confirm" }).click();
  await expect(page.getByRole("heading", { name: "Your e-mail is confirmed" })).toBeVisible();
  await expectAccessible(page);
  await page.goto("/forgot-password");
  await page.getByLabel("E-mail").fill(person.email);
  await page.getByRole("button", { name: "Send the link" }).click();
  await expectAccessible(page);
  await page.goto(linkIn(await mailTo(person.email, "Choose a new password")));
  await expectAccessible(page);
  await page.goto("/operator/mail");
  await expectAccessible(page);
  await page.getByRole("link", { name: "E-mail confirmation" }).first().click();
  await expect(page.getByRole("heading", { name: "E-mail confirmation" })).toBeVisible();
  await expectAccessible(page);
});

const empty = {
  "every page of an account that is empty": ["/", "/chatbots", "/documents", "/conversations", "/conversations/contacts", "/usage", "/settings", "/settings/payments", "/account"],
  "every page to read of an account that is empty": ["/reference", "/reference/createMessage", "/support"],
};
for (const [title, addresses] of Object.entries(empty)) {
  test(title, async ({ page }) => {
    await signUp(page);
    for (const address of addresses) {
      await open(page, address);
      await expectAccessible(page);
    }
  });
}

/** The pages of an account that is in use: with a chatbot, a key, credit and a message. */
const inUse: Record<string, (chatbot: string, keyPage: string, conversation: string) => string[]> = {
  "every page of an account that is in use": (_chatbot, keyPage, conversation) =>
    ["/", "/chatbots", "/documents", "/conversations", `/conversations/${conversation}`, "/usage", "/settings", "/settings/payments", "/account", keyPage],
  "every dialog of an account that is in use": (chatbot) => [
    "/chatbots?new",
    `/chatbots?rename=${chatbot}`,
    `/chatbots?delete=${chatbot}`,
    "/documents?add",
    "/documents?add&paste",
    "/settings?add-balance=25",
    "/settings?compare-plans",
    "/settings?generate-key",
  ],
  "every page to read of an account that is in use": () =>
    ["/reference", "/reference/createMessage?lang=php", "/reference/deleteDocument", "/support", "/support/guide/keys"],
};
for (const [title, addresses] of Object.entries(inUse)) {
  test(title, async ({ page, request }) => {
    test.slow();
    await signUp(page);
    const chatbot = await createChatbot(page, "Help centre");
    await addDocument(page, chatbot, "Opening hours", "# Hours\n\nThe shop opens at nine.");
    await addBalance(page, "5");
    const key = await createKey(page, "Production");
    const answer = await ask(request, key, { chatbot_id: chatbot, user_message: "When does the shop open?" });
    const { conversation_id: conversation } = await answer.json();
    await open(page, "/settings");
    const keyPage = (await page.getByRole("link", { name: "Production", exact: true }).getAttribute("href")) ?? "";
    for (const address of addresses(chatbot, keyPage, conversation)) {
      await open(page, address);
      await expect(page.getByRole("heading", { level: 1 }).or(page.getByRole("dialog")).first()).toBeVisible();
      await expectAccessible(page);
    }
  });
}

test("a receipt, and the form of the billing details", async ({ page }) => {
  await signUp(page);
  await addBalance(page, "5");
  await page.getByRole("link", { name: "Receipt R-000001" }).click();
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
  await expectAccessible(page);
  await page.getByRole("link", { name: "billing details" }).click();
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("status")).toContainText("Saved");
  await expectAccessible(page);
});

test("a chatbot that has answered", async ({ page }) => {
  await signUp(page);
  const chatbot = await createChatbot(page, "Help centre");
  await addDocument(page, chatbot, "Opening hours", "# Hours\n\nThe shop opens at nine.");
  await addBalance(page, "5");
  await tryIt(page, chatbot, "When does the shop open?");
  await expectAccessible(page);
});

test("usage in all its states", async ({ page, request }) => {
  await signUp(page);
  const chatbot = await createChatbot(page, "Help centre");
  await addBalance(page, "5");
  const key = await createKey(page, "Production");
  await ask(request, key, { chatbot_id: chatbot, user_message: "Hello?" });
  for (const address of ["/usage?only=changes", "/usage?channel=widget", "/usage?from=2020-01-01", "/usage/entries/2"]) {
    await open(page, address);
    await expectAccessible(page);
  }
  await open(page, "/usage?by=chatbot");
  await page.getByText("The same numbers as a table").click();
  await expectAccessible(page);
});

test("the dialog that shows a secret, and the payment page", async ({ page }) => {
  await signUp(page);
  await open(page, "/settings?generate-key");
  await page.getByRole("dialog").getByLabel("Name").fill("Production");
  await page.getByRole("button", { name: "Generate", exact: true }).click();
  await expect(page.getByRole("dialog", { name: "Your new API key" })).toBeVisible();
  await expectAccessible(page);
  await page.getByLabel("I have saved the secret").check();
  await page.getByRole("button", { name: "Done" }).click();
  await startPayment(page, "25");
  await expectAccessible(page);
});

test("what came back from a call that was tried", async ({ page, expectErrors }) => {
  expectErrors(/status of 402/);
  await signUp(page);
  await createChatbot(page, "Help centre");
  const { consumerSecret } = await createKey(page, "Production");
  await open(page, "/reference/createMessage");
  await page.getByLabel("Consumer Secret").fill(consumerSecret);
  await page.getByRole("button", { name: "Send", exact: true }).click();
  await expect(page.getByRole("alert")).toContainText("There is not enough API credit");
  await expectAccessible(page);
});

test("the whole page can be used by keyboard", async ({ page }) => {
  await signUp(page);
  await open(page, "/settings");
  await page.keyboard.press("Tab");
  await expect(page.getByRole("link", { name: "Skip to content" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("main")).toBeFocused();
  const opener = page.getByRole("button", { name: "Add balance" });
  await opener.focus();
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog", { name: "Add balance" });
  await expect(dialog).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(dialog).toBeHidden();
  await expect(opener).toBeFocused();
  await hydrated(page);
});
