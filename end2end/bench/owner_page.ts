// A site on another origin, as Lighthouse visits it: with the widget at /with, and without it everywhere else.
//
//   node end2end/bench/owner_page.ts <port> '<embed code>'

import { createServer } from "node:http";

const [port, embedCode] = [Number(process.argv[2]), process.argv[3]!];
const about = "We make lamps of wood and paper, and we repair what others threw away. ".repeat(12);

createServer((request, response) => {
  const code = request.url === "/with" ? embedCode : "";
  response.writeHead(200, { "Content-Type": "text/html; charset=utf-8" });
  response.end(`<!DOCTYPE html><html lang="en"><head><meta name="viewport" content="width=device-width">
    <meta name="description" content="A shop that sells lamps."><title>Lamps</title><link rel="icon" href="data:,">${code}</head>
    <body><main><h1>Lamps</h1><p>${about}</p><h2>Opening hours</h2><p>From nine to five.</p></main></body></html>`);
}).listen(port, "127.0.0.1");
