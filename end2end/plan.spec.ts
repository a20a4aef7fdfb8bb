// The plan card: every limit with its use from real rows, the catalogue, and that limits hold.

import type { Page } from "@playwright/test";
import { addDocument, createChatbot, createKey, open, planCard, signUp, tryIt } from "./steps.ts";
import { expect, test } from "./test.ts";

const meter = (page: Page, label: string) => planCard(page).getByRole("progressbar", { name: label });

test("the card shows each limit of Plus and how much of it is used", async ({ page }) => {
  await signUp(page);
  for (const [label, text] of [
    ["Messages in 3 hours", "0 of 200"],
    ["Chatbots", "0 of 10"],
    ["Documents", "0 of 100"],
    ["Users", "1 of 3"],
    ["API keys", "0 of 5"],
  ]) {
    await expect(meter(page, label!)).toHaveText(text!);
  }
  const chatbot = await createChatbot(page, "Help centre");
  await addDocument(page, chatbot, "hours.md", "We open at nine.");
  await createKey(page, "Production");
  await tryIt(page, chatbot, "When do you open?");
  await open(page, "/settings");
  await expect(meter(page, "Messages in 3 hours")).toHaveText("1 of 200");
  await expect(meter(page, "Chatbots")).toHaveText("1 of 10");
  await expect(meter(page, "Documents")).toHaveText("1 of 100");
  await expect(meter(page, "API keys")).toHaveText("1 of 5");
  await expect(planCard(page)).toContainText("199 left now · the next one frees up at");
});

test("the plans can be compared, and support be asked", async ({ page }) => {
  await signUp(page);
  await open(page, "/settings");
  await planCard(page).getByRole("button", { name: "Compare plans" }).click();
  const dialog = page.getByRole("dialog", { name: "Compare plans" });
  for (const name of ["Free", "Plus", "Business"]) {
    await expect(dialog.getByRole("columnheader", { name })).toBeVisible();
  }
  await expect(dialog.getByRole("row", { name: /^Messages in 3 hours/ })).toContainText(/40\s*200\s*1,000/);
  await expect(dialog.getByRole("row", { name: /^Documents/ })).toContainText(/5\s*100\s*2,000/);
  await expect(dialog.getByRole("row", { name: /^API keys/ })).toContainText(/2\s*5\s*20/);
  await expect(dialog.getByRole("row").last()).toContainText(/Choose\s*Your plan\s*Choose/);
  await page.keyboard.press("Escape");
  await expect(dialog).toBeHidden();
  await expect(page).toHaveURL(/\/settings$/);
  await planCard(page).getByRole("link", { name: "Contact support" }).click();
  await expect(page.getByRole("link", { name: "help@bergfeld.example" })).toBeVisible();
});

test("fifty chatbots made at once fill the three places that are left", async ({ page }) => {
  await signUp(page);
  const create = (name: string) => page.request.post("/rpc/chatbots/create", { form: { name }, headers: { Accept: "application/json" } });
  for (let number = 1; number <= 7; number++) expect((await create(`Chatbot ${number}`)).ok()).toBe(true);
  const answers = await Promise.all(Array.from({ length: 50 }, (_, number) => create(`At once ${number}`)));
  expect(answers.filter((answer) => answer.ok())).toHaveLength(3);
  expect(answers.filter((answer) => answer.status() === 403)).toHaveLength(47);
  await open(page, "/settings");
  await expect(meter(page, "Chatbots")).toHaveText("10 of 10");
});

test("a chatbot too many is refused with the limit, and its name is kept", async ({ page, expectErrors }) => {
  expectErrors(/status of 403/);
  await signUp(page);
  for (let number = 1; number <= 10; number++) {
    await page.request.post("/rpc/chatbots/create", { form: { name: `Chatbot ${number}` }, headers: { Accept: "application/json" } });
  }
  await open(page, "/chatbots?new");
  const dialog = page.getByRole("dialog", { name: "New chatbot" });
  await dialog.getByLabel("Name").fill("One more");
  await dialog.getByRole("button", { name: "Create chatbot" }).click();
  await expect(dialog.getByRole("alert")).toContainText("allows 10 chatbots");
  await expect(dialog.getByLabel("Name")).toHaveValue("One more");
});

test("a full message window says when the next message is free and keeps what was typed", async ({ page, expectErrors }) => {
  expectErrors(/status of 429/);
  await signUp(page);
  const chatbot = await createChatbot(page, "Help centre");
  const send = (message: string) =>
    page.request.post("/rpc/chatbots/ask", { form: { id: chatbot, message }, headers: { Accept: "application/json" } });
  for (let sent = 0; sent < 200; sent += 20) {
    const answers = await Promise.all(Array.from({ length: 20 }, (_, number) => send(`Message ${sent + number}`)));
    expect(answers.every((answer) => answer.ok())).toBe(true);
  }
  await open(page, "/settings");
  await expect(meter(page, "Messages in 3 hours")).toHaveText("200 of 200");
  await expect(planCard(page)).toContainText(/None left now · the next one frees up at .*\d\d:\d\d/);
  await open(page, `/chatbots/${chatbot}`);
  await page.getByLabel("Message", { exact: true }).fill("One more");
  await page.getByRole("button", { name: "Ask", exact: true }).click();
  await expect(page.getByRole("alert")).toContainText("all messages of this window are used", { ignoreCase: true });
  await expect(page.getByLabel("Message", { exact: true })).toHaveValue("One more");
});
