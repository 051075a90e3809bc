import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingHttpHeaders, request, type Server, type ServerResponse } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { json } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Part } from "../part.ts";
import { HOST, PortFinder } from "../ports.ts";
import { findEnvoy } from "./binary.ts";
import { bootstrap } from "./bootstrap.ts";

/**
 * The connection manager, route and local replies on a real Envoy. A Lua filter stands where the OneAPI filter is, so that
 * what is seen here is the bootstrap's doing: it collects the body, picks a cluster by the path and allows two retries.
 */
const LUA = `
function envoy_on_request(handle)
  handle:body()
  local headers = handle:headers()
  headers:replace("x-oneapi-cluster", headers:get(":path"):match("%a+"))
  headers:replace("x-envoy-max-retries", "2")
  handle:clearRouteCache()
end`;

type Seen = { headers: IncomingHttpHeaders; bytes: number };

let folder: string;
let envoy: Part;
let port: number;
const servers: Server[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "oneapi-bootstrap-"));
  const failing = await listen((_, response) => response.writeHead(429).end("try another one"));
  const echoing = await listen((seen, response) => response.end(JSON.stringify(seen)));
  const finder = new PortFinder();
  port = await finder.find(0);
  const [adminPort, deadPort] = [await finder.find(0), await finder.find(0)];
  await finder.release();

  const settings = { node: "envoy-1", host: HOST, port, adminPort, token: "t", wasm: "", certificateAuthorities: "" };
  // biome-ignore lint/suspicious/noExplicitAny: parts of a configuration are replaced and added.
  const config: any = bootstrap({ ...settings, control: { host: HOST, port: deadPort } });
  const manager = config.static_resources.listeners[0].filter_chains[0].filters[0].typed_config;
  manager.http_filters[0] = {
    name: "lua",
    typed_config: {
      "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua",
      default_source_code: { inline_string: LUA },
    },
  };
  config.static_resources.clusters.push(
    cluster("failing", failing),
    cluster("echo", echoing),
    cluster("dead", deadPort),
  );
  config.static_resources.clusters.push(aggregate("order", ["failing", "echo"]));
  delete config.dynamic_resources;

  const file = join(folder, "envoy.json");
  await writeFile(file, JSON.stringify(config));
  const args = ["-c", file, "--concurrency", "1", "--disable-hot-restart", "--log-level", "error"];
  envoy = new Part({ name: "envoy", program: await findEnvoy(console.error), args }, console.error);
  envoy.start();
  await envoy.ready(async () => (await get("/echo"))?.status === 200);
}, 120_000);

afterAll(async () => {
  await envoy.stop();
  for (const server of servers) server.close();
  await rm(folder, { recursive: true });
});

describe("a request", () => {
  test("goes on to the next provider of the order, with its whole body", async () => {
    const answer = await post("/order", 20_000_000);
    expect(answer.status).toBe(200);
    expect((answer.json as Seen).bytes).toBe(20_000_000);
  });

  test("of 50 MiB passes, one of more is refused as JSON", async () => {
    expect((await post("/echo", 50 * 1024 * 1024)).status).toBe(200);
    const refused = await post("/echo", 51 * 1024 * 1024);
    expect(refused).toMatchObject({ status: 413, json: { error: { code: "request_too_large", param: null } } });
  });

  test("cannot steer the router from outside, and its id is Envoy's own", async () => {
    const headers = {
      "x-request-id": "mine",
      "x-envoy-max-retries": "9",
      "x-envoy-retry-on": "5xx",
      "x-envoy-upstream-rq-timeout-ms": "1",
      "x-envoy-upstream-rq-per-try-timeout-ms": "1",
      "x-envoy-retriable-status-codes": "200",
      "x-envoy-internal": "true",
    };
    const seen = (await get("/echo", headers))?.json as Seen;
    const sent = Object.keys(headers).filter((name) => name !== "x-request-id");
    expect(Object.keys(seen.headers).filter((name) => sent.includes(name))).toEqual([]);
    expect(seen.headers["x-request-id"]).toMatch(/^[0-9a-f-]{36}$/);
  });

  test("gets its id back, and no header of Envoy's", async () => {
    const answer = await get("/echo");
    expect(answer?.headers["x-request-id"]).toMatch(/^[0-9a-f-]{36}$/);
    expect(Object.keys(answer?.headers ?? {}).filter((name) => name.startsWith("x-envoy"))).toEqual([]);
  });
});

describe("what Envoy answers by itself is in OpenAI's error shape", () => {
  test.each([
    ["no provider to reach", "/dead", 503, "service_unavailable"],
    ["no such cluster", "/nowhere", 503, "service_unavailable"],
  ])("%s", async (_, path, status, code) => {
    const answer = await get(path);
    expect(answer?.headers["content-type"]).toBe("application/json");
    expect(answer).toMatchObject({
      status,
      json: { error: { message: expect.stringMatching(/./), type: "server_error", param: null, code } },
    });
  });

  test("headers that are too large", async () => {
    const answer = await get("/echo", { "x-large": "a".repeat(80_000) });
    expect(answer).toMatchObject({ status: 431, json: { error: { code: "headers_too_large" } } });
  });

  test("what is no HTTP", async () => {
    const socket = connect(port, HOST);
    socket.write("NONSENSE\r\n\r\n");
    let text = "";
    for await (const chunk of socket) text += chunk;
    expect(text).toContain("HTTP/1.1 400 Bad Request");
    expect(text).toContain('"code":"bad_request"');
  });
});

async function listen(answer: (seen: Seen, response: ServerResponse) => void): Promise<number> {
  const server = createServer((incoming, response) => {
    let bytes = 0;
    incoming.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
    });
    incoming.on("end", () => answer({ headers: incoming.headers, bytes }, response));
  }).listen(0, HOST);
  servers.push(server);
  await once(server, "listening");
  return (server.address() as { port: number }).port;
}

function cluster(name: string, clusterPort: number) {
  const socket = { socket_address: { address: HOST, port_value: clusterPort } };
  const endpoints = [{ lb_endpoints: [{ endpoint: { address: socket } }] }];
  return { name, type: "STATIC", load_assignment: { cluster_name: name, endpoints } };
}

function aggregate(name: string, clusters: string[]) {
  const type = "type.googleapis.com/envoy.extensions.clusters.aggregate.v3.ClusterConfig";
  const cluster_type = { name: "envoy.clusters.aggregate", typed_config: { "@type": type, clusters } };
  return { name, lb_policy: "CLUSTER_PROVIDED", cluster_type };
}

type Answer = { status: number | undefined; headers: IncomingHttpHeaders; json: unknown };

async function call(method: string, path: string, headers: Record<string, string>, body?: Buffer): Promise<Answer> {
  return await new Promise((resolve, reject) => {
    const sent = request({ host: HOST, port, method, path, headers, agent: false }, (response) => {
      json(response).then(
        (body) => resolve({ status: response.statusCode, headers: response.headers, json: body }),
        reject,
      );
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

const get = (path: string, headers: Record<string, string> = {}) => call("GET", path, headers).catch(() => null);
const post = (path: string, bytes: number) => call("POST", path, {}, Buffer.alloc(bytes, "a"));
