// Makes the account that the measurements use, as a person would in a browser, and prints it as JSON: the cookie of the
// session, an API key, a chatbot that answers from the guide, and the embed code of its widget for one site.
//
//   node end2end/bench/prepare.ts http://127.0.0.1:3000 <the site's origin>

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "@playwright/test";
import { browserArguments, executablePath } from "../browser.ts";
import { allow } from "../shop.ts";
import { addBalance, addDocument, ask, createChatbot, createKey, open, signUp } from "../steps.ts";
import { watch } from "../test.ts";

const baseURL = process.argv[2];
const guide = join(import.meta.dirname, "../../docs/guide");
const browser = await chromium.launch({ executablePath, args: browserArguments });
try {
  const context = await browser.newContext({ baseURL });
  const errors = watch(context);
  const page = await context.newPage();
  await signUp(page);
  const chatbot = await createChatbot(page, "Guide");
  for (const name of ["plan.md", "credit.md", "keys.md", "widget.md", "troubleshooting.md"]) {
    await addDocument(page, chatbot, name, readFileSync(join(guide, name), "utf8"));
  }
  await open(page, `/chatbots/${chatbot}`);
  await allow(page, process.argv[3]!);
  const embedCode = await page.getByRole("region", { name: "Embed code" }).locator("pre").innerText();
  // For some millions of messages: a call that is refused for want of credit would count as a fast one.
  for (let payment = 0; payment < 4; payment++) await addBalance(page, "2000");
  const key = await createKey(page, "Benchmark");
  const body = { chatbot_id: chatbot, user_message: "how often can I see the secret?" };
  const answer = await ask(context.request, key, body);
  const cookies = (await context.cookies()).map(({ name, value }) => `${name}=${value}`).join("; ");
  if (errors.length > 0 || !answer.ok()) throw new Error(`${answer.status()} ${errors.join("\n")}`);
  console.log(JSON.stringify({ cookies, body, embedCode, authorization: `${key.consumerKey}:${key.consumerSecret}` }));
} finally {
  await browser.close();
}
