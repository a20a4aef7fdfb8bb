// Starts a Stripe on this machine, and what others wrote is most of it: the package "emulate". In front of it stands what
// that does not know: payments that take a while and then arrive or fail, and cards that are saved and charged later.
//
//   node end2end/emulate_stripe.ts <port> <address of the webhook> <its secret>

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Stripe from "stripe";
import { endings } from "./stripe_amounts.ts";

const [port, webhook, secret] = [Number(process.argv[2]), process.argv[3]!, process.argv[4]!];
const { webhooks } = new Stripe("sk_test_of_no_account");
/** How long what takes a while takes: long enough to be seen. */
const DELAY_MS = 1_500;

const folder = mkdtempSync(join(tmpdir(), "stripe-"));
const seed = { stripe: { webhooks: [{ url: webhook, events: ["*"], secret }] } };
writeFileSync(join(folder, "seed.yaml"), JSON.stringify(seed));
const emulatorPort = await freePort();
const index = join(import.meta.dirname, "../node_modules/emulate/dist/index.js");
const options = ["start", "--service", "stripe", "--port", String(emulatorPort), "--seed", "seed.yaml"];
const emulator = spawn(process.execPath, [index, ...options], { cwd: folder, stdio: ["ignore", "inherit", "inherit"] });
process.on("exit", () => {
  emulator.kill();
  rmSync(folder, { recursive: true, force: true });
});
emulator.on("exit", () => process.exit(1));
for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => process.exit(0));

interface Session {
  id: string;
  mode: string;
  status: string;
  payment_status: string;
}

const amounts = new Map<string, string>();
/** What becomes of a session whose payment takes a while. */
const delayed = new Map<string, { ending: "paid" | "failed"; isOver: boolean }>();
const customers = new Map<string, string>();

createServer((request, response) => {
  answer(request).then(
    ({ status, headers, body }) => response.writeHead(status, headers).end(body, "latin1"),
    (error: unknown) => response.writeHead(502).end(String(error)),
  );
}).listen(port, "localhost");

/** Bodies are read and written as Latin-1, which keeps every byte of those that are no text. */
interface Answer {
  status: number;
  headers: Record<string, string>;
  body: string;
}

async function answer(request: IncomingMessage): Promise<Answer> {
  const [path, form] = [new URL(request.url!, "http://localhost").pathname, await textOf(request)];
  const fields = new URLSearchParams(form);
  const isPost = request.method === "POST";
  const answered = await ask(request.method!, request.url!, form, request.headers as Record<string, string>);
  const [, kind, id, action] = /^(?:\/v1)?\/(prices|checkout(?:\/sessions)?|payment_intents)(?:\/([^/]+))?(?:\/(\w+))?$/.exec(path) ?? [];
  if (answered.status >= 400) return answered;
  if (kind === "prices" && isPost) {
    amounts.set((JSON.parse(answered.body) as Session).id, fields.get("unit_amount")!);
  } else if (kind === "checkout/sessions" && isPost && !id) {
    const ending = endings[amounts.get(fields.get("line_items[0][price]") ?? "") ?? ""];
    if (ending) delayed.set((JSON.parse(answered.body) as Session).id, { ending, isOver: false });
  } else if (kind === "checkout" && action === "complete") {
    if (delayed.has(id!)) setTimeout(() => void end(id!), DELAY_MS);
  } else if (kind === "checkout/sessions" && id) {
    return { ...answered, body: JSON.stringify(await asItStands(JSON.parse(answered.body) as Session)) };
  } else if (kind === "payment_intents" && !id && fields.get("confirm") === "true") {
    return ask("POST", `${path}/${(JSON.parse(answered.body) as Session).id}/confirm`, "", {});
  }
  return answered;
}

/** A session with what the emulated one does not say. */
async function asItStands(session: Session): Promise<object> {
  const late = delayed.get(session.id);
  if (session.status !== "complete") return session;
  if (session.mode === "setup") {
    if (!customers.has(session.id)) {
      const made = await ask("POST", "/v1/customers", "email=buyer%40example.com", {});
      customers.set(session.id, (JSON.parse(made.body) as Session).id);
    }
    const payment_method = { id: `pm_${session.id}`, card: { brand: "visa", last4: "4242" } };
    return { ...session, customer: customers.get(session.id), setup_intent: { id: `seti_${session.id}`, status: "succeeded", payment_method } };
  }
  if (!late || (late.isOver && late.ending === "paid")) return session;
  const status = late.isOver ? "requires_payment_method" : "processing";
  return { ...session, payment_status: "unpaid", payment_intent: { id: `pi_${session.id}`, status } };
}

/** Ends what took a while, and says so as Stripe does. */
async function end(id: string): Promise<void> {
  const late = delayed.get(id)!;
  late.isOver = true;
  const type = `checkout.session.async_payment_${late.ending === "paid" ? "succeeded" : "failed"}`;
  const payload = JSON.stringify({ id: `evt_${id}`, object: "event", type, data: { object: { id, object: "checkout.session" } } });
  const signature = webhooks.generateTestHeaderString({ payload, secret });
  await fetch(webhook, { method: "POST", body: payload, headers: { "Content-Type": "application/json", "Stripe-Signature": signature } });
}

/** Asks the emulated Stripe; where it names itself, it names what stands in front of it. */
async function ask(method: string, url: string, form: string, asked: Record<string, string>): Promise<Answer> {
  const headers = { "Content-Type": "application/x-www-form-urlencoded", Authorization: asked.authorization ?? "Bearer sk_test_emulate" };
  const body = method === "GET" ? undefined : Buffer.from(form, "latin1");
  const answered = await fetch(`http://localhost:${emulatorPort}${url}`, { method, headers, body, redirect: "manual" });
  const ours = (text: string) => text.replaceAll(`localhost:${emulatorPort}`, `localhost:${port}`);
  const told: Record<string, string> = {};
  for (const name of ["content-type", "location"]) {
    const value = answered.headers.get(name);
    if (value) told[name] = ours(value);
  }
  return { status: answered.status, headers: told, body: ours(Buffer.from(await answered.arrayBuffer()).toString("latin1")) };
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const part of request.setEncoding("latin1")) text += part as string;
  return text;
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "localhost", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
