// Signatures of webhooks against Stripe's own package, both ways: it believes what this product signs, and this product
// believes what it signs, and neither believes anything else.
//
//   node end2end/stripe_signatures.ts <the example "signatures" of the server>

import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import Stripe from "stripe";

const COUNT = 1_000;
const TOLERANCE_S = 300;
const example = process.argv[2]!;
const { webhooks } = new Stripe("sk_test_of_no_account");

interface Signed {
  secret: string;
  at_s: number;
  body: string;
  header: string;
}

/** Whether Stripe's package believes a body, at a time. */
function believes(body: string, header: string, secret: string, atS: number): boolean {
  try {
    webhooks.constructEvent(body, header, secret, TOLERANCE_S, undefined, atS * 1000);
    return true;
  } catch (error) {
    if (error instanceof Stripe.errors.StripeSignatureVerificationError) return false;
    throw error;
  }
}

function expectThat(is: boolean, what: string, header: string): void {
  if (!is) throw new Error(`${what}: ${header}`);
}

const written = execFileSync(example, ["write", String(COUNT)], { encoding: "utf8", maxBuffer: 64 << 20 });
const ours = written.trimEnd().split("\n").map((line) => JSON.parse(line) as Signed);
for (const { secret, at_s, body, header } of ours) {
  expectThat(believes(body, header, secret, at_s), "Stripe's package refuses what we signed", header);
  expectThat(!believes(body.replace("evt_", "evt-"), header, secret, at_s), "it believes another body", header);
  expectThat(!believes(body, header, `${secret}x`, at_s), "it believes another secret", header);
  expectThat(!believes(body, header, secret, at_s + TOLERANCE_S + 1), "it believes what is too old", header);
}

const lines: string[] = [];
for (let number = 0; number < COUNT; number++) {
  const [secret, other] = [`whsec_${randomBytes(24).toString("base64url")}`, `whsec_${randomBytes(24).toString("base64url")}`];
  const body = JSON.stringify({ id: `evt_${number}`, text: randomBytes(100).toString("latin1") });
  const timestamp = 1_795_000_000 + number;
  const header = webhooks.generateTestHeaderString({ payload: body, secret, timestamp });
  const given = { secrets: [other, secret], now_s: timestamp, body, header, is_good: true };
  const bad = { ...given, is_good: false };
  lines.push(
    JSON.stringify(given),
    JSON.stringify({ ...given, now_s: timestamp + TOLERANCE_S }),
    JSON.stringify({ ...given, now_s: timestamp - TOLERANCE_S }),
    JSON.stringify({ ...bad, secrets: [other] }),
    JSON.stringify({ ...bad, body: `${body} ` }),
    JSON.stringify({ ...bad, now_s: timestamp + TOLERANCE_S + 1 }),
    JSON.stringify({ ...bad, now_s: timestamp - TOLERANCE_S - 1 }),
    JSON.stringify({ ...bad, header: header.replace("v1=", "v0=") }),
  );
}
const checked = execFileSync(example, ["check"], { encoding: "utf8", input: lines.join("\n"), maxBuffer: 64 << 20 }).trim();
expectThat(checked === String(lines.length), "not all were checked", checked);
console.log(`${COUNT} signatures of ours and ${COUNT} of Stripe's package are believed by the other, and nothing else`);
