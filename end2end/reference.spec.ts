// API & Reference: the examples carry the reader's own ids, never a secret, and do what they say when they are run.

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { addBalance, addDocument, createChatbot, createKey, expectBalance, open, signUp } from "./steps.ts";
import { expect, test } from "./test.ts";

const run = promisify(execFile);
const ways = {
  curl: (code: string) => ["bash", "-c", code],
  javascript: (code: string) => [process.execPath, "--input-type=commonjs", "--eval", code],
  python: (code: string) => ["python3", "-c", code],
};

test("each example, run as it stands, prints the chatbot's answer", async ({ page }) => {
  await signUp(page);
  const chatbot = await createChatbot(page, "Help centre");
  await addDocument(page, chatbot, "Contact", "You can reach us by telephone at any hour.");
  await addBalance(page, "5");
  const { consumerKey, consumerSecret } = await createKey(page, "Production");
  await open(page, "/reference");
  for (const [language, label] of [["curl", "curl"], ["javascript", "JavaScript"], ["python", "Python"]] as const) {
    await page.getByRole("navigation", { name: "Language" }).getByRole("link", { name: label, exact: true }).click();
    const snippet = page.locator(`pre[data-snippet="${language}"]`);
    await expect(snippet).toBeVisible();
    const code = (await snippet.textContent()) ?? "";
    expect(code).toContain(chatbot);
    expect(code).toContain(consumerKey);
    expect(await page.content()).not.toContain(consumerSecret);
    const [program, ...rest] = ways[language](code);
    const { stdout } = await run(program!, rest, {
      env: { PATH: process.env.PATH, ARTIKO_CONSUMER_SECRET: consumerSecret },
    });
    expect(stdout).toContain("You can reach us by telephone at any hour.");
  }
  await open(page, "/settings");
  await expectBalance(page, "$4.994000");
});

test("without a key the examples read it from the environment, and say how to make one", async ({ page }) => {
  await signUp(page);
  const chatbot = await createChatbot(page, "Help centre");
  await open(page, "/reference");
  await expect(page.locator('pre[data-snippet="curl"]')).toContainText(chatbot);
  await expect(page.locator('pre[data-snippet="curl"]')).toContainText("$ARTIKO_CONSUMER_KEY");
  await page.getByRole("main").getByRole("link", { name: "Generate API Key" }).click();
  await expect(page.getByRole("dialog", { name: "Generate API Key" })).toBeVisible();
});

test("every error has a place that its type leads to", async ({ page }) => {
  await signUp(page);
  await open(page, "/reference#insufficient_credit");
  const errors = page.getByRole("region", { name: "All errors of the call" });
  for (const code of ["missing_credential", "invalid_credential", "insufficient_credit", "invalid_field", "unavailable"]) {
    await expect(errors.getByRole("rowheader", { name: code })).toBeVisible();
  }
  await expect(errors.getByRole("row", { name: /insufficient_credit/ })).toBeInViewport();
});

test("the guide can be read under Support", async ({ page }) => {
  await signUp(page);
  await open(page, "/support");
  await page.getByRole("link", { name: "API keys" }).click();
  await expect(page.getByRole("heading", { name: "API keys", level: 1 })).toBeVisible();
  await expect(page.getByRole("article")).toContainText("You can see the Consumer Secret only once");
});
