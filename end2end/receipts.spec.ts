// Receipts: numbered, with the details of both sides, fee and tax; to be read, printed and kept as files.

import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import type { Page } from "@playwright/test";
import { addBalance, cards, expectBalance, open, payWith, signUp, startPayment } from "./steps.ts";
import { expect, test } from "./test.ts";

test("every paid payment has a receipt with the next number, to read and as a PDF", async ({ page }) => {
  const person = await signUp(page);
  await addBalance(page, "25");
  await page.getByRole("link", { name: "Receipt R-000001" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Receipt R-000001" })).toBeVisible();
  const receipt = page.getByRole("region", { name: "Receipt R-000001" });
  for (const part of ["Artiko", person.name, person.email, "Paid", "Credit bought: $25.000000"]) {
    await expect(receipt).toContainText(part);
  }
  await expect(receipt.getByRole("row", { name: "Total paid $25.00" })).toBeVisible();
  const href = await page.getByRole("link", { name: "Download PDF" }).getAttribute("href");
  const file = await page.request.get(href ?? "");
  expect(file.headers()["content-type"]).toBe("application/pdf");
  expect(file.headers()["content-disposition"]).toBe('attachment; filename="artiko-receipt-R-000001.pdf"');
  expect((await file.body()).subarray(0, 5).toString()).toBe("%PDF-");
  await addBalance(page, "10");
  await expect(page.getByRole("link", { name: "Receipt R-000002" })).toBeVisible();
});

test("the list of payments leads to the receipts, and is a file too", async ({ page }) => {
  await signUp(page);
  await addBalance(page, "25");
  await startPayment(page, "10");
  await payWith(page, cards.declined);
  await open(page, "/settings/payments");
  await expect(page.getByRole("row", { name: /Paid \$25\.00 .* Receipt R-000001/ })).toBeVisible();
  await expect(page.getByRole("row", { name: /Declined \$10\.00/ }).getByRole("link")).toHaveCount(0);
  const downloaded = page.waitForEvent("download");
  await page.getByRole("link", { name: "Export as CSV" }).click();
  expect((await downloaded).suggestedFilename()).toMatch(/^artiko-payments-\d{4}-\d\d-\d\d\.csv$/);
  await page.getByRole("link", { name: "Receipt R-000001" }).click();
  await page.getByRole("link", { name: "← Payments" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Payments" })).toBeVisible();
});

test("billing details stand on the receipts that follow", async ({ page, expectErrors }) => {
  expectErrors(/status of 422/);
  await signUp(page);
  await addBalance(page, "5");
  await open(page, "/settings/payments");
  await page.getByRole("link", { name: "Billing details" }).click();
  await page.getByLabel("Name or company").fill("Bergfeld & Söhne AG");
  await page.getByLabel("Address").fill("1\n2\n3\n4\n5\n6\n7");
  await page.getByLabel("Tax number").fill("CHE-100.200.300");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("alert")).toContainText("Use at most 6 lines");
  await expect(page.getByLabel("Name or company")).toHaveValue("Bergfeld & Söhne AG");
  await page.getByLabel("Address").fill("Hauptstrasse 5\n3000 Bern");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("status")).toContainText("Saved");
  await expect(page.getByLabel("Address")).toHaveValue("Hauptstrasse 5\n3000 Bern");
  await addBalance(page, "5");
  await page.getByRole("link", { name: "Receipt R-000002" }).click();
  for (const part of ["Bergfeld & Söhne AG", "Hauptstrasse 5", "3000 Bern", "Tax number CHE-100.200.300"]) {
    await expect(page.getByRole("region")).toContainText(part);
  }
  await open(page, "/settings/payments");
  await page.getByRole("link", { name: "Receipt R-000001" }).click();
  await expect(page.getByRole("region")).toContainText("Olga Bergfeld");
  await expect(page.getByRole("region")).not.toContainText("Söhne");
});

test("a receipt that is not there says so", async ({ page, expectErrors }) => {
  expectErrors(/status of 404/);
  await signUp(page);
  await page.goto("/settings/payments/pay_0UeYt3kQ9c7mB1sVxR2Za/receipt");
  await expect(page.getByRole("alert")).toContainText("receipt");
});

test.describe("with a fee and a tax", () => {
  let server: ChildProcess;
  let address: string;

  test.beforeAll(async () => {
    const listener = createServer().listen(0, "127.0.0.1");
    await once(listener, "listening");
    const { port } = listener.address() as AddressInfo;
    listener.close();
    await once(listener, "close");
    address = `http://127.0.0.1:${port}`;
    const seller = ["--seller-name", "Lichtwerk AG", "--seller-address", "Seeweg 1|8000 Zürich", "--seller-tax-id", "CHE-1"];
    const charges = ["--tax-name", "MWST", "--tax-percent", "8.1", "--payment-fee-percent", "2.9", "--payment-fee-fixed", "0.30"];
    const command = join(import.meta.dirname, "serve");
    server = spawn(command, ["--address", `127.0.0.1:${port}`, ...seller, ...charges], { stdio: ["ignore", "ignore", "inherit"] });
    await expect.poll(() => fetch(`${address}/readyz`).then((answer) => answer.status, () => 0), { timeout: 20_000 }).toBe(200);
  });

  test.afterAll(async () => {
    server.kill("SIGTERM");
    await once(server, "exit");
  });

  test.use({ baseURL: async ({}, use) => use(address) });

  test("they are named before paying, and the receipt has them", async ({ page }) => {
    await signUp(page);
    await open(page, "/settings?add-balance=25");
    const dialog = page.getByRole("dialog", { name: "Add balance" });
    await expectLines(dialog.getByRole("term"), ["Credit, ≈ 12,500 messages", "Payment fee, 2.9% + $0.30", "MWST 8.1%", "You pay"]);
    await expectLines(dialog.getByRole("definition"), ["$25.00", "$1.03", "$2.11", "$28.14"]);
    await dialog.getByRole("button", { name: "$100" }).click();
    await expectLines(dialog.getByRole("definition"), ["$100.00", "$3.20", "$8.36", "$111.56"]);
    await dialog.getByRole("button", { name: "$25" }).click();
    await dialog.getByRole("button", { name: "Continue to payment" }).click();
    await expect(page.getByRole("button", { name: "Pay $28.14" })).toBeVisible();
    await payWith(page, cards.paid);
    await expect(page.getByRole("status").filter({ hasText: "$25.00 of credit was added" })).toBeVisible();
    await expectBalance(page, "$25.000000");
    await page.getByRole("link", { name: "Receipt R-000001" }).click();
    const receipt = page.getByRole("region", { name: "Receipt R-000001" });
    for (const part of ["Lichtwerk AG", "Seeweg 1", "8000 Zürich", "Tax number CHE-1"]) await expect(receipt).toContainText(part);
    for (const row of ["API credit $25.00", "Payment fee $1.03", "MWST 8.1% $2.11", "Total paid $28.14"]) {
      await expect(receipt.getByRole("row", { name: row })).toBeVisible();
    }
  });
});

const expectLines = (lines: ReturnType<Page["locator"]>, texts: string[]) => expect(lines).toHaveText(texts);
