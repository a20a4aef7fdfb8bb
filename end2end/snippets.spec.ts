// Every example of the reference, in every language, run as it stands against the running server.

import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Page } from "@playwright/test";
import { addBalance, addDocument, allowAll, ask, createChatbot, createKey, open, signUp } from "./steps.ts";
import { expect, test } from "./test.ts";

const run = promisify(execFile);
const root = join(import.meta.dirname, "..");
const target = process.env.CARGO_TARGET_DIR ?? join(root, "target");

/** How the examples of a language are run; those in Rust are built first. */
const ways: Record<string, (code: string) => [string, ...string[]]> = {
  curl: (code) => ["bash", "-c", code],
  javascript: (code) => [process.execPath, "--input-type=commonjs", "--eval", code],
  python: (code) => ["python3", "-c", code],
  php: (code) => ["php", "-r", code.replace(/^<\?php/, "")],
};
const languages = [...Object.keys(ways), "rust"];

interface Example {
  operation: string;
  language: string;
  code: string;
  /** The outermost fields of what comes back; none when nothing does. */
  fields: string[];
}

/** Reads an example from its page, as somebody would copy it. */
async function read(page: Page, operation: string, language: string): Promise<Example> {
  await page.goto(`/reference/${operation}?lang=${language}`);
  const code = (await page.locator(`pre[data-snippet="${language}"]`).textContent()) ?? "";
  const names = await page.getByRole("region", { name: "Fields of the answer" }).getByRole("rowheader").allTextContents();
  return { operation, language, code, fields: names.filter((name) => !/[.[]/.test(name)) };
}

/** The operations that the reference lists. */
async function operations(page: Page): Promise<string[]> {
  await open(page, "/reference");
  const rows = page.getByRole("region", { name: "Operations" }).getByRole("listitem");
  return rows.evaluateAll((rows) => rows.map((row) => row.id));
}

/** Builds the examples in Rust, all at once, and says where each is. */
async function build(examples: Example[]): Promise<(operation: string) => string> {
  const folder = mkdtempSync(join(tmpdir(), "artiko-snippets-"));
  try {
    cpSync(join(import.meta.dirname, "rust_snippets"), folder, { recursive: true });
    mkdirSync(join(folder, "src/bin"));
    for (const { operation, code } of examples) writeFileSync(join(folder, `src/bin/${operation}.rs`), code);
    const env = { ...process.env, CARGO_TARGET_DIR: join(target, "snippets") };
    await run("cargo", ["build", "--quiet", "--locked"], { cwd: folder, env });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return (operation) => join(target, "snippets/debug", operation);
}

test("every example of every operation, run as it stands, does what it says", async ({ page, request }) => {
  // The packages of the examples in Rust are built the first time.
  test.setTimeout(600_000);
  await signUp(page);
  const chatbot = await createChatbot(page, "Help centre");
  await addDocument(page, chatbot, "Contact", "You can reach us by telephone at any hour.");
  await addBalance(page, "5");
  const key = await createKey(page, "Production");
  await allowAll(page, key.name);
  await ask(request, key, { chatbot_id: chatbot, user_message: "Hello?" });
  const env = { PATH: process.env.PATH, ARTIKO_CONSUMER_SECRET: key.consumerSecret };
  const documents = async () => {
    const headers = { Authorization: `${key.consumerKey}:${key.consumerSecret}` };
    return (await request.get("/api/v1/documents", { headers })).text();
  };
  const check = async (example: Example, program: string, ...rest: string[]) => {
    const { operation, language, code, fields } = example;
    const title = `${operation} in ${language}`;
    expect(code, title).toContain(key.consumerKey);
    expect(code, title).not.toContain(key.consumerSecret);
    const named = /doc_[0-9A-Za-z]+/.exec(code)?.[0];
    if (named) expect(await documents(), title).toContain(named);
    if (operation === "tryDocumentAgain") {
      // The newest document is ready, and says so.
      const refused = await run(program, rest, { env }).then(() => undefined, (error) => error);
      expect(`${refused?.stdout}${refused?.stderr}`, title).toContain("only a document whose file could not be read");
      return;
    }
    const { stdout } = await run(program, rest, { env }).catch((error) => expect.soft(error, title).toBeNull() as never);
    if (fields.length > 0) expect(Object.keys(JSON.parse(stdout)).sort(), title).toEqual([...fields].sort());
    else expect(await documents(), title).not.toContain(named);
  };

  // What the others name is deleted at the end.
  const isLast = (id: string) => Number(id === "deleteDocument");
  const ids = (await operations(page)).sort((one, other) => isLast(one) - isLast(other));
  expect(ids.length).toBeGreaterThan(10);
  const inRust: Example[] = [];
  for (const id of ids) inRust.push(await read(page, id, "rust"));
  const built = await build(inRust);
  for (const example of inRust) await check(example, built(example.operation));
  for (const [language, way] of Object.entries(ways)) {
    for (const id of ids) {
      const example = await read(page, id, language);
      await check(example, ...way(example.code));
    }
  }
  const tabs = page.getByRole("navigation", { name: "Language" }).getByRole("link");
  await expect(tabs, "no language is left out").toHaveCount(languages.length);
});

test("an example that is refused says why and ends with an error", async ({ page }) => {
  test.slow();
  await signUp(page);
  await createChatbot(page, "Help centre");
  const { consumerSecret } = await createKey(page, "Production");
  for (const [language, way] of Object.entries(ways)) {
    const { code } = await read(page, "createMessage", language);
    const [program, ...rest] = way(code);
    const env = { PATH: process.env.PATH, ARTIKO_CONSUMER_SECRET: consumerSecret };
    const refused = await run(program, rest, { env }).catch((error) => error);
    expect(refused.code, language).not.toBe(0);
    expect(refused.stdout + refused.stderr, language).toContain("insufficient_credit");
  }
});
