// Writes docs/benchmarks.md from what script/bench measured: figures beside their targets, and whether they are met.

import { existsSync, readFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { join } from "node:path";

const { WORK, WARM_SECONDS, FIRST_BUILD, SECONDS_A_ROUND, ROUNDS } = process.env;
const rounds = Number(ROUNDS);
const read = (name: string) => readFileSync(join(WORK!, name), "utf8");

const median = (values: number[]): number => values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) / 2)]!;
const met = (isMet: boolean): string => (isMet ? "met" : "**missed**");
const kb = (bytes: number): string => `${(bytes / 1000).toFixed(1)} kB`;

interface Sizes {
  html: number;
  css: number;
  js: number;
  wasm: number;
  total: number;
  encodings: Record<string, string>;
}

function sizeTable(): string {
  const signIn = JSON.parse(read("sign-in.sizes")) as Sizes;
  const settings = JSON.parse(read("settings.sizes")) as Sizes;
  const line = (name: string, key: "html" | "css" | "js" | "wasm" | "total", limit?: number) => {
    const larger = Math.max(signIn[key], settings[key]);
    const target = limit ? `at most ${limit} kB: ${met(larger <= limit * 1000)}` : "";
    return `| ${name} | ${kb(signIn[key])} | ${kb(settings[key])} | ${target} |`;
  };
  const plain = Object.entries({ ...signIn.encodings, ...settings.encodings }).filter(([, encoding]) => encoding !== "br");
  const note = plain.length > 0 ? `\nNot in brotli: ${plain.map(([kind]) => kind).join(", ")}.\n` : "";
  return `| file | sign-in | API Plans & Settings | target |
| --- | ---: | ---: | --- |
${line("HTML", "html")}
${line("CSS", "css")}
${line("JavaScript", "js")}
${line("WebAssembly", "wasm", 280)}
${line("All", "total", 330)}
${note}`;
}

interface Load {
  perSecond: number;
  p50: number;
  p99: number;
  errors: number;
}

function loads(name: string): Load[] {
  return read(`${name}.runs`).trim().split("\n").map((line) => {
    const [perSecond, p50, p99, errors] = line.split(" ").map(Number);
    return { perSecond: perSecond!, p50: p50!, p99: p99!, errors: errors! };
  });
}

const of = (runs: Load[], key: keyof Load) => median(runs.map((run) => run[key]));
const rate = (name: string): number => of(loads(name), "perSecond");
const whole = (value: number): string => Math.round(value).toLocaleString("en");

function loadTable(rows: [text: string, name: string][]): string {
  const line = (text: string, runs: Load[]) =>
    `| ${text} | ${whole(of(runs, "perSecond"))} | ${of(runs, "p50").toFixed(2)} ms | ${of(runs, "p99").toFixed(2)} ms | ${runs.reduce((sum, run) => sum + run.errors, 0)} |`;
  return `| route | requests a second | median | 99th percentile | errors |
| --- | ---: | ---: | ---: | ---: |
${rows.map(([text, name]) => line(text, loads(name))).join("\n")}`;
}

const atLeast = (value: number, least: number, digits: number): string =>
  `**${value.toFixed(digits)}** (at least ${least}: ${met(value >= least)})`;

function askTable(): string {
  const table = loadTable([
    ["a fixed text, 64 connections", "memory-64"],
    ["the same call from memory, 64 connections", "unstored-64"],
    ["the same without limits, 64 connections", "unguarded-64"],
    ["`ask`, 64 connections", "ask-64"],
    ["a fixed text, 256 connections", "memory-256"],
    ["the same call from memory, 256 connections", "unstored-256"],
    ["the same without limits, 256 connections", "unguarded-256"],
    ["`ask`, 256 connections", "ask-256"],
    ["`ask` by 1,000 accounts in turn, 64 connections", "accounts"],
  ]);
  const share = (name: string, connections: number): number => rate(`ask-${connections}`) / rate(`${name}-${connections}`);
  return `${table}

The same call from memory goes the same way: the API's guard recognises the key and counts the call against its limits, the
fields are read, the answer is found and sent with the headers that tell the limits; nothing is written. \`ask\` reaches
${atLeast(share("unstored", 64), 0.35, 3)} of it at 64 connections and ${atLeast(share("unstored", 256), 0.5, 3)} at 256.
Of a call that has no limits and tells none, \`ask\` reaches ${share("unguarded", 64).toFixed(3)} and ${share("unguarded", 256).toFixed(3)}.
A route that sends a fixed text reads nothing either; of that, \`ask\` reaches ${share("memory", 64).toFixed(3)} and ${share("memory", 256).toFixed(3)}.
One account, whose rows every call changes, does ${atLeast(rate("ask-64") / rate("accounts"), 1, 2)} times as much as a thousand
accounts in turn, whose rows lie in as many places.`;
}

function singleTable(): string {
  const table = loadTable([
    ["SQLite, one transaction for each request", "sqlite-single"],
    ["SQLite, `ask`", "sqlite-ask"],
    ["PostgreSQL, one transaction for each request", "postgres-single"],
    ["PostgreSQL, `ask`", "postgres-ask"],
  ]);
  return `${table}

\`ask\` does ${atLeast(rate("sqlite-ask") / rate("sqlite-single"), 15, 1)} times as much on SQLite and
${atLeast(rate("postgres-ask") / rate("postgres-single"), 10, 1)} times as much on PostgreSQL.`;
}

interface Engine {
  syncs: { median_us: number; p99_us: number };
  figures: { per_second: number; median_us: number; p99_us: number; batch_us: number; microseconds: number };
}

interface Half {
  figures: { pauses: { us_a_second: number; longest_us: number }; loop_alone: { round_us: number; p99_us: number } };
}

function engineTable(): string {
  const runs = <Run = Engine>(name: string) => read(`${name}.engine`).trim().split("\n").map((line) => JSON.parse(line) as Run);
  const figure = (name: string, key: keyof Engine["figures"]) => median(runs(name).map((run) => run.figures[key]));
  const syncs = ["hot", "thousand", "lonely", "half"].flatMap((name) => runs(name));
  const ofSyncs = (key: keyof Engine["syncs"]) => median(syncs.map((run) => run.syncs[key]));
  const sync = ofSyncs("median_us");
  const [hot, thousand, lonely] = [figure("hot", "per_second"), figure("thousand", "per_second"), figure("lonely", "median_us")];
  const [window, key] = [figure("window", "microseconds"), figure("key", "microseconds")];
  const [slow, batch] = [figure("half", "p99_us"), figure("half", "batch_us")];
  const pauses = runs<Half>("half").map((run) => run.figures.pauses);
  const alone = runs<Half>("half").map((run) => run.figures.loop_alone);
  const round = median(alone.map((run) => run.round_us));
  const { clients, stored_keys, memory_most_mb: memory } = JSON.parse(read("memory.json")) as {
    clients: number;
    stored_keys: number;
    memory_most_mb: number;
  };
  return `One sync of this disk took ${sync} µs in the same run, and one in a hundred at least ${ofSyncs("p99_us")} µs, with nothing else at work.
Threads that do nothing but look at the clock, one for each core, were held up by the machine for a millisecond and more at
a time, together ${whole(median(pauses.map((run) => run.us_a_second)))} µs in each second and at most ${whole(Math.max(...pauses.map((run) => run.longest_us)))} µs at once. Requests go on
coming meanwhile, so whoever was held up has several batches to catch up with. Of a loop that only computes, writes one page and
syncs, in rounds of ${whole(round)} µs with nothing else beside it, those who come evenly would wait for ${median(alone.map((run) => run.p99_us / run.round_us)).toFixed(2)} rounds in the slowest hundredth.

| what | figure | target |
| --- | ---: | --- |
| durable charges a second, one account | ${whole(hot)} | at least 150,000: ${met(hot >= 150000)} |
| durable charges a second, 1,000 accounts | ${whole(thousand)} | at least 50,000: ${met(thousand >= 50000)} |
| one lonely request, whole, median | ${whole(lonely)} µs | one sync and 1,000 µs: ${met(lonely <= sync + 1000)} |
| the slowest hundredth at half of the peak waits, in batches of then ${whole(batch)} µs | ${(slow / batch).toFixed(2)} | at most 2.5: ${met(slow <= 2.5 * batch)} |
| the place of a message in its window, in SQL | ${window.toFixed(2)} µs | at most 3 µs: ${met(window <= 3)} |
| a key that is in memory is recognised | ${key.toFixed(2)} µs | at most 5 µs: ${met(key <= 5)} |
| memory at most, with ${whole(stored_keys)} keys in the database and 10,000 of them calling through ${clients} connections | ${whole(memory)} MB | at most 150 MB: ${met(memory <= 150)} |`;
}

interface Overload {
  queue: number;
  offered_per_second: number;
  goodput_of_peak: number;
  refused: number;
  refused_99_ms: number;
}

function overloadText(): string {
  const { queue, offered_per_second, goodput_of_peak, refused, refused_99_ms } = JSON.parse(read("overload.json")) as Overload;
  return `Asked five times as much as it can write (${whole(offered_per_second)} requests a second, a queue of ${whole(queue)}), the ledger still did
${atLeast(goodput_of_peak, 0.9, 2)} of its peak. Of ${whole(refused)} refusals, 99 of 100 came within **${refused_99_ms} ms** (at most 50: ${met(refused_99_ms <= 50)}).`;
}

interface SlowClients {
  slow_clients: number;
  cut_off: number;
  callers: number;
  alone_per_second: number;
  beside_per_second: number;
  alone_99_ms: number;
  beside_99_ms: number;
  times_fewer: number;
  times_longer: number;
}

function slowClientsText(): string {
  const figures = JSON.parse(read("slow_clients.json")) as SlowClients;
  const atMost = (value: number, most: number) => `**${value.toFixed(2)}** (at most ${most.toFixed(1)}: ${met(value <= most)})`;
  return `| ${figures.callers} callers | requests a second | 99th percentile |
| --- | ---: | ---: |
| alone | ${whole(figures.alone_per_second)} | ${figures.alone_99_ms.toFixed(2)} ms |
| beside ${whole(figures.slow_clients)} slow clients | ${whole(figures.beside_per_second)} | ${figures.beside_99_ms.toFixed(2)} ms |

The callers do ${atMost(figures.times_fewer, 2)} times less beside the slow clients, and the slowest hundredth of their calls
takes ${atMost(figures.times_longer, 2)} times as long. ${whole(figures.cut_off)} connections were cut off meanwhile.`;
}

interface Webhooks {
  database: string;
  payments: number;
  at_once: number;
  new_per_second: number;
  repeated_per_second: number;
  seen_median_ms: number;
  seen_99_ms: number;
}

function webhooksText(): string {
  const measured = ["sqlite", "postgres"].map((name) => JSON.parse(read(`webhooks-${name}.json`)) as Webhooks);
  const line = ({ database, new_per_second, repeated_per_second, seen_median_ms, seen_99_ms }: Webhooks) =>
    `| ${database} | ${whole(new_per_second)} | ${whole(repeated_per_second)} | ${seen_median_ms.toFixed(1)} ms | ${seen_99_ms.toFixed(1)} ms |`;
  const { payments, at_once } = measured[0]!;
  return `Webhooks of the gateway \`stripe\`, ${at_once} at once: each is checked, the gateway (a stand-in on this machine) is asked
where the payment stands, and the answer is committed. ${whole(payments)} of them add credit, as many tell the same once more. A
payment is seen when a page that was told of a change reads the new credit; the time is counted from the webhook on.

| database | adding credit, a second | repeated, a second | seen, median | seen, 99th percentile |
| --- | ---: | ---: | ---: | ---: |
${measured.map(line).join("\n")}`;
}

interface Readings {
  messages: number;
  median_us: number;
  p99_us: number;
}

interface Usage {
  database: string;
  entries: number;
  behind: number;
  days_30: Readings;
  days_90: Readings;
}

/** Empty unless it was measured; see `script/bench --long`. */
function usageText(): string {
  const names = ["sqlite", "postgres"].map((name) => `usage-${name}.json`);
  if (!names.every((name) => existsSync(join(WORK!, name)))) return "";
  const measured = names.map((name) => JSON.parse(read(name)) as Usage);
  const ms = (microseconds: number) => (microseconds / 1000).toFixed(1);
  const line = (database: string, days: number, { messages, median_us, p99_us }: Readings) =>
    `| ${database}, ${days} days | ${whole(messages)} | ${ms(median_us)} ms | ${ms(p99_us)} ms | at most 50 ms: ${met(p99_us <= 50_000)} |`;
  const { entries, behind } = measured[0]!;
  return `
## Sums of usage

What the chart of the page "Usage" reads, by chatbot, of an account with ${whole(entries)} messages in 90 days by 5 keys and 10
chatbots, ${whole(behind)} of them not summed up yet.

| stretch | messages | median | 99th percentile | target |
| --- | ---: | ---: | ---: | --- |
${measured.flatMap((usage) => [line(usage.database, 30, usage.days_30), line(usage.database, 90, usage.days_90)]).join("\n")}
`;
}

interface Report {
  lighthouseVersion: string;
  categories: Record<string, { score: number }>;
  audits: Record<string, { numericValue: number }>;
}

const reports = (name: string): Report[] =>
  Array.from({ length: rounds }, (_, round) => JSON.parse(read(`${name}.${round + 1}.json`)) as Report);

function lighthouseTable(): string {
  const [signIn, settings] = [reports("sign-in"), reports("settings")];
  const line = (name: string, value: (report: Report) => number, text: (value: number) => string, isMet: (value: number) => boolean, target: string) => {
    const [a, b] = [median(signIn.map(value)), median(settings.map(value))];
    return `| ${name} | ${text(a)} | ${text(b)} | ${target}: ${met(isMet(a) && isMet(b))} |`;
  };
  const score = (name: string, category: string, least: number) =>
    line(name, (report) => report.categories[category]!.score, (value) => value.toFixed(2), (value) => value >= least, `at least ${least.toFixed(2)}`);
  const audit = (name: string, id: string, text: (value: number) => string, most: number) =>
    line(name, (report) => report.audits[id]!.numericValue, text, (value) => value <= most, `at most ${text(most)}`);
  const s = (value: number) => `${(value / 1000).toFixed(2)} s`;
  return `Lighthouse ${signIn[0]!.lighthouseVersion}, mobile preset, simulated slow 4G and a fourfold slower processor. Each
figure is the median of ${rounds} runs.

| measure | sign-in | API Plans & Settings, signed in | target |
| --- | ---: | ---: | --- |
${score("Performance", "performance", 0.95)}
${score("Accessibility", "accessibility", 1)}
${score("Best practices", "best-practices", 0.96)}
${audit("Largest contentful paint", "largest-contentful-paint", s, 2000)}
${audit("Total blocking time", "total-blocking-time", (value) => `${Math.round(value)} ms`, 100)}
${audit("Cumulative layout shift", "cumulative-layout-shift", (value) => value.toFixed(3), 0.02)}`;
}

/** What the widget costs a page of somebody else. */
function widgetTable(): string {
  const [without, withIt] = [reports("site-without"), reports("site-with")];
  const points = (runs: Report[]) => median(runs.map((report) => report.categories.performance!.score * 100));
  const lost = points(without) - points(withIt);
  const line = (name: string, id: string, text: (value: number) => string) => {
    const [a, b] = [without, withIt].map((runs) => median(runs.map((report) => report.audits[id]!.numericValue)));
    return `| ${name} | ${text(a!)} | ${text(b!)} | |`;
  };
  const s = (value: number) => `${(value / 1000).toFixed(2)} s`;
  return `A page on another origin, as it is and with the embed code of the widget.

| measure | without the widget | with it | target |
| --- | ---: | ---: | --- |
| Performance | ${points(without).toFixed(0)} | ${points(withIt).toFixed(0)} | at most 2 points less: ${met(lost <= 2)} |
${line("Largest contentful paint", "largest-contentful-paint", s)}
${line("Total blocking time", "total-blocking-time", (value) => `${Math.round(value)} ms`)}
${line("Cumulative layout shift", "cumulative-layout-shift", (value) => value.toFixed(3))}`;
}

function startTable(): string {
  const [kind, seconds] = (FIRST_BUILD ?? "").split(" ");
  const first = kind === "first" ? `| first build of the release, tools and packages already there, whatever else the machine did then | ${seconds} s | |\n` : "";
  return `| what | seconds | target |
| --- | ---: | --- |
${first}| \`script/server\` when all is built, until it answers | ${WARM_SECONDS} s | at most 5 s: ${met(Number(WARM_SECONDS) <= 5)} |`;
}

const processor = cpus()[0]?.model ?? "an unknown processor";
console.log(`# Benchmarks

Written by \`script/bench\`; do not edit. All figures are of one run on one machine (${cpus().length} cores of ${processor},
${Math.round(totalmem() / 2 ** 30)} GiB), on ${new Date().toISOString().slice(0, 10)}. Ratios carry over to other machines; absolute figures do not.

## First load

Bytes as they come over the line when the browser takes brotli and has nothing in its cache.

${sizeTable()}
## One call

\`wrk\` for ${SECONDS_A_ROUND} s, median of ${rounds} alternating rounds; load and server share the machine. \`ask\` runs on the
built-in engine with SQLite at \`synchronous=FULL\`: each call checks the key, searches the documents, charges the ledger and
commits before it answers. \`ledger verify\` passed afterwards.

${askTable()}

## One commit for many requests

The same call at 256 connections, against all that it does in one transaction for each request, which is how such a call is
commonly built.

${singleTable()}

## The ledger alone

4,096 callers without HTTP, SQLite at \`synchronous=FULL\`, median of ${rounds} rounds.

${engineTable()}

${overloadText()}

## Slow clients

\`ask\` over connections that are kept, alone and beside clients that send the head of a request or its body a byte every ten
seconds, from eight addresses, and come back at once when they are cut off. Median of three alternating rounds.

${slowClientsText()}

## Payments

${webhooksText()}

${usageText()}
## Lighthouse

${lighthouseTable()}

${widgetTable()}

## Start

${startTable()}`);
