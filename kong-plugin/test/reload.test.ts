/** `kong reload`, and a configuration that is changed while it serves: no stream is cut, no request fails. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { type Exchange, ExternalPlugin } from "../../test/kong/plugin.ts";
import { PluginRpc } from "../../test/kong/plugin-rpc.ts";
import { TICKET_HEADER } from "../src/relay/tickets.ts";
import { chat, event, KongWorld, openChat } from "./kong-world.ts";

const KONG = fileURLToPath(new URL("../../test/kong/main.ts", import.meta.url));
const PROGRAM = fileURLToPath(new URL("../bin/oneapi-kong.js", import.meta.url));
const KEYS = { old: "sk-before-the-change-01234", new: "sk-after-the-change-012345" };
const world = new KongWorld({ [KEYS.old]: "key_old", [KEYS.new]: "key_new" });
const kongYaml = join(world.folder, "kong.yml");
let kong: ChildProcess;
let url: string;
/** How often Kong has said that it was reloaded. */
let reloads = 0;

beforeAll(async () => {
  await world.start();
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  await new Promise((closed) => probe.close(closed));
  url = `http://127.0.0.1:${port}/v1`;
  configure(KEYS.old);
  const conf = join(world.folder, "kong.conf");
  const lines = [
    `declarative_config = ${kongYaml}`,
    `proxy_listen = 127.0.0.1:${port}`,
    `pluginserver_oneapi_socket = ${world.socket}`,
    `pluginserver_oneapi_query_cmd = ${process.execPath} ${PROGRAM} --dump`,
  ];
  writeFileSync(conf, lines.join("\n"));
  kong = spawn(process.execPath, [KONG, "-c", conf], { stdio: ["ignore", "ignore", "pipe"] });
  kong.stderr?.on("data", (part: Buffer) => {
    reloads += part.toString().split("reloaded").length - 1;
  });
  await vi.waitFor(async () => expect((await chat(url, "up")).status).toBe(200), { timeout: 20_000, interval: 20 });
});
afterAll(async () => {
  kong?.kill("SIGKILL");
  await world.stop();
});

function configure(key: string): void {
  const routes = [{ paths: ["/v1"], strip_path: false }];
  const plugins = [{ name: "oneapi", config: { key } }];
  // JSON is YAML too.
  writeFileSync(kongYaml, JSON.stringify({ services: [{ url: world.relayUrl, routes, plugins }] }));
}

async function reload(): Promise<void> {
  const before = reloads;
  kong.kill("SIGHUP");
  await expect.poll(() => reloads, { timeout: 20_000 }).toBe(before + 1);
}

it("`kong reload` cuts no stream and fails no request", async () => {
  world.asked.length = 0;
  const stream = await openChat(url, "a stream", {}, true);
  let text = "";
  stream.on("data", (part: Buffer) => {
    text += part.toString();
  });
  const ended = once(stream, "end");
  await expect.poll(() => text).toContain("a stream");
  const provider = world.asked[0]?.answer;

  let going = true;
  const statuses: number[] = [];
  const client = async () => {
    while (going) statuses.push((await chat(url, "meanwhile")).status);
  };
  const clients = [1, 2, 3, 4].map(client);
  await reload();
  provider?.write(event({ content: "goes on" }));
  configure(KEYS.new);
  await reload();
  const changed = await chat(url, "after the change");
  const before = statuses.length;
  await expect.poll(() => statuses.length, { timeout: 20_000 }).toBeGreaterThan(before + 20);
  going = false;
  await Promise.all(clients);
  expect(new Set(statuses)).toEqual(new Set([200]));

  provider?.end(`${event({}, "stop")}data: [DONE]\n\n`);
  await ended;
  expect(text).toContain("goes on");
  expect(text).toMatch(/data: \[DONE\]\n\n$/);
  expect(await world.record(stream.headers["x-request-id"])).toMatchObject({ outcome: "ok", key: "key_old" });
  expect((await world.record(changed.headers["x-request-id"])).key).toBe("key_new");
});

it("a new configuration takes over while requests are with the old one, which is closed", async () => {
  const rpc = new PluginRpc(world.socket);
  const plugin = new ExternalPlugin(rpc, "oneapi", { key: KEYS.old }, () => {});
  const access = async () => {
    const exchange: Exchange = { headers: {}, path: "/v1/chat/completions", consumer: null, added: {}, exit: null };
    await plugin.run("access", exchange);
    return exchange.added[TICKET_HEADER] ?? "";
  };
  const keyOf = async (ticket: string) => {
    const { status, headers } = await chat(`${world.relayUrl}/v1`, "hi", { [TICKET_HEADER]: ticket });
    expect(status).toBe(200);
    return (await world.record(headers["x-request-id"])).key;
  };
  expect(await keyOf(await access())).toBe("key_old");
  const during = Array.from({ length: 20 }, access);
  const changed = plugin.configure({ key: KEYS.new });
  during.push(...Array.from({ length: 20 }, access));
  await changed;
  for (const ticket of await Promise.all(during)) expect(ticket).toMatch(/^[0-9a-f]{32}$/);
  expect(await keyOf(await access())).toBe("key_new");
  rpc.close();
});
