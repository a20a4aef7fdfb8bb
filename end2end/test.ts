// The `test` of every spec: Playwright's own, with a watch over the browser. A console error, an error of a script, a
// violation of the content security policy, a failed request or an answer of 500 and above fails the test, whatever
// else it looked at. A test in which an error is the point says so beforehand with `expectErrors`.

import { test as base, expect, type BrowserContext, type Page } from "@playwright/test";

export { expect };

interface Fixtures {
  /** Names errors that belong to the test, as patterns of their text. Each must then appear. */
  expectErrors: (...patterns: RegExp[]) => void;
}

/** Pages whose WebAssembly has come alive since they were loaded; see `hydrated`. */
const alive = new WeakSet<Page>();

export const test = base.extend<Fixtures & { watch: void }>({
  expectErrors: async ({}, use, testInfo) => {
    await use((...patterns) => {
      expectedErrors.set(testInfo.testId, patterns);
    });
  },
  watch: [
    async ({ context, javaScriptEnabled }, use, testInfo) => {
      const errors = watch(context, javaScriptEnabled);
      await use();
      const expected = expectedErrors.get(testInfo.testId) ?? [];
      expectedErrors.delete(testInfo.testId);
      const unexpected = errors.filter((error) => !expected.some((pattern) => pattern.test(error)));
      expect(unexpected, "the browser reports no errors").toEqual([]);
      // The browser reports an answer's status a moment after the page has shown what it says.
      const missing = () => expected.filter((pattern) => !errors.some((error) => pattern.test(error)));
      await expect.poll(missing, "the expected errors were reported").toEqual([]);
    },
    { auto: true },
  ],
});

const expectedErrors = new Map<string, RegExp[]>();

/** Collects what goes wrong in a context; also marks its pages as alive. */
export function watch(context: BrowserContext, hasJavaScript = true): string[] {
  const errors: string[] = [];
  context.on("console", (message) => {
    if (message.type() === "error") errors.push(`console: ${message.text()}`);
  });
  context.on("weberror", (error) => errors.push(`script: ${error.error().message}`));
  context.on("response", (response) => {
    if (response.status() >= 500) errors.push(`${response.status()}: ${response.url()}`);
  });
  context.on("requestfailed", (request) => {
    const reason = request.failure()?.errorText;
    // A request that the browser itself gave up, because its page was left, is none that failed; nor is a script that
    // it does not load because scripts are switched off, which it calls by the name of the security policy.
    if (reason === "net::ERR_ABORTED" || (reason === "csp" && !hasJavaScript)) return;
    errors.push(`failed: ${request.url()} ${reason}`);
  });
  context.on("request", (request) => {
    const page = request.serviceWorker() ? null : request.frame().page();
    if (!page) return;
    if (request.isNavigationRequest() && request.frame() === page.mainFrame()) alive.delete(page);
    if (new URL(request.url()).pathname === "/events") alive.add(page);
  });
  return errors;
}

/** Waits until a signed-in page is alive: the last thing it does then is to listen for changes. */
export async function hydrated(page: Page): Promise<void> {
  // The page before this one may have begun to listen when this one was asked for already.
  await formAlive(page);
  await expect.poll(() => alive.has(page), { message: "the page comes alive" }).toBe(true);
}

/** Waits until a page of somebody who is not signed in is alive, so that its form is answered without leaving it. */
export async function formAlive(page: Page): Promise<void> {
  await expect(page.locator("html[data-alive]")).toBeAttached();
}
