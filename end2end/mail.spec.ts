// Mails and what their links open: a new password, a confirmed e-mail; and the mails as those see them who run the
// installation.

import type { Page } from "@playwright/test";
import { linkIn, mailTo, operatorEmail } from "./mails.ts";
import { leave, navigation, open, signIn, signUp, somebody } from "./steps.ts";
import { expect, hydrated, test } from "./test.ts";

const settings = (page: Page) => page.getByRole("heading", { name: "API Plans & Settings", level: 1 });

test("a forgotten password is chosen anew by mail, and other browsers are signed out", async ({ page, browser, baseURL, expectErrors }) => {
  expectErrors(/status of 404/);
  const person = await signUp(page);
  const elsewhere = await browser.newContext({ baseURL });
  const other = await elsewhere.newPage();
  await signIn(other, person);
  await expect(settings(other)).toBeVisible();
  await leave(page);

  await page.goto("/sign-in");
  await page.getByRole("link", { name: "Forgot your password?" }).click();
  await page.getByLabel("E-mail").fill(person.email);
  await page.getByRole("button", { name: "Send the link" }).click();
  await expect(page.getByRole("status")).toContainText("a link is on its way");

  const link = linkIn(await mailTo(person.email, "Choose a new password"));
  await page.goto(link);
  await page.getByLabel("New password").fill("an even longer one");
  await page.getByRole("button", { name: "Set the password" }).click();
  await expect(page.getByRole("heading", { name: "Your password is changed" })).toBeVisible();
  expect(page.url()).not.toContain("token");
  await other.goto("/settings");
  await expect(other.getByRole("heading", { name: "Sign in", level: 1 })).toBeVisible();
  await elsewhere.close();

  await page.getByRole("link", { name: "Sign in" }).click();
  await signIn(page, { ...person, password: "an even longer one" });
  await expect(settings(page)).toBeVisible();
  await page.goto(link);
  await expect(page.getByRole("heading", { name: "This link does not work" })).toBeVisible();
});

test("an address that nobody has gets the same answer", async ({ page }) => {
  await page.goto("/forgot-password");
  await page.getByLabel("E-mail").fill(somebody().email);
  await page.getByRole("button", { name: "Send the link" }).click();
  await expect(page.getByRole("status")).toContainText("a link is on its way");
});

test("an e-mail is confirmed by the link that signing up sends", async ({ page }) => {
  const person = await signUp(page);
  const notice = page.getByText("Your e-mail is not confirmed");
  await expect(notice).toBeVisible();
  await open(page, "/account");
  await expect(notice).toBeVisible();
  await page.getByRole("button", { name: "Send it again" }).click();
  await expect(page.getByRole("status")).toContainText(person.email);

  await page.goto(linkIn(await mailTo(person.email, "Confirm your e-mail")));
  await page.getByRole("button", { name: "Confirm" }).click();
  await expect(page.getByRole("heading", { name: "Your e-mail is confirmed" })).toBeVisible();
  await page.getByRole("link", { name: "Go on to Artiko" }).click();
  await expect(settings(page)).toBeVisible();
  await hydrated(page);
  await expect(notice).toBeHidden();
});

test("the amount at which somebody is told of low credit is kept, and a wrong one is refused as it was typed", async ({ page, expectErrors }) => {
  expectErrors(/status of 422/);
  await signUp(page);
  await open(page, "/account");
  const field = page.getByLabel("Tell me when less credit is left than, in USD");
  await field.fill("a lot");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("alert")).toContainText("Write the amount as 5 or 5.50");
  await expect(field).toHaveValue("a lot");
  await field.fill("7.5");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("heading", { name: "Account", level: 1 })).toBeVisible();
  await hydrated(page);
  await expect(field).toHaveValue("7.50");
});

test("whoever runs the installation reads its mails, and nobody else does", async ({ page, expectErrors }, { project }) => {
  expectErrors(/status of 404/);
  const person = await signUp(page, { ...somebody(), email: operatorEmail("reads", project.name) });
  await page.goto("/operator/mail");
  await expect(page.getByText("nothing at this address")).toBeVisible();

  await page.goto(linkIn(await mailTo(person.email, "Confirm your e-mail")));
  await page.getByRole("button", { name: "Confirm" }).click();
  await open(page, "/settings");
  const main = await navigation(page);
  const link = main.getByRole("link", { name: "Mail", exact: true });
  if (!(await link.isVisible())) await main.getByText("Olga Bergfeld").click();
  await link.click();
  await expect(page.getByRole("heading", { name: "Mail", level: 1 })).toBeVisible();
  await page.getByRole("link", { name: /^Sent / }).click();
  const row = page.getByRole("row").filter({ hasText: person.email });
  await expect(row).toContainText("Sent");
  await row.getByRole("link", { name: "E-mail confirmation" }).click();
  await expect(page.getByRole("heading", { name: "Confirm your e-mail" })).toBeVisible();
  await expect(page.getByRole("link", { name: /\/confirm-email\?token=/ })).toBeVisible();
});
