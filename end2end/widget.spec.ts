// The chat widget as visitors meet it: on a page of another origin, which forbids all that it can forbid.

import AxeBuilder from "@axe-core/playwright";
import type { Locator, Page } from "@playwright/test";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { addBalance, addDocument, createChatbot, creditCard, expectBalance, open, signUp } from "./steps.ts";
import { expect, hydrated, test } from "./test.ts";

test.use({ permissions: ["clipboard-read", "clipboard-write"] });

/** A site with the page that it is given. */
class Site {
  code = "";
  #server: Server;

  constructor(installation: string) {
    const policy = `default-src 'none'; script-src ${installation}; connect-src ${installation}; img-src data:`;
    this.#server = createServer((_, response) => {
      response.writeHead(200, { "Content-Type": "text/html; charset=windows-1252", "Content-Security-Policy": policy });
      response.end(`<!DOCTYPE html><html lang="en"><head><meta name="viewport" content="width=device-width">
        <title>Lamps</title><link rel="icon" href="data:,">${this.code}</head>
        <body><main><h1>Lamps</h1><p>We sell lamps.</p><a href="/">Home</a></main></body></html>`);
    });
  }

  listen(): Promise<void> {
    return new Promise((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
  }

  close(): void {
    this.#server.close();
  }

  origin(host = "127.0.0.1"): string {
    return `http://${host}:${(this.#server.address() as AddressInfo).port}`;
  }
}

const site = async (installation: string) => {
  const made = new Site(installation);
  await made.listen();
  return made;
};

const launch = (page: Page) => page.getByRole("button", { name: "Open the chat with Help centre" });
const chat = (page: Page) => page.getByRole("dialog", { name: "Chat with Help centre" });
const field = (page: Page) => chat(page).getByLabel("Your message");

async function say(page: Page, message: string): Promise<Locator> {
  await field(page).fill(message);
  await field(page).press("Enter");
  await expect(chat(page).getByRole("button", { name: "Send" })).toBeEnabled();
  return chat(page).getByRole("log");
}

/** A chatbot with a document, and its widget on the site. */
async function shop(page: Page, lamps: Site): Promise<string> {
  await signUp(page);
  const chatbot = await createChatbot(page, "Help centre");
  await addDocument(page, chatbot, "Opening hours", "The shop opens at nine.");
  await open(page, `/chatbots/${chatbot}`);
  const settings = page.getByRole("region", { name: "Settings" });
  await settings.getByLabel("Welcome message").fill("Hello! Ask me about our shop.");
  await settings.getByLabel("Suggested questions").fill("When does the shop open?");
  await settings.getByRole("button", { name: "Save" }).click();
  await expect(settings.getByRole("status")).toContainText("Saved");
  await allow(page, lamps.origin());
  await page.getByRole("button", { name: "Copy the embed code" }).click();
  await expect.poll(() => page.evaluate(() => navigator.clipboard.readText())).toContain("data-widget=\"wid_");
  lamps.code = await page.evaluate(() => navigator.clipboard.readText());
  return chatbot;
}

async function allow(page: Page, origins: string): Promise<void> {
  const widget = page.getByRole("region", { name: "Widget", exact: true });
  await widget.getByLabel("Allowed origins").fill(origins);
  await widget.getByRole("button", { name: "Save" }).click();
  await expect(widget.getByRole("status")).toContainText("Saved");
}

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
  await expect(chat(visitor).getByText("From: Opening hours")).toBeVisible();
  await expect(chat(visitor).getByText("When does the shop open?", { exact: true }).filter({ visible: true })).toHaveCount(1);
  await expectBalance(page, "$4.998000");
  await open(page, `/chatbots/${chatbot}`);
  const cap = page.getByRole("region", { name: "Daily cap" });
  await cap.getByLabel("Cap in USD").fill("0.004");
  await cap.getByRole("button", { name: "Save" }).click();
  await expect(cap.getByRole("status")).toContainText("Saved");
  await visitor.reload();
  await launch(visitor).or(chat(visitor)).first().waitFor();
  if (await launch(visitor).isVisible()) await launch(visitor).click();
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
