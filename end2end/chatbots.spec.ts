// Chatbots: made, found by their id, renamed, deleted.

import { createChatbot, open, signUp } from "./steps.ts";
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
