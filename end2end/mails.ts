// The mails of the tested server, which has nobody to send them to and keeps them as files.

import { readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "@playwright/test";

/** Where the server of this run keeps its mails; `serve` makes it lead there. */
export const mailFolder = join(tmpdir(), `artiko-mails-${process.env.ARTIKO_TEST_PORT ?? 43117}`);

/** Whoever signs up with one of these, and confirms it, runs the installation. Each project has one for each test. */
export const operatorEmail = (test: "reads" | "axe", project: string) => `${test}-${project}@bergfeld.example`;
export const operatorEmails = ["desktop-light", "desktop-dark", "mobile"].flatMap((project) => [
  operatorEmail("reads", project),
  operatorEmail("axe", project),
]);

/** Waits for the mail with this subject to somebody, and returns its text. */
export async function mailTo(email: string, subject: string): Promise<string> {
  const find = () => mails().find((mail) => mail.includes(`<${email}>`) && mail.includes(`Subject: ${subject}`));
  await expect.poll(find, { message: `a mail "${subject}" to ${email}`, timeout: 15_000 }).toBeDefined();
  return find() ?? "";
}

/** The link in a mail that opens something, without the host. */
export function linkIn(mail: string): string {
  const link = /\/[a-z-]+\?token=[0-9a-f]{64}/.exec(mail)?.[0];
  expect(link, mail).toBeDefined();
  return link ?? "";
}

function mails(): string[] {
  try {
    const names = readdirSync(mailFolder).filter((name) => name.endsWith(".eml"));
    // What does not fit into ASCII or on a line is written with equals signs.
    return names.map((name) => readFileSync(join(mailFolder, name), "utf8").replace(/=\r?\n/g, "").replaceAll("=3D", "="));
  } catch {
    return [];
  }
}
