// How the browser tests run: the release binary on a fresh database, in Chromium, light and dark, wide and narrow.

import { defineConfig } from "@playwright/test";
import { common, desktop, started } from "./config.ts";
import { mailFolder, operatorEmails } from "./mails.ts";

/** script/test gives a free one. */
const port = Number(process.env.ARTIKO_TEST_PORT ?? 43117);
const withoutJavaScript = /nojs\.spec\.ts/;
/** What programs do with the examples is the same however wide the page is that shows them. */
const ofOneWindow = /snippets\.spec\.ts/;
/** stripe.config.ts has them: they need another server. */
const ofAnotherServer = /stripe(_console)?\.spec\.ts/;

export default defineConfig(common(port), {
  testMatch: "*.spec.ts",
  fullyParallel: true,
  projects: [
    { name: "desktop-light", testIgnore: [withoutJavaScript, ofAnotherServer], use: { viewport: desktop, colorScheme: "light" } },
    { name: "desktop-dark", testIgnore: [withoutJavaScript, ofOneWindow, ofAnotherServer], use: { viewport: desktop, colorScheme: "dark" } },
    {
      name: "mobile",
      testIgnore: [withoutJavaScript, ofOneWindow, ofAnotherServer],
      use: { viewport: { width: 360, height: 740 }, colorScheme: "light", hasTouch: true },
    },
    { name: "nojs", testMatch: withoutJavaScript, use: { viewport: desktop, javaScriptEnabled: false } },
  ],
  webServer: {
    ...started,
    command: `./serve --address 127.0.0.1:${port} --operator-emails ${operatorEmails.join(",")}`,
    env: { ARTIKO_TEST_MAILS: mailFolder },
    url: `http://127.0.0.1:${port}/readyz`,
  },
});
