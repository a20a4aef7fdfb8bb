// Documents: uploaded, pasted, answered from, replaced, tried again, deleted. The customer's guide is the document of the tests.

import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { Locator, Page } from "@playwright/test";
import { addDocument, createChatbot, open, signUp, tryIt } from "./steps.ts";
import { expect, test } from "./test.ts";

const guide = join(import.meta.dirname, "../docs/guide");

async function upload(page: Page, chatbot: string, file: Parameters<Locator["setInputFiles"]>[0]) {
  await open(page, `/documents?add=${chatbot}`);
  const dialog = page.getByRole("dialog", { name: "Add document" });
  await dialog.getByLabel("Files").setInputFiles(file);
  await dialog.getByRole("button", { name: "Upload", exact: true }).click();
  return dialog;
}

test("the guide, uploaded, answers a person's question with its own sentence", async ({ page }) => {
  await signUp(page);
  const chatbot = await createChatbot(page, "Guide");
  for (const file of readdirSync(guide)) {
    await expect(await upload(page, chatbot, join(guide, file))).toBeHidden();
    await expect(page.getByRole("rowheader", { name: file })).toBeVisible();
  }
  const answer = await tryIt(page, chatbot, "how often can I see the secret?");
  await expect(answer).toContainText("You can see the Consumer Secret only once, at the moment the key is made");
  const citation = answer.getByRole("list", { name: "Passages" }).getByRole("listitem").first();
  await expect(citation).toContainText("keys.md");
  for (const [question, words] of [
    ["what happens when my card is declined?", "nothing is charged and your credit stays as it was"],
    ["why do I get error 402?", "insufficient_credit"],
    ["how many users may I have?", "Plus allows 3 users"],
  ]) {
    await expect(await tryIt(page, chatbot, question!), question).toContainText(words!);
  }
});

test("a pasted document is answered from, and the answer names it", async ({ page }) => {
  await signUp(page);
  const chatbot = await createChatbot(page, "Help centre");
  await addDocument(page, chatbot, "Opening hours", "# Hours\n\nThe shop opens at nine in the morning.\n\nParking is free.");
  const answer = await tryIt(page, chatbot, "When does the shop open?");
  await expect(answer).toContainText("The shop opens at nine in the morning.");
  await expect(answer.getByRole("list", { name: "Passages" })).toContainText("Opening hours");
  await expect(page.getByLabel("Message", { exact: true })).toHaveValue("");
});

test("a question that nothing matches is answered with a plain no", async ({ page }) => {
  await signUp(page);
  const chatbot = await createChatbot(page, "Help centre");
  await addDocument(page, chatbot, "Opening hours", "The shop opens at nine.");
  await expect(await tryIt(page, chatbot, "quantum chromodynamics")).toContainText("I found nothing about that");
});

const text = (name: string, mimeType: string, words: string) => ({ name, mimeType, buffer: Buffer.from(words) });

test("several files at once: each is read by itself, one is broken, is tried again and replaced", async ({ page }) => {
  await signUp(page);
  const chatbot = await createChatbot(page, "Help centre");
  const dialog = await upload(page, chatbot, [
    text("hours.html", "text/html", "<h1>Hours</h1><p>The shop opens at nine."),
    text("prices.csv", "text/csv", "Article,Price\nLamp,20\n"),
    text("cut.pdf", "application/pdf", "%PDF-1.7 and nothing more"),
  ]);
  await expect(dialog).toBeHidden();
  const row = (name: string) => page.getByRole("row").filter({ has: page.getByRole("rowheader", { name }) });
  await expect(row("hours.html")).toContainText("Ready");
  await expect(row("prices.csv")).toContainText("Ready");
  await expect(row("cut.pdf")).toContainText("Failed");
  await expect(row("cut.pdf")).toContainText("The file is damaged");
  await row("cut.pdf").getByRole("button", { name: "Try again" }).click();
  await expect(row("cut.pdf")).toContainText("Failed");
  await row("cut.pdf").getByRole("button", { name: "Replace" }).click();
  const replace = page.getByRole("dialog", { name: "Replace document" });
  await replace.getByLabel("File").setInputFiles(text("whole.html", "text/html", "<p>Parking is free."));
  await replace.getByRole("button", { name: "Upload" }).click();
  await expect(row("whole.html")).toContainText("Ready");
  await expect(row("cut.pdf")).toHaveCount(0);
  await expect(await tryIt(page, chatbot, "Is parking free?")).toContainText("Parking is free.");
  await expect(await tryIt(page, chatbot, "What is the price of a lamp?")).toContainText("Price: 20");
});

test("of several files the one that is refused says so, and the others are taken", async ({ page, expectErrors }) => {
  expectErrors(/status of 415/);
  await signUp(page);
  const chatbot = await createChatbot(page, "Help centre");
  const files = [text("picture.png", "image/png", "\x89PNG"), text("hours.md", "text/markdown", "We open at nine.")];
  const dialog = await upload(page, chatbot, files);
  await expect(dialog.getByRole("listitem").nth(0)).toContainText("picture.png is not plain text");
  await expect(dialog.getByRole("listitem").nth(1)).toContainText("Uploaded");
  await dialog.getByRole("link", { name: "Cancel" }).click();
  await expect(page.getByRole("rowheader", { name: "hours.md" })).toBeVisible();
});

test("a file that is no text is refused", async ({ page, expectErrors }) => {
  expectErrors(/status of 415/);
  await signUp(page);
  const chatbot = await createChatbot(page, "Help centre");
  const dialog = await upload(page, chatbot, {
    name: "picture.txt",
    mimeType: "text/plain",
    buffer: Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0x00]),
  });
  await expect(dialog.getByRole("listitem")).toContainText("UTF-8");
});

test("a file that is too large is refused", async ({ page, expectErrors }) => {
  expectErrors(/status of 413/);
  await signUp(page);
  const chatbot = await createChatbot(page, "Help centre");
  const dialog = await upload(page, chatbot, {
    name: "large.txt",
    mimeType: "text/plain",
    buffer: Buffer.alloc(2 * 1024 * 1024 + 1, "a line of text\n"),
  });
  await expect(dialog.getByRole("listitem")).toContainText("2 MiB");
});

test("a deleted document is answered from no more", async ({ page }) => {
  await signUp(page);
  const chatbot = await createChatbot(page, "Help centre");
  await addDocument(page, chatbot, "Opening hours", "The shop opens at nine.");
  const row = page.getByRole("row").filter({ has: page.getByRole("rowheader", { name: "Opening hours" }) });
  await row.getByRole("button", { name: "Delete" }).click();
  const dialog = page.getByRole("dialog", { name: "Delete document" });
  await dialog.getByRole("button", { name: "Delete document" }).click();
  await expect(dialog).toBeHidden();
  await expect(row).toHaveCount(0);
  await expect(await tryIt(page, chatbot, "When does the shop open?")).toContainText("I found nothing about that");
});

test("whoever looks at the documents of one chatbot sees them after a deletion too", async ({ page }) => {
  await signUp(page);
  const chatbot = await createChatbot(page, "Help centre");
  await addDocument(page, chatbot, "Opening hours", "The shop opens at nine.");
  await open(page, `/documents?chatbot=${chatbot}`);
  await page.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("dialog", { name: "Delete document" }).getByRole("button", { name: "Delete document" }).click();
  await expect(page).toHaveURL(`/documents?chatbot=${chatbot}`);
  await expect(page.getByLabel("Chatbot")).toHaveValue(chatbot);
});

test("an upload says how far it is, and a replacement what it replaces", async ({ page }) => {
  await signUp(page);
  const chatbot = await createChatbot(page, "Help centre");
  const session = await page.context().newCDPSession(page);
  await session.send("Network.enable");
  const slow = { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: 250_000 };
  await open(page, `/documents?add=${chatbot}`);
  await session.send("Network.emulateNetworkConditions", slow);
  const dialog = page.getByRole("dialog", { name: "Add document" });
  await dialog.getByLabel("Files").setInputFiles(text("long.txt", "text/plain", "We open at nine.\n".repeat(40_000)));
  await dialog.getByRole("button", { name: "Upload", exact: true }).click();
  await expect(dialog.getByRole("listitem")).toContainText(/long.txt .*[1-9]\d? %/);
  await expect(dialog.getByRole("progressbar", { name: "long.txt" })).toHaveJSProperty("max", 100);
  await expect(dialog.getByRole("button", { name: "Uploading…" })).toBeDisabled();
  await session.send("Network.emulateNetworkConditions", { ...slow, uploadThroughput: -1 });
  await expect(dialog).toBeHidden();
  await expect(page).toHaveURL(new RegExp(`chatbot=${chatbot}`));

  const row = page.getByRole("row").filter({ has: page.getByRole("rowheader", { name: "long.txt" }) });
  await row.getByRole("button", { name: "Replace" }).click();
  const replace = page.getByRole("dialog", { name: "Replace document" });
  await expect(replace).toContainText("In place of long.txt, of Help centre.");
  await replace.getByRole("link", { name: "Cancel" }).click();
  await expect(page).toHaveURL(new RegExp(`/documents\\?chatbot=${chatbot}$`));
  await row.getByRole("button", { name: "Replace" }).click();
  await replace.getByLabel("File").setInputFiles(text("short.txt", "text/plain", "We open at ten."));
  await replace.getByRole("button", { name: "Upload" }).click();
  await expect(replace).toBeHidden();
  await expect(page).toHaveURL(new RegExp(`/documents\\?chatbot=${chatbot}$`));
  await expect(page.getByRole("rowheader", { name: "short.txt" })).toBeVisible();
  await page.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("dialog", { name: "Delete document" }).getByRole("link", { name: "Cancel" }).click();
  await expect(page).toHaveURL(new RegExp(`/documents\\?chatbot=${chatbot}$`));
});
