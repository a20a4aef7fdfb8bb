// Measures the first load of a page: fetches it and every file it names as a browser that takes brotli does, and prints
// the bytes of each body as they came over the line, as JSON.
//
//   node end2end/bench/first_load.ts http://127.0.0.1:3000/sign-in [cookie]

import { get } from "node:http";

interface Fetched {
  bytes: number;
  encoding: string;
  body: Buffer;
}

function fetchRaw(url: URL, cookie: string): Promise<Fetched> {
  const headers = { "Accept-Encoding": "br", Accept: "text/html,*/*", Cookie: cookie };
  return new Promise((resolve, reject) => {
    get(url, { headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        const body = Buffer.concat(chunks);
        if (response.statusCode !== 200) return reject(new Error(`${url}: ${response.statusCode}`));
        resolve({ bytes: body.length, encoding: response.headers["content-encoding"] ?? "none", body });
      });
    }).on("error", reject);
  });
}

const { brotliDecompressSync } = await import("node:zlib");
const url = new URL(process.argv[2]!);
const cookie = process.argv[3] ?? "";
const page = await fetchRaw(url, cookie);
const html = (page.encoding === "br" ? brotliDecompressSync(page.body) : page.body).toString("utf8");
const sizes: Record<string, number> = { html: page.bytes, css: 0, js: 0, wasm: 0 };
const encodings: Record<string, string> = { html: page.encoding };
const files = new Set([...html.matchAll(/\/pkg\/[\w.-]+\.(?:css|js|wasm)/g)].map(([path]) => path));
for (const path of files) {
  const kind = path.slice(path.lastIndexOf(".") + 1);
  const file = await fetchRaw(new URL(path, url), cookie);
  sizes[kind] = (sizes[kind] ?? 0) + file.bytes;
  encodings[kind] = file.encoding;
}
const total = Object.values(sizes).reduce((sum, bytes) => sum + bytes, 0);
console.log(JSON.stringify({ ...sizes, total, encodings }));
