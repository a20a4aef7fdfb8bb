// How payments through Stripe are tested in a browser: the release with `--gateway stripe`, beside a Stripe that others
// wrote, whose hosted page takes the money. With and without JavaScript, because a form may lead to that page only where
// the security policy names it.

import { defineConfig } from "@playwright/test";
import { common, desktop, started } from "./config.ts";

/** script/stripe gives free ones. */
const port = Number(process.env.ARTIKO_TEST_PORT ?? 43118);
const stripePort = Number(process.env.ARTIKO_STRIPE_PORT ?? 43119);
/** The one that signs is the second of two, as after a rotation. */
const secrets = ["whsec_that_goes_out_of_use", "whsec_of_the_emulator_here"];
const gateway = `--gateway stripe --stripe-url http://localhost:${stripePort} --stripe-secret-key sk_test_emulate`;

export default defineConfig(common(port), {
  use: { viewport: desktop },
  projects: [
    { name: "stripe", testMatch: ["stripe.spec.ts", "stripe_console.spec.ts"] },
    { name: "stripe-nojs", testMatch: "stripe.spec.ts", use: { javaScriptEnabled: false } },
  ],
  webServer: [
    {
      ...started,
      command: `node emulate_stripe.ts ${stripePort} http://127.0.0.1:${port}/webhooks/stripe ${secrets[1]}`,
      url: `http://localhost:${stripePort}/v1/checkout/sessions`,
    },
    {
      ...started,
      command: `./serve --address 127.0.0.1:${port} ${gateway} --stripe-webhook-secrets ${secrets.join(",")}`,
      url: `http://127.0.0.1:${port}/readyz`,
    },
  ],
});
