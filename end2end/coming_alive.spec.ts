// How a page comes alive: in turns, so that the browser can answer between them, and at once when a person does something.

import type { Page } from "@playwright/test";
import { creditCard, signUp } from "./steps.ts";
import { expect, hydrated, test } from "./test.ts";

declare global {
  interface Window {
    /** Turns that the page asked for and that have not been given. */
    heldTurns: (() => void)[];
    /** Gone when the document is loaded anew. */
    isFirstDocument?: boolean;
  }
}

/** Fewer would be a page that keeps the browser busy for long at once. */
const TURNS_MIN = 5;

/** From the next page on, keeps the turns that are asked for until the test gives them. */
async function holdTurns(page: Page): Promise<void> {
  await page.addInitScript(() => {
    const given = window.setTimeout.bind(window);
    window.heldTurns = [];
    window.setTimeout = ((run: () => void, delay?: number, ...rest: unknown[]) =>
      delay ? given(run, delay, ...rest) : window.heldTurns.push(run)) as typeof window.setTimeout;
  });
}

/** Opens the page and ends when it has asked for its first turn. */
async function openHeld(page: Page, path: string): Promise<void> {
  await holdTurns(page);
  await page.goto(path);
  await page.waitForFunction(() => window.heldTurns.length > 0);
  await page.evaluate(() => (window.isFirstDocument = true));
}

const isAlive = (page: Page) => page.evaluate(() => document.documentElement.hasAttribute("data-alive"));

async function giveTurns(page: Page, turns: number): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await page.evaluate(() => window.heldTurns.shift()?.());
}

/** Gives all turns, also those that are asked for meanwhile. */
async function giveAllTurns(page: Page): Promise<void> {
  await page.evaluate(() => {
    const give = () => {
      window.heldTurns.splice(0).forEach((run) => run());
      requestAnimationFrame(give);
    };
    give();
  });
}

test("a page comes alive in turns, and listens for changes after the last", async ({ page }) => {
  await signUp(page);
  await openHeld(page, "/settings");
  let turns = 0;
  for (; !(await isAlive(page)) && turns < 50; turns++) await giveTurns(page, 1);
  expect(turns).toBeGreaterThanOrEqual(TURNS_MIN);
  await giveAllTurns(page);
  await hydrated(page);
});

for (const turns of [0, 1, 2, 3, 4]) {
  test(`a button pressed after ${turns} turns opens its dialog without leaving the page`, async ({ page }) => {
    await signUp(page);
    await openHeld(page, "/settings");
    await giveTurns(page, turns);
    expect(await isAlive(page)).toBe(false);
    await creditCard(page).getByRole("button", { name: "Add balance" }).click();
    await giveAllTurns(page);
    await expect(page.getByRole("dialog", { name: "Add balance" })).toBeVisible();
    await hydrated(page);
    expect(await page.evaluate(() => window.isFirstDocument)).toBe(true);
  });
}

test("a link followed before the page is alive shows its page without loading the document anew", async ({ page }) => {
  await signUp(page);
  await openHeld(page, "/support");
  await page.getByRole("main").getByRole("link", { name: "API & Reference for programmers" }).click();
  await giveAllTurns(page);
  await expect(page.getByRole("heading", { name: "API & Reference", level: 1 })).toBeVisible();
  await hydrated(page);
  expect(await page.evaluate(() => window.isFirstDocument)).toBe(true);
});
