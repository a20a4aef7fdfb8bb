// Writes docs/benchmarks.md from what script/bench measured: figures beside their targets, and whether they are met.

import { readFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { join } from "node:path";

const { WORK, WARM_SECONDS, FIRST_BUILD, CONNECTIONS, SECONDS_A_ROUND, ROUNDS } = process.env;
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

function askTable(): string {
  const [baseline, ask] = [loads("baseline"), loads("ask")];
  const of = (runs: Load[], key: keyof Load) => median(runs.map((run) => run[key]));
  const line = (name: string, runs: Load[]) =>
    `| ${name} | ${Math.round(of(runs, "perSecond")).toLocaleString("en")} | ${of(runs, "p50").toFixed(2)} ms | ${of(runs, "p99").toFixed(2)} ms | ${runs.reduce((sum, run) => sum + run.errors, 0)} |`;
  const ratio = of(ask, "perSecond") / of(baseline, "perSecond");
  return `| route | requests a second | median | 99th percentile | errors |
| --- | ---: | ---: | ---: | ---: |
${line("the same JSON from memory", baseline)}
${line("`ask`", ask)}

\`ask\` reaches **${ratio.toFixed(3)}** of the route from memory.`;
}

interface Report {
  lighthouseVersion: string;
  categories: Record<string, { score: number }>;
  audits: Record<string, { numericValue: number }>;
}

function lighthouseTable(): string {
  const reports = (name: string) =>
    Array.from({ length: rounds }, (_, round) => JSON.parse(read(`${name}.${round + 1}.json`)) as Report);
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

\`wrk\` with ${CONNECTIONS} connections for ${SECONDS_A_ROUND} s, median of ${rounds} alternating rounds; load and server share the machine. \`ask\` runs on the
built-in engine with SQLite at \`synchronous=FULL\`: each call checks the key, searches the documents, charges the ledger and
commits before it answers. \`ledger verify\` passed afterwards.

${askTable()}

## Lighthouse

${lighthouseTable()}

## Start

${startTable()}`);
