// What the widget costs the page that shows it: Lighthouse's scores of one page with and without it.
//
//   node end2end/bench/widget_cost.ts [rounds]
//
// It starts the release on a database of its own and a site on another origin. The page is a plain one, so that whatever
// the widget takes away can be seen; the rounds alternate, so that whatever else the machine does meets both.

import { spawn, execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "@playwright/test";
import { browserArguments, executablePath } from "../browser.ts";
import { shop, site } from "../shop.ts";

const root = join(import.meta.dirname, "../..");
const rounds = Number(process.argv[2] ?? 5);
const address = process.env.BENCH_WIDGET_ADDRESS ?? "127.0.0.1:43121";
const work = mkdtempSync(join(tmpdir(), "artiko-widget-"));

/** The score of a page and the figures it is made of. */
interface Report {
  score: number;
  largestPaintMs: number;
  blockingMs: number;
  shift: number;
  bytes: number;
}

function lighthouse(url: string): Report {
  const file = join(work, "report.json");
  const flags = ["--headless=new", ...browserArguments].join(" ");
  execFileSync("lighthouse", [url, "--quiet", "--only-categories=performance", "--output=json", `--output-path=${file}`, `--chrome-flags=${flags}`], {
    stdio: ["ignore", "ignore", "inherit"],
    env: { ...process.env, ...(executablePath ? { CHROME_PATH: executablePath } : {}) },
  });
  const { categories, audits } = JSON.parse(readFileSync(file, "utf8"));
  const number = (name: string): number => audits[name].numericValue;
  return {
    score: Math.round(categories.performance.score * 100),
    largestPaintMs: Math.round(number("largest-contentful-paint")),
    blockingMs: Math.round(number("total-blocking-time")),
    shift: number("cumulative-layout-shift"),
    bytes: number("total-byte-weight"),
  };
}

const median = (reports: Report[], of: (report: Report) => number): number => {
  const sorted = reports.map(of).sort((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)]!;
};

const server = spawn(join(root, "end2end/serve"), ["--address", address], { stdio: ["ignore", "ignore", "inherit"] });
try {
  const url = `http://${address}`;
  for (const deadline = Date.now() + 20_000; !(await fetch(`${url}/readyz`).then((answer) => answer.ok, () => false)); ) {
    if (Date.now() > deadline) throw new Error(`${url} does not answer`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const lamps = await site(url);
  const browser = await chromium.launch({ executablePath, args: browserArguments });
  const context = await browser.newContext({ baseURL: url, permissions: ["clipboard-read", "clipboard-write"] });
  await shop(await context.newPage(), lamps);
  await browser.close();
  const code = lamps.code;
  const reports: Record<string, Report[]> = { without: [], with: [] };
  for (let round = 0; round < rounds; round += 1) {
    for (const [name, shown] of [["without", ""], ["with", code]] as const) {
      lamps.code = shown;
      const report = lighthouse(lamps.origin());
      reports[name]!.push(report);
      console.log(name.padEnd(8), JSON.stringify(report));
    }
  }
  lamps.close();
  for (const [name, all] of Object.entries(reports)) {
    const scores = all.map((report) => report.score).join(" ");
    const figures = `largest paint ${median(all, (report) => report.largestPaintMs)} ms, blocking ${median(all, (report) => report.blockingMs)} ms, shift ${median(all, (report) => report.shift)}, ${median(all, (report) => report.bytes)} bytes`;
    console.log(`${name.padEnd(8)} performance ${median(all, (report) => report.score)} (${scores}); ${figures}`);
  }
} finally {
  server.kill("SIGTERM");
  rmSync(work, { recursive: true, force: true });
}
