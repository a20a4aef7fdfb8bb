// A shop's own site on another origin, which forbids all that it can forbid, and its visitors in front of the widget.

import type { Locator, Page } from "@playwright/test";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { addDocument, createChatbot, open, signUp } from "./steps.ts";
import { expect } from "./test.ts";

/** A site with the page that it is given. */
export class Site {
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

export const site = async (installation: string) => {
  const made = new Site(installation);
  await made.listen();
  return made;
};

export const launch = (page: Page) => page.getByRole("button", { name: "Open the chat with Help centre" });
export const chat = (page: Page) => page.getByRole("dialog", { name: "Chat with Help centre" });
export const field = (page: Page) => chat(page).getByLabel("Your message");

export async function say(page: Page, message: string): Promise<Locator> {
  await field(page).fill(message);
  await field(page).press("Enter");
  await expect(chat(page).getByRole("button", { name: "Send" })).toBeEnabled();
  return chat(page).getByRole("log");
}

/** Opens the chat on a page that was loaded again, unless it stands open, as it does where it leaves room for the page. */
export async function chatAgain(page: Page): Promise<void> {
  await launch(page).or(chat(page)).first().waitFor();
  if (await launch(page).isVisible()) await launch(page).click();
}

/** A chatbot with a document, and its widget on the site. */
export async function shop(page: Page, lamps: Site): Promise<string> {
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

export async function allow(page: Page, origins: string): Promise<void> {
  const widget = page.getByRole("region", { name: "Widget", exact: true });
  await widget.getByLabel("Allowed origins").fill(origins);
  await widget.getByRole("button", { name: "Save" }).click();
  await expect(widget.getByRole("status")).toContainText("Saved");
}
