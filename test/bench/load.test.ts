/** The load generator against the upstream alone: what it counts must be what was there. */
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Load, type Traffic, warmUpOf } from "./load.ts";
import { Processes } from "./processes.ts";
import { buildPrograms, NoCompiler, type Programs } from "./programs.ts";
import { Upstream } from "./upstream.ts";

const CHAT: Traffic = {
  ...{ model: "m", key: "unlimited", stream: false, bytes: 1_000 },
  ...{ connections: 4, requests: 400, seconds: 20 },
};

/** Null on a machine without a C compiler, or without the kernel that the programs are for. */
const programs = process.platform === "linux" ? await built() : null;

async function built(): Promise<Programs | null> {
  return await buildPrograms().catch((error: Error) => {
    if (error instanceof NoCompiler) return null;
    throw error;
  });
}

describe.skipIf(programs === null)("load", () => {
  const { load: program = "", upstream: upstreamProgram = "" } = programs ?? {};
  let folder = "";
  let processes: Processes;
  let upstream: Upstream;
  let load: Load;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "oneapi-bench-test-"));
    processes = new Processes(folder);
    upstream = await Upstream.create([upstreamProgram], processes);
    load = new Load([program], folder);
  });

  afterAll(async () => {
    await processes.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const server = () => ({ port: upstream.port, pid: process.pid });

  test.each([1_000, 100_000])("whole answers to bodies of %i bytes", async (bytes) => {
    await upstream.go({ events: 2, gapUs: 0 });
    const slice = await load.run(server(), { ...CHAT, bytes });
    // Those that were on their way when the warm-up ended count too.
    expect(slice.requests).toBeGreaterThanOrEqual(CHAT.requests - CHAT.connections);
    expect(slice.requests).toBeLessThanOrEqual(CHAT.requests);
    expect(slice.latency_us.p50).toBeGreaterThan(0);
    expect(slice.latency_us.p99).toBeGreaterThanOrEqual(slice.latency_us.p50);
  });

  test("the events of streams, and their pace", async () => {
    await upstream.go({ events: 20, gapUs: 2_000 });
    const slice = await load.run(server(), { ...CHAT, stream: true, connections: 1, requests: 10 });
    // Twenty and `[DONE]`.
    expect(slice.events).toBe(10 * 21);
    expect(slice.latency_us.p50).toBeGreaterThan(19 * 2_000);
    expect(slice.first_event_us.p50).toBeLessThan(slice.latency_us.p50 / 4);
  });

  test("the CPU time of the process that it is told to watch, over the time that it counts", async () => {
    await upstream.go({ events: 2, gapUs: 0 });
    const traffic = { ...CHAT, requests: 1_000_000_000, seconds: 0.4 };
    const busy = processes.start("busy", [process.execPath, "-e", "for (;;);"]);
    const idle = processes.start("idle", ["sleep", "600"]);
    const ofBusy = (await load.run({ ...server(), pid: busy.pid }, traffic)).cpu_us;
    const ofIdle = (await load.run({ ...server(), pid: idle.pid }, traffic)).cpu_us;
    // It may have to share its core with any number of others.
    expect(ofBusy).toBeGreaterThan(20_000);
    expect(ofBusy).toBeLessThan(1_000_000);
    expect(ofIdle).toBeLessThan(10_000);
  });

  test("each request carries a ticket of its own, and without another one there is no further request", async () => {
    const tickets = Array.from({ length: 100 }, (_, index) => `${index}`.padStart(32, "0"));
    const seen: unknown[] = [];
    const ticketed: Server = createServer((request, response) => {
      seen.push(request.headers["x-oneapi-ticket"]);
      request.resume();
      response.end("{}");
    });
    await new Promise<void>((listening) => ticketed.listen(0, "127.0.0.1", listening));
    const { port } = ticketed.address() as AddressInfo;
    const slice = await load.run({ port, pid: process.pid }, CHAT, tickets);
    ticketed.closeAllConnections();
    ticketed.close();
    expect(seen.toSorted()).toEqual(tickets);
    expect(slice.requests).toBeGreaterThanOrEqual(tickets.length - warmUpOf(CHAT) - CHAT.connections);
    expect(slice.requests).toBeLessThanOrEqual(tickets.length - warmUpOf(CHAT) + CHAT.connections);
  });

  test("a server that refuses is no success", async () => {
    const refusing: Server = createServer((_request, response) => response.writeHead(503).end('{"why":"no"}'));
    await new Promise<void>((listening) => refusing.listen(0, "127.0.0.1", listening));
    const { port } = refusing.address() as AddressInfo;
    const answer = load.run({ port, pid: process.pid }, { ...CHAT, requests: 10 });
    await expect(answer).rejects.toThrow("'why':'no'");
    refusing.close();
  });
});
