// With JavaScript switched off: sign up and in, read the page, add balance, make a key, ask a chatbot.

import { linkIn, mailTo } from "./mails.ts";
import { cards, creditCard, expectBalance, keysCard, leave, payWith, planCard, shownKey, signIn, signUp } from "./steps.ts";
import { expect, test } from "./test.ts";

test("a person can sign in and read the page", async ({ page }) => {
  const person = await signUp(page);
  await leave(page);
  await signIn(page, person);
  await expect(planCard(page)).toContainText("Plus");
  await expect(planCard(page)).toContainText("0 of 200");
  await expectBalance(page, "$0.000000");
  await expect(keysCard(page)).toContainText("No API keys yet");
});

test("a wrong password is refused with what was typed", async ({ page }) => {
  const person = await signUp(page);
  await leave(page);
  await signIn(page, { ...person, password: "not the password" });
  await expect(page.getByRole("alert")).toContainText("The e-mail or the password", { ignoreCase: true });
  await expect(page.getByLabel("E-mail")).toHaveValue(person.email);
});

test("balance can be added", async ({ page }) => {
  await signUp(page);
  await creditCard(page).getByRole("button", { name: "Add balance" }).click();
  const dialog = page.getByRole("dialog", { name: "Add balance" });
  await dialog.getByLabel("Amount", { exact: true }).fill("3");
  await dialog.getByRole("button", { name: "Continue to payment" }).click();
  await expect(dialog.getByRole("alert")).toContainText("smallest amount is $5");
  await expect(dialog.getByLabel("Amount", { exact: true })).toHaveValue("3");
  await dialog.getByLabel("Amount", { exact: true }).fill("25");
  await dialog.getByRole("button", { name: "Continue to payment" }).click();
  await payWith(page, cards.paid);
  await expectBalance(page, "$25.000000");
  await page.getByRole("link", { name: "Receipt R-000001" }).click();
  await expect(page.getByRole("row", { name: "Total paid $25.00" })).toBeVisible();
  await page.getByRole("link", { name: "billing details" }).click();
  await page.getByLabel("Name or company").fill("Bergfeld AG");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByLabel("Name or company")).toHaveValue("Bergfeld AG");
});

test("the settings of a key can be changed, and what was typed survives a refusal", async ({ page }) => {
  await signUp(page);
  await keysCard(page).getByRole("button", { name: "Generate API Key" }).click();
  const dialog = page.getByRole("dialog", { name: "Generate API Key" });
  await dialog.getByLabel("Name").fill("Production");
  await dialog.getByRole("button", { name: "Generate" }).click();
  await page.getByLabel("I have saved the secret").check();
  await page.getByRole("button", { name: "Done" }).click();
  await keysCard(page).getByRole("link", { name: "Production", exact: true }).click();
  const form = page.getByRole("region", { name: "Settings" });
  await form.getByLabel("Monthly cap in USD").fill("12.50");
  await form.getByLabel("Networks").fill("example.com");
  await form.getByRole("button", { name: "Save" }).click();
  await expect(form.getByRole("alert")).toContainText("Name networks as 192.0.2.0/24");
  await expect(form.getByLabel("Monthly cap in USD")).toHaveValue("12.50");
  await form.getByLabel("Networks").fill("192.0.2.9/24");
  await form.getByRole("button", { name: "Save" }).click();
  await expect(form.getByLabel("Networks")).toHaveValue("192.0.2.0/24");
  await expect(page.getByRole("region", { name: "Use" })).toContainText("$0.00 of $12.50");
  await page.getByRole("button", { name: "Switch off" }).click();
  await expect(page.getByText("Switched off since")).toBeVisible();
});

test("a key can be made, and its secret is shown once", async ({ page }) => {
  await signUp(page);
  await keysCard(page).getByRole("button", { name: "Generate API Key" }).click();
  const dialog = page.getByRole("dialog", { name: "Generate API Key" });
  await dialog.getByLabel("Name").fill("Production");
  await dialog.getByRole("button", { name: "Generate" }).click();
  const { consumerSecret } = await shownKey(page.getByRole("main"));
  expect(consumerSecret).toMatch(/^sk_[0-9A-Za-z]{42}$/);
  await page.getByLabel("I have saved the secret").check();
  await page.getByRole("button", { name: "Done" }).click();
  await expect(keysCard(page).getByRole("rowheader", { name: "Production" })).toBeVisible();
});

test("a chatbot can be made, given a document, and asked", async ({ page }) => {
  await signUp(page);
  await page.goto("/chatbots?new");
  await page.getByLabel("Name").fill("Help centre");
  await page.getByRole("button", { name: "Create chatbot" }).click();
  await expect(page.getByRole("main").getByText("Help centre")).toBeVisible();
  await page.goto("/documents?add&paste");
  await page.getByLabel("Name").fill("Opening hours");
  await page.getByRole("textbox", { name: "Text" }).fill("The shop opens at nine.");
  await page.getByRole("dialog").getByRole("button", { name: "Add document" }).click();
  await page.getByRole("link", { name: "Help centre" }).click();
  await page.getByLabel("Message", { exact: true }).fill("When does the shop open?");
  await page.getByRole("button", { name: "Ask", exact: true }).click();
  await expect(page.getByText("The shop opens at nine.").first()).toBeVisible();
});

test("several files can be uploaded, and the one that is refused is named", async ({ page, expectErrors }) => {
  expectErrors(/status of 415/);
  await signUp(page);
  await page.goto("/chatbots?new");
  await page.getByLabel("Name").fill("Help centre");
  await page.getByRole("button", { name: "Create chatbot" }).click();
  await expect(page.getByRole("main").getByText("Help centre")).toBeVisible();
  await page.goto("/documents?add");
  const text = (name: string, words: string) => ({ name, mimeType: "", buffer: Buffer.from(words) });
  await page.getByLabel("Files").setInputFiles([text("a.html", "<p>Words"), text("a.png", "PNG"), text("b.md", "Words")]);
  await page.getByRole("button", { name: "Upload", exact: true }).click();
  await expect(page.getByRole("alert")).toContainText("a.png is not plain text");
  await expect(page.getByText("The other 2 files were taken.")).toBeVisible();
  await page.getByRole("link", { name: "Back to the documents" }).click();
  await expect(page.getByRole("rowheader", { name: "a.html" })).toBeVisible();
  await page.getByRole("row").filter({ hasText: "b.md" }).getByRole("button", { name: "Replace" }).click();
  await page.getByLabel("File").setInputFiles(text("c.md", "Other words"));
  await page.getByRole("button", { name: "Upload", exact: true }).click();
  await expect(page.getByRole("rowheader", { name: "c.md" })).toBeVisible();
});

test("a chatbot can be given a cap and be paused", async ({ page }) => {
  await signUp(page);
  await page.goto("/chatbots?new");
  await page.getByLabel("Name").fill("Help centre");
  await page.getByRole("button", { name: "Create chatbot" }).click();
  await page.getByRole("link", { name: "Help centre" }).click();
  const cap = page.getByRole("region", { name: "Daily cap" });
  await page.getByLabel("Cap in USD").fill("much");
  await cap.getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("alert").first()).toContainText("Write the cap as 25 or 25.50");
  await page.getByLabel("Cap in USD").fill("2.50");
  await cap.getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("region", { name: "Spending" })).toContainText("of $2.50");
  await page.getByRole("button", { name: "Pause" }).click();
  await expect(page.getByText("Paused since")).toBeVisible();
  await page.getByRole("button", { name: "Let it answer again" }).click();
  await expect(page.getByText("Paused since")).toBeHidden();
});

test("a conversation can be found, read and deleted", async ({ page }) => {
  await signUp(page);
  await page.goto("/chatbots?new");
  await page.getByLabel("Name").fill("Help centre");
  await page.getByRole("button", { name: "Create chatbot" }).click();
  await page.getByRole("link", { name: "Help centre" }).click();
  await page.getByLabel("Message", { exact: true }).fill("When does the shop open?");
  await page.getByRole("button", { name: "Ask", exact: true }).click();
  await page.goto("/conversations");
  await page.getByLabel("Said").fill("shop OPEN");
  await page.getByRole("button", { name: "Filter" }).click();
  await page.getByRole("link", { name: "When does the shop open?" }).click();
  await expect(page.getByText("I found nothing about that in my documents.")).toBeVisible();
  await page.getByText("Delete this conversation").click();
  await page.getByRole("button", { name: "Delete for good" }).click();
  await expect(page.getByText("No conversations yet")).toBeVisible();
});

test("a chatbot's settings can be changed, what was typed survives a refusal, and a suggested question is asked", async ({ page }) => {
  await signUp(page);
  await page.goto("/chatbots?new");
  await page.getByLabel("Name").fill("Help centre");
  await page.getByRole("button", { name: "Create chatbot" }).click();
  await page.getByRole("link", { name: "Help centre" }).click();
  const settings = page.getByRole("region", { name: "Settings" });
  await settings.getByLabel("Welcome message").fill("Hello there");
  await settings.getByLabel("Suggested questions").fill("1\n2\n3\n4\n5\n6");
  await settings.getByRole("button", { name: "Save" }).click();
  await expect(settings.getByRole("alert")).toContainText("There may be at most 5 questions");
  await expect(settings.getByLabel("Welcome message")).toHaveValue("Hello there");
  await settings.getByLabel("Suggested questions").fill("When do you open?");
  await settings.getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("region", { name: "Try it" })).toContainText("Hello there");
  await page.getByRole("button", { name: "When do you open?" }).click();
  await expect(page.getByText("I found nothing about that")).toBeVisible();
});

test("a widget can be made and get another id, and what was typed survives a refusal", async ({ page }) => {
  await signUp(page);
  await page.goto("/chatbots?new");
  await page.getByLabel("Name").fill("Help centre");
  await page.getByRole("button", { name: "Create chatbot" }).click();
  await page.getByRole("link", { name: "Help centre" }).click();
  const widget = page.getByRole("region", { name: "Widget", exact: true });
  const code = page.getByLabel("Code for your pages");
  await widget.getByLabel("Allowed origins").fill("https://example.com/shop");
  await widget.getByLabel("Place").selectOption("Bottom left");
  await widget.getByRole("button", { name: "Save" }).click();
  await expect(widget.getByRole("alert")).toContainText("Write each origin as");
  await expect(widget.getByLabel("Allowed origins")).toHaveValue("https://example.com/shop");
  await expect(widget.getByLabel("Place")).toHaveValue("left");
  await expect(code).toHaveCount(0);
  await widget.getByLabel("Allowed origins").fill("*.example.com");
  await widget.getByRole("button", { name: "Save" }).click();
  await expect(widget.getByLabel("Allowed origins")).toHaveValue("https://*.example.com");
  const before = await code.innerText();
  expect(before).toMatch(/^<script src="http:.*\/widget\.js" data-widget="wid_\w+" async><\/script>$/);
  await page.getByRole("button", { name: "Replace the id" }).click();
  await expect(code).not.toHaveText(before);
  await expect(code).toContainText("data-widget");
});

test("usage can be filtered and told apart", async ({ page }) => {
  await signUp(page);
  await creditCard(page).getByRole("button", { name: "Add balance" }).click();
  const dialog = page.getByRole("dialog", { name: "Add balance" });
  await dialog.getByLabel("Amount", { exact: true }).fill("25");
  await dialog.getByRole("button", { name: "Continue to payment" }).click();
  await payWith(page, cards.paid);
  await page.goto("/usage");
  await page.getByLabel("Show", { exact: true }).selectOption("Payments and corrections");
  await page.getByRole("button", { name: "Filter" }).click();
  await expect(page.getByRole("row", { name: /^Total of 1 entry/ })).toBeVisible();
  await page.getByRole("link", { name: "By key" }).click();
  await expect(page).toHaveURL(/only=changes.*by=key$/);
  await page.getByRole("region", { name: "Entries" }).getByRole("link").first().click();
  await expect(page.getByRole("heading", { level: 1, name: "Entry 1" })).toBeVisible();
});

test("the reference can be read, and an operation's examples in every language", async ({ page }) => {
  await signUp(page);
  await page.goto("/reference#key_expired");
  await expect(page.getByRole("row", { name: /key_expired/ })).toBeInViewport();
  await page.getByRole("navigation", { name: "Contents" }).getByRole("link", { name: "Delete a document" }).click();
  await expect(page.getByRole("heading", { name: "Delete a document", level: 1 })).toBeVisible();
  await page.getByRole("navigation", { name: "Language" }).getByRole("link", { name: "Rust" }).click();
  await expect(page.getByRole("region", { name: "Examples" })).toContainText("ureq::delete");
  const trial = page.getByRole("region", { name: "Try it" });
  await expect(trial).toContainText("sent from this page by its WebAssembly, which has not loaded");
  await expect(trial.getByRole("button", { name: "Send" })).toHaveCount(0);
});

test("signing out works", async ({ page }) => {
  await signUp(page);
  await page.goto("/account");
  await page.getByRole("main").getByRole("button", { name: "Sign out" }).click();
  await expect(page.getByRole("heading", { name: "Sign in", level: 1 })).toBeVisible();
});

test("a forgotten password is chosen anew by mail", async ({ page }) => {
  const person = await signUp(page);
  await leave(page);
  await page.goto("/sign-in");
  await page.getByRole("link", { name: "Forgot your password?" }).click();
  await page.getByLabel("E-mail").fill(person.email);
  await page.getByRole("button", { name: "Send the link" }).click();
  await page.goto(linkIn(await mailTo(person.email, "Choose a new password")));
  await page.getByLabel("New password").fill("an even longer one");
  await page.getByRole("button", { name: "Set the password" }).click();
  await expect(page.getByRole("heading", { name: "Your password is changed" })).toBeVisible();
  await signIn(page, { ...person, password: "an even longer one" });
  await expect(planCard(page)).toContainText("Plus");
  await page.goto("/account");
  await page.getByLabel(/^Tell me when/).fill("5");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByLabel(/^Tell me when/)).toHaveValue("5.00");
});
