// Conversations: what was asked is found, read, exported and erased, with and without WASM.

import { readFile } from "node:fs/promises";
import { addBalance, addDocument, ask, createChatbot, createKey, open, signUp, tryIt } from "./steps.ts";
import { expect, test } from "./test.ts";

test("a conversation is found by what was said, read with its sources, exported and erased", async ({ page, request, expectErrors }) => {
  // The open page hears of its end before it is left, and the address is asked for again.
  expectErrors(/status of 404/);
  await signUp(page);
  const chatbot = await createChatbot(page, "Help centre");
  await addDocument(page, chatbot, "returns.md", "# Returns\n\nYou can send a lamp back within thirty days.");
  await addBalance(page, "5");
  const key = await createKey(page, "Production");
  await tryIt(page, chatbot, "May I send a lamp back?");
  await ask(request, key, { chatbot_id: chatbot, user_message: "When do you open?" });

  await open(page, "/conversations");
  const list = page.getByRole("region", { name: "Conversations" });
  await expect(list.getByRole("listitem")).toHaveCount(2);
  const first = list.getByRole("listitem").first();
  await expect(first).toContainText("When do you open?");
  await expect(first).toContainText("Help centre · API · 1 message · $0.002000");

  await page.getByLabel("Said").fill("THIRTY days");
  await page.getByRole("button", { name: "Filter" }).click();
  await expect(page).toHaveURL(/text=THIRTY%20days/);
  await expect(list.getByRole("listitem")).toHaveCount(1);
  await page.getByLabel("Said").fill("chandelier");
  await page.getByRole("button", { name: "Filter" }).click();
  await expect(page.getByText("No conversations here")).toBeVisible();
  await page.getByRole("link", { name: "Show all", exact: true }).click();

  const downloading = page.waitForEvent("download");
  await page.getByRole("link", { name: "Export as JSON" }).click();
  const file = await (await downloading).path();
  const exported = JSON.parse(await readFile(file, "utf8"));
  expect(exported.map((conversation: { channel: string }) => conversation.channel)).toEqual(["api", "console"]);
  expect(exported[1].messages[0].sources[0].document_name).toBe("returns.md");

  await list.getByRole("link", { name: "May I send a lamp back?" }).click();
  const said = page.getByRole("region", { name: "Conversation" });
  await expect(said).toContainText("You can send a lamp back within thirty days.");
  await expect(said.getByRole("list", { name: "Passages" })).toContainText("returns.md");
  const address = page.url();

  await page.getByText("Delete this conversation").click();
  await page.getByRole("button", { name: "Delete for good" }).click();
  await expect(page).toHaveURL(/\/conversations$/);
  await expect(list.getByRole("listitem")).toHaveCount(1);
  await open(page, address);
  await expect(page.getByRole("alert")).toContainText("conversation");
});

test("a new message appears in the open conversation", async ({ page, request }) => {
  await signUp(page);
  const chatbot = await createChatbot(page, "Help centre");
  await addBalance(page, "5");
  const key = await createKey(page, "Production");
  const answered = await ask(request, key, { chatbot_id: chatbot, user_message: "One?" });
  const { conversation_id } = await answered.json();
  await open(page, `/conversations/${conversation_id}`);
  const messages = page.getByRole("list", { name: "Messages" }).locator(":scope > li");
  await expect(messages).toHaveCount(1);
  await ask(request, key, { chatbot_id: chatbot, conversation_id, user_message: "Two?" });
  await expect(messages).toHaveCount(2);
  await expect(page.getByRole("region", { name: "Conversation" })).toContainText("2 messages");
});
