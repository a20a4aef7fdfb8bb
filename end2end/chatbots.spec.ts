// Chatbots: made, found by their id, renamed, capped, paused, deleted.

import { addBalance, addDocument, ask, createChatbot, createKey, open, signUp } from "./steps.ts";
import { expect, test, watch } from "./test.ts";

test.use({ permissions: ["clipboard-read", "clipboard-write"] });

test("a chatbot's card shows its id, which can be copied", async ({ page }) => {
  await signUp(page);
  const id = await createChatbot(page, "Help centre");
  await page.getByRole("button", { name: "Copy the id of Help centre" }).click();
  await expect.poll(() => page.evaluate(() => navigator.clipboard.readText())).toBe(id);
  await page.getByRole("link", { name: "Help centre" }).click();
  await expect(page.getByRole("heading", { name: "Help centre", level: 1 })).toBeVisible();
  await expect(page).toHaveURL(new RegExp(`/chatbots/${id}$`));
});

test("a chatbot can be renamed and keeps its id", async ({ page }) => {
  await signUp(page);
  const id = await createChatbot(page, "Help centre");
  const card = page.getByRole("listitem").filter({ hasText: id });
  await card.getByRole("button", { name: "Rename" }).click();
  const dialog = page.getByRole("dialog", { name: "Rename chatbot" });
  await expect(dialog.getByLabel("Name")).toHaveValue("Help centre");
  await dialog.getByLabel("Name").fill("Front desk");
  await dialog.getByRole("button", { name: "Rename" }).click();
  await expect(dialog).toBeHidden();
  await expect(card.getByRole("heading", { name: "Front desk" })).toBeVisible();
});

test("a deleted chatbot is gone with its place in the plan", async ({ page }) => {
  await signUp(page);
  const id = await createChatbot(page, "Help centre");
  await page.getByRole("listitem").filter({ hasText: id }).getByRole("button", { name: "Delete" }).click();
  const dialog = page.getByRole("dialog", { name: "Delete chatbot" });
  await expect(dialog).toContainText("Help centre");
  await dialog.getByRole("button", { name: "Delete chatbot" }).click();
  await expect(page.getByText("No chatbots yet")).toBeVisible();
});

test("a name that is only spaces is refused beside its field", async ({ page, expectErrors }) => {
  expectErrors(/status of 422/);
  await signUp(page);
  await open(page, "/chatbots?new");
  const dialog = page.getByRole("dialog", { name: "New chatbot" });
  await dialog.getByLabel("Name").fill("   ");
  await dialog.getByRole("button", { name: "Create chatbot" }).click();
  await expect(dialog.getByRole("alert")).toContainText("enter the", { ignoreCase: true });
});

test("a daily cap and a pause hold from the next call on, and the page says what it spent", async ({ page, request, expectErrors }) => {
  expectErrors(/status of 422/);
  await signUp(page);
  const chatbot = await createChatbot(page, "Help centre");
  await addDocument(page, chatbot, "Opening hours", "The shop opens at nine.");
  await addBalance(page, "5");
  const key = await createKey(page, "Production");
  const code = async (): Promise<string> => {
    const answer = await ask(request, key, { chatbot_id: chatbot, user_message: "When does the shop open?" });
    return answer.ok() ? "" : (await answer.json()).code;
  };
  await open(page, `/chatbots/${chatbot}`);
  const spending = page.getByRole("region", { name: "Spending" });
  const cap = page.getByRole("region", { name: "Daily cap" });
  await cap.getByLabel("Cap in USD").fill("2 or 3");
  await cap.getByRole("button", { name: "Save" }).click();
  await expect(cap.getByRole("alert")).toContainText("Write the cap as 25 or 25.50");
  await expect(cap.getByLabel("Cap in USD")).toHaveValue("2 or 3");
  await cap.getByLabel("Cap in USD").fill("0.002");
  await cap.getByRole("button", { name: "Save" }).click();
  await expect(cap.getByRole("status")).toContainText("Saved");
  expect(await code()).toBe("");
  expect(await code()).toBe("chatbot_cap_reached");
  await expect(spending).toContainText("$0.002 of $0.002");
  await cap.getByLabel("Cap in USD").fill("");
  await cap.getByRole("button", { name: "Save" }).click();
  await expect.poll(code).toBe("");

  await spending.getByRole("button", { name: "Pause" }).click();
  await expect(page.getByText("Paused since")).toBeVisible();
  expect(await code()).toBe("chatbot_paused");
  await page.getByLabel("Message", { exact: true }).fill("When does the shop open?");
  await page.getByRole("button", { name: "Ask", exact: true }).click();
  await expect(page.getByRole("list", { name: "Conversation" }).getByText("The shop opens at nine.").first()).toBeVisible();
  await open(page, "/chatbots");
  await expect(page.getByRole("listitem").filter({ hasText: chatbot })).toContainText("Paused");
  await page.getByRole("link", { name: "Help centre" }).click();
  await spending.getByRole("button", { name: "Let it answer again" }).click();
  await expect(page.getByText("Paused since")).toBeHidden();
  expect(await code()).toBe("");
});

test("settings are kept, and what they say is tried beside them", async ({ page, expectErrors }) => {
  expectErrors(/status of 422/);
  await signUp(page);
  const chatbot = await createChatbot(page, "Help centre");
  await addDocument(page, chatbot, "Opening hours", "The shop opens at nine.");
  await open(page, `/chatbots/${chatbot}`);
  const settings = page.getByRole("region", { name: "Settings" });
  const trial = page.getByRole("region", { name: "Try it" });
  await settings.getByLabel("Welcome message").fill("Hello! Ask me about our shop.");
  await settings.getByLabel("Suggested questions").fill("1\n2\n3\n4\n5\n6");
  await settings.getByLabel("Colour").fill("#b8233a");
  await expect(settings.getByLabel("Answer engine").getByRole("option")).toHaveCount(2);
  await settings.getByRole("button", { name: "Save" }).click();
  await expect(settings.getByRole("alert")).toContainText("There may be at most 5 questions");
  await expect(settings.getByLabel("Welcome message")).toHaveValue("Hello! Ask me about our shop.");
  await settings.getByLabel("Suggested questions").fill("When does the shop open?");
  await settings.getByRole("button", { name: "Save" }).click();
  await expect(settings.getByRole("status")).toContainText("Saved");
  await expect(trial.getByText("Hello! Ask me about our shop.")).toBeVisible();
  await trial.getByRole("button", { name: "When does the shop open?" }).click();
  await expect(trial.getByRole("list", { name: "Conversation" }).getByText("The shop opens at nine.").first()).toBeVisible();
  await expect(trial.getByLabel("Message", { exact: true })).toHaveValue("");
  await expect(trial.getByText("Hello! Ask me about our shop.")).toBeHidden();
  await page.reload();
  await expect(settings.getByLabel("Suggested questions")).toHaveValue("When does the shop open?");
  await expect(settings.getByLabel("Colour")).toHaveValue("#b8233a");
  await expect(trial.getByText("Hello! Ask me about our shop.")).toBeVisible();
});

test("somebody else's chatbot is not found", async ({ page, browser, expectErrors }) => {
  expectErrors(/status of 404/);
  const other = await browser.newPage();
  watch(other.context());
  await signUp(other);
  const id = await createChatbot(other, "Theirs");
  await other.close();
  await signUp(page);
  await page.goto(`/chatbots/${id}`);
  await expect(page.getByRole("alert")).toContainText("no such chatbot", { ignoreCase: true });
  await expect(page.getByText("Theirs")).toHaveCount(0);
});
