// Signing up, in and out, and what the forms say when something is wrong.

import type { Page } from "@playwright/test";
import { fillSignIn, goTo, leave, navigation, planCard, signIn, signUp, somebody } from "./steps.ts";
import { expect, formAlive, test } from "./test.ts";

test("a new account is on the plan Plus", async ({ page }) => {
  await signUp(page);
  await expect(planCard(page)).toContainText("Plus");
});

test("somebody who signed up can sign out and in again", async ({ page }) => {
  const person = await signUp(page);
  await goTo(page, "Dashboard");
  await expect(page.getByRole("heading", { name: "Dashboard", level: 1 })).toBeVisible();
  await (await openAccountMenu(page)).getByRole("button", { name: "Sign out" }).click();
  await expect(page.getByRole("heading", { name: "Sign in", level: 1 })).toBeVisible();
  await page.goto("/settings");
  await expect(page.getByRole("heading", { name: "Sign in", level: 1 })).toBeVisible();
  await signIn(page, person);
  await expect(page.getByRole("heading", { name: "API Plans & Settings", level: 1 })).toBeVisible();
});

test("somebody who is signed in is sent on from the pages for signing in and up", async ({ page }) => {
  await signUp(page);
  for (const [address, heading] of [["/sign-in", "API Plans & Settings"], ["/sign-up?next=/usage", "Usage"]] as const) {
    await page.goto(address);
    await expect(page.getByRole("heading", { name: heading, level: 1 })).toBeVisible();
  }
});

test("signing in leads to the page that was asked for", async ({ page }) => {
  const person = await signUp(page);
  await leave(page);
  await page.goto("/usage?from=2026-01-01");
  await page.getByLabel("E-mail").fill(person.email);
  await page.getByLabel("Password").fill(person.password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByRole("heading", { name: "Usage", level: 1 })).toBeVisible();
  await expect(page.getByLabel("From")).toHaveValue("2026-01-01");
});

test("a wrong e-mail and a wrong password look the same", async ({ page, expectErrors }) => {
  expectErrors(/status of 401/);
  const person = await signUp(page);
  await leave(page);
  const refusals: string[] = [];
  for (const wrong of [{ ...person, password: "not the password" }, { ...person, email: somebody().email }]) {
    await page.goto("/sign-in");
    await formAlive(page);
    await fillSignIn(page, wrong);
    const alert = page.getByRole("alert");
    await expect(alert).toBeVisible();
    await expect(alert).toContainText(/Request id req_\w+/);
    refusals.push((await alert.innerText()).replace(/req_\w+/, ""));
    await expect(page.getByLabel("E-mail")).toHaveValue(wrong.email);
  }
  expect(refusals[0]).toBe(refusals[1]);
});

test("an address that is taken is refused beside its field and nothing typed is lost", async ({ page, expectErrors }) => {
  expectErrors(/status of 409/);
  const person = await signUp(page);
  await leave(page);
  await page.goto("/sign-up");
  await formAlive(page);
  await page.getByLabel("Name").fill("Somebody Else");
  await page.getByLabel("E-mail").fill(person.email);
  await page.getByLabel("Password").fill(person.password);
  await page.getByRole("button", { name: "Sign up" }).click();
  await expect(page.getByLabel("E-mail")).toHaveAccessibleDescription(/./);
  await expect(page.getByLabel("E-mail")).toHaveAttribute("aria-invalid", "true");
  await expect(page.getByLabel("Name")).toHaveValue("Somebody Else");
});

test("a password of seven characters is not sent", async ({ page }) => {
  const { name, email } = somebody();
  await page.goto("/sign-up");
  await page.getByLabel("Name").fill(name);
  await page.getByLabel("E-mail").fill(email);
  await page.getByLabel("Password").pressSequentially("1234567");
  await page.getByRole("button", { name: "Sign up" }).click();
  await expect(page.getByRole("heading", { name: "Create an account", level: 1 })).toBeVisible();
  await page.getByLabel("Password").press("8");
  await page.getByRole("button", { name: "Sign up" }).click();
  await expect(page.getByRole("heading", { name: "API Plans & Settings", level: 1 })).toBeVisible();
});

test("the navigation leads to every page", async ({ page }) => {
  await signUp(page);
  const headings = {
    Dashboard: "Dashboard",
    Chatbots: "Chatbots",
    Documents: "Documents",
    Usage: "Usage",
    "Api & Plan Setting": "API Plans & Settings",
    "API & Reference": "API & Reference",
    Support: "Support",
  };
  for (const [link, heading] of Object.entries(headings)) {
    await goTo(page, link);
    await expect(page.getByRole("heading", { name: heading, level: 1 })).toBeVisible();
    await expect(page).toHaveTitle(`${heading} · Artiko`);
  }
});

test("an address that does not exist says so", async ({ page, expectErrors }) => {
  expectErrors(/status of 404/);
  await page.goto("/nothing-here");
  await expect(page.getByRole("heading", { name: "Page not found" })).toBeVisible();
});

/** Where "Sign out" is: under the person's name, or in the menu of narrow screens. */
async function openAccountMenu(page: Page) {
  const main = await navigation(page);
  const button = main.getByRole("button", { name: "Sign out" });
  if (!(await button.isVisible())) await main.getByText("Olga Bergfeld").click();
  return main;
}
