// The chat widget as visitors meet it: on a page of another origin, which forbids all that it can forbid.

import AxeBuilder from "@axe-core/playwright";
import type { Page } from "@playwright/test";
import { readFile } from "node:fs/promises";
import { chat, chatAgain, field, launch, say, shop, site } from "./shop.ts";
import { addBalance, creditCard, expectBalance, open } from "./steps.ts";
import { expect, hydrated, test } from "./test.ts";

test.use({ permissions: ["clipboard-read", "clipboard-write"] });

test("a visitor asks on another site and is answered, for as long as there is credit and the cap allows it", async ({ page, baseURL, expectErrors }) => {
  expectErrors(/status of 402/);
  const lamps = await site(baseURL!);
  const chatbot = await shop(page, lamps);
  const visitor = await page.context().newPage();
  await visitor.goto(lamps.origin());
  await launch(visitor).click();
  await expect(chat(visitor).getByText("Hello! Ask me about our shop.")).toBeVisible();
  // There is no credit yet. The visitor is told nothing of it, and asks again when there is.
  await chat(visitor).getByRole("button", { name: "When does the shop open?" }).click();
  await expect(chat(visitor).getByRole("log")).toContainText("This chat is not available right now.");
  await expect(chat(visitor)).not.toContainText(/credit|cap|paused/i);
  await addBalance(page, "5");
  await open(page, "/settings");
  await expectBalance(page, "$5.000000");
  await chat(visitor).getByRole("button", { name: "Try again" }).click();
  await expect(chat(visitor).getByRole("log")).toContainText("The shop opens at nine.");
  // The document is named once, in the answer.
  await expect(chat(visitor).getByRole("log")).toContainText("(Opening hours)");
  await expect(chat(visitor).getByRole("log")).not.toContainText("From:");
  await expect(chat(visitor).getByText("When does the shop open?", { exact: true }).filter({ visible: true })).toHaveCount(1);
  await expectBalance(page, "$4.998000");
  await open(page, `/chatbots/${chatbot}`);
  const cap = page.getByRole("region", { name: "Daily cap" });
  await cap.getByLabel("Cap in USD").fill("0.004");
  await cap.getByRole("button", { name: "Save" }).click();
  await expect(cap.getByRole("status")).toContainText("Saved");
  await visitor.reload();
  await chatAgain(visitor);
  await expect(chat(visitor).getByRole("log")).toContainText("The shop opens at nine.");
  await expect(await say(visitor, "Does the shop open at nine?")).not.toContainText("not available");
  await expect(await say(visitor, "And on Sunday?")).toContainText("This chat is not available right now.");
  await open(page, "/settings");
  await expectBalance(page, "$4.996000");
  await expect(creditCard(page)).toContainText(/widget/i);
  lamps.close();
});

test("the widget can be used with the keyboard, moves nothing, and has no barrier", async ({ page, baseURL }, { project }) => {
  const lamps = await site(baseURL!);
  await shop(page, lamps);
  await page.goto(lamps.origin());
  await launch(page).focus();
  await page.keyboard.press("Enter");
  await expect(field(page)).toBeFocused();
  for (const [key, name] of [["Tab", "Send"], ["Tab", "Close the chat"], ["Shift+Tab", "Send"]] as const) {
    await page.keyboard.press(key);
    await expect(chat(page).getByRole("button", { name })).toBeFocused();
  }
  await expect(chat(page).getByRole("button", { name: "Close the chat" })).toHaveText("×");
  const found = await new AxeBuilder({ page }).analyze();
  expect(found.violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`)).toEqual([]);
  const box = await chat(page).boundingBox();
  if (project.name === "mobile") expect(box).toEqual({ x: 0, y: 0, width: 360, height: 740 });
  else expect(box!.width).toBeLessThan(400);
  await page.keyboard.press("Escape");
  await expect(chat(page)).toBeHidden();
  await expect(launch(page)).toBeFocused();
  const shift = await page.evaluate(() => new Promise<number>((resolve) => {
    new PerformanceObserver((list) => resolve(list.getEntries().length)).observe({ type: "layout-shift", buffered: true });
    setTimeout(() => resolve(0), 500);
  }));
  expect(shift).toBe(0);
  lamps.close();
});

test("documents that an answer does not name itself stand below it, also after coming back", async ({ page, baseURL }) => {
  const lamps = await site(baseURL!);
  await shop(page, lamps);
  // As a model answers, in its own words.
  const citations = [
    { document: "Opening hours", heading: "Sundays" },
    { document: "Opening hours", heading: "Sundays" },
    { document: "Holidays", heading: null },
  ];
  const done = { text: "On Sundays we are closed.", citations, session: "wss_another" };
  await page.route("**/widget/*/messages", (route) => route.fulfill({
    contentType: "text/event-stream",
    headers: { "Access-Control-Allow-Origin": lamps.origin() },
    body: `event: done\ndata: ${JSON.stringify(done)}\n\n`,
  }));
  await page.goto(lamps.origin());
  await launch(page).click();
  await expect(await say(page, "Are you open on Sundays?")).toContainText("On Sundays we are closed.");
  await expect(chat(page).getByText("From: Opening hours, Sundays; Holidays", { exact: true })).toBeVisible();
  await page.reload();
  await chatAgain(page);
  await expect(chat(page).getByText("From: Opening hours, Sundays; Holidays", { exact: true })).toBeVisible();
  lamps.close();
});

test("a page of another origin shows no widget, and a new id or another list holds at once", async ({ page, baseURL, request, expectErrors }) => {
  expectErrors(/CORS policy/, /ERR_FAILED/);
  const lamps = await site(baseURL!);
  const chatbot = await shop(page, lamps);
  const id = /wid_\w+/.exec(lamps.code)![0];
  const from = (origin: string) => request.get(`/widget/${id}`, { headers: { Origin: origin } }).then((answer) => answer.status());
  expect([await from(lamps.origin()), await from(lamps.origin("localhost"))]).toEqual([200, 403]);
  const visitor = await page.context().newPage();
  const warned = visitor.waitForEvent("console", (message) => message.text().includes("is not shown"));
  await visitor.goto(lamps.origin("localhost"));
  await warned;
  await expect(visitor.getByRole("button")).toHaveCount(0);
  await page.getByRole("button", { name: "Replace the id" }).click();
  await hydrated(page);
  await expect(page).toHaveURL(new RegExp(`/chatbots/${chatbot}$`));
  await expect(page.getByLabel("Code for your pages")).not.toContainText(id);
  expect(await from(lamps.origin())).toBe(404);
  lamps.close();
});

test("the owner sees the widget on the chatbot's page as visitors see it", async ({ page, baseURL }) => {
  const lamps = await site(baseURL!);
  await shop(page, lamps);
  const frame = page.locator("iframe[title='Preview of the widget']");
  const preview = frame.contentFrame();
  // What is fixed in a frame cannot be scrolled to.
  await frame.evaluate((element) => element.scrollIntoView({ block: "end" }));
  await preview.getByRole("button", { name: "Open the chat with Help centre" }).click();
  await expect(preview.getByText("Hello! Ask me about our shop.")).toBeVisible();
  const settings = page.getByRole("region", { name: "Settings" });
  await settings.getByLabel("Welcome message").fill("Good day!");
  await settings.getByRole("button", { name: "Save" }).click();
  await expect(preview.getByText("Good day!").or(preview.getByRole("button", { name: "Open the chat with Help centre" })).first()).toBeVisible();
  await expect(preview.getByText("Good day!")).toBeAttached();
  await page.screenshot({ path: test.info().outputPath("owner.png"), fullPage: true });
  lamps.close();
});

/** What the owner decides about messages for people. */
async function takeContacts(page: Page, chatbot: string, choice: string): Promise<void> {
  await open(page, `/chatbots/${chatbot}`);
  const widget = page.getByRole("region", { name: "Widget", exact: true });
  await widget.getByLabel("Contact requests").selectOption({ label: choice });
  await widget.getByRole("button", { name: "Save" }).click();
  await expect(widget.getByRole("status")).toContainText("Saved");
}

test("a visitor who finds no answer leaves a message, which its owner reads, answers, marks and deletes", async ({ page, baseURL }) => {
  test.slow();
  const lamps = await site(baseURL!);
  const chatbot = await shop(page, lamps);
  await addBalance(page, "5");
  const visitor = await page.context().newPage();
  await visitor.goto(lamps.origin());
  await launch(visitor).click();
  await expect(field(visitor)).toBeVisible();
  await expect(chat(visitor).getByRole("button", { name: /Leave a message/ })).toHaveCount(0);
  await takeContacts(page, chatbot, "Visitors can leave their e-mail address and a message");
  await visitor.reload();
  await chatAgain(visitor);
  await say(visitor, "Chandelier xylophone?");
  await chat(visitor).getByRole("button", { name: "Leave a message instead" }).click();
  const form = chat(visitor).getByRole("form", { name: "Leave a message" });
  await expect(form.getByLabel("Your e-mail address")).toBeFocused();
  await expect(field(visitor)).toBeHidden();
  await form.getByLabel("What you want to say").fill("Do you repair\nchandeliers?");
  await form.getByRole("button", { name: "Send" }).click();
  await expect(form.getByLabel("Your e-mail address")).toBeFocused();
  const found = await new AxeBuilder({ page: visitor }).analyze();
  expect(found.violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`)).toEqual([]);
  await visitor.screenshot({ path: test.info().outputPath("contact.png") });
  await form.getByLabel("Your e-mail address").fill("vera@example.com");
  await form.getByLabel("Your name (optional)").fill("Vera");
  await form.getByRole("button", { name: "Send" }).click();
  await expect(chat(visitor).getByText("Thank you. Your message was passed on.").first()).toBeVisible();
  await expect(form).toBeHidden();
  await expect(field(visitor)).toBeFocused();

  await open(page, "/conversations");
  await page.getByRole("link", { name: "Contact requests" }).click();
  const request = page.getByRole("article", { name: "Vera" });
  await expect(request).toContainText("Do you repair\nchandeliers?");
  await expect(request.getByRole("link", { name: "vera@example.com" })).toHaveAttribute("href", "mailto:vera@example.com");
  await page.screenshot({ path: test.info().outputPath("contacts.png"), fullPage: true });
  const accessible = await new AxeBuilder({ page }).analyze();
  expect(accessible.violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`)).toEqual([]);
  const downloading = page.waitForEvent("download");
  await page.getByRole("link", { name: "Export all as CSV" }).click();
  const file = await readFile(await (await downloading).path(), "utf8");
  expect(file).toContain("vera@example.com,\"Do you repair\nchandeliers?\"");
  await request.getByRole("link", { name: "What was said before" }).click();
  await expect(page.getByRole("region", { name: "Conversation" })).toContainText("Chandelier xylophone?");
  await open(page, "/conversations/contacts");
  await page.getByRole("button", { name: "Mark as done: Vera" }).click();
  await hydrated(page);
  await expect(page.getByText("No open contact requests")).toBeVisible();
  await page.getByRole("link", { name: "With those that are done" }).click();
  await expect(request).toContainText("Done");
  await request.getByText("Delete", { exact: true }).click();
  await request.getByRole("button", { name: "Delete for good" }).click();
  await hydrated(page);
  await expect(page).toHaveURL(/\/conversations\/contacts$/);
  await page.getByRole("link", { name: "With those that are done" }).click();
  await expect(page.getByText("No contact requests yet")).toBeVisible();
  lamps.close();
});
