/**
 * The least that a relay in Node can do: reads the whole body as JSON, looks its key up, calls the provider on kept
 * connections with a credential in the key's place, and passes on what comes.
 *
 *   node floor.ts UPSTREAM_PORT KEY
 *
 * Prints the port that it listens on.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Pool } from "undici";
import { HOST } from "../../../deploy/ports.ts";

const [upstreamPort = "", key = ""] = process.argv.slice(2);
const keys = new Set([`Bearer ${key}`]);
const HEADERS = { "content-type": "application/json", authorization: "Bearer sk-bench-openai" };
const provider = new Pool(`http://${HOST}:${upstreamPort}`, { allowH2: false, connections: 64, pipelining: 1 });

const server = createServer((request, response) => {
  const parts: Buffer[] = [];
  request.on("data", (part: Buffer) => parts.push(part));
  request.on("end", () => relay(request, response, Buffer.concat(parts)));
});
server.listen(0, HOST, () => process.stdout.write(`${(server.address() as AddressInfo).port}\n`));

function relay(request: IncomingMessage, response: ServerResponse, body: Buffer): void {
  const { model } = JSON.parse(body.toString()) as { model?: string };
  if (!keys.has(request.headers.authorization ?? "") || model === undefined) {
    response.writeHead(401).end('{"error":{"message":"no"}}');
    return;
  }
  provider.dispatch(
    { method: "POST", path: request.url ?? "/", headers: HEADERS, body },
    {
      // Without it undici does not know the interface.
      onRequestStart: () => {},
      onResponseStart: (_controller, status, headers) => {
        response.writeHead(status, { "content-type": `${headers["content-type"]}` });
      },
      onResponseData: (_controller, chunk) => response.write(chunk),
      onResponseEnd: () => response.end(),
      onResponseError: () => response.destroy(),
    },
  );
}
