/** What only a real Kong can show: the stand-in of the other cases is made after what one said, but is none. */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { parse, stringify } from "yaml";
import { PortFinder } from "../../deploy/ports.ts";
import type { Gateway } from "./gateway.ts";
import { contentOf, dataOf, send } from "./http.ts";
import { until } from "./until.ts";
import { chat, KEYS, startWorld, type World } from "./world.ts";

const CHAT = "/chat/completions";
const PROGRAM = fileURLToPath(new URL("../../kong-plugin/bin/oneapi-kong.js", import.meta.url));
const run = promisify(execFile);

/** A Kong that the cases can be played on; `missing` is the reason why there is none. */
export interface RealKong {
  name: string;
  missing: string | null;
  /** The path of its `kong`. */
  program: string;
}

export function realKongCases({ name, missing, program }: RealKong): void {
  describe(`${name}${missing === null ? "" : ` (skipped: ${missing})`}`, () => {
    let world: World;
    beforeAll(async () => {
      if (missing !== null) return;
      process.env.KONG_BIN = program;
      world = await startWorld();
    });
    afterAll(() => world?.stop());
    beforeEach((context) => {
      if (missing !== null) return context.skip(missing);
      world.reset();
    });

    const reload = () => run(program, ["reload", "-c", world.gateway.fileOf("kong-1.conf")]);

    it("serves a chat, with its own headers on it", async () => {
      const answer = await world.gateway.send(CHAT, KEYS.main, chat("claude", "hello"));
      expect([answer.status, answer.text]).toEqual([200, answer.text]);
      expect(JSON.parse(answer.text)).toMatchObject({ choices: [{ message: { content: "hello" } }] });
      // The stand-in does not measure.
      expect(answer.headers).toHaveProperty("x-kong-upstream-latency");
      expect(await world.gateway.record(answer.headers["x-request-id"])).toMatchObject({ outcome: "ok" });
    });

    it("refuses a wrong key in the shape of OpenAI, and sends nothing", async () => {
      const answer = await world.gateway.send(CHAT, "sk-nobody-has-seen-this-key-yet", chat("solo", "hi"));
      expect(answer.status).toBe(401);
      expect(JSON.parse(answer.text)).toMatchObject({ error: { code: "invalid_api_key" } });
      expect(world.primary.log()).toEqual([]);
    });

    it("passes a stream on event by event", async () => {
      world.primary.script({ between_ms: 60 });
      const stream = await world.gateway.stream(CHAT, KEYS.main, chat("solo", "count 20", { stream: true }));
      const lags: number[] = [];
      for await (const event of stream.events) {
        const content = Number(contentOf([event]));
        if (content > 0) lags.push((world.primary.log()[0]?.events ?? 0) - 1 - content);
      }
      expect(lags).toHaveLength(20);
      expect(lags.filter((lag) => lag >= 2)).toEqual([]);
    });

    it("tells the relay at once that a client has left", async () => {
      world.primary.script({ between_ms: 50 });
      const stream = await world.gateway.stream(CHAT, KEYS.main, chat("solo", "count 200", { stream: true }));
      for await (const event of stream.events) if (contentOf([event]) !== "") break;
      stream.leave();
      await expect.poll(() => world.primary.log()[0]?.end, { timeout: 1500 }).toBe("aborted");
      const record = await world.gateway.record(stream.headers["x-request-id"]);
      expect(record).toMatchObject({ outcome: "client_closed", provider: "primary" });
    });

    it("is reloaded under a stream, which comes to its end, and serves all the while", async () => {
      world.primary.script({ between_ms: 100 });
      const stream = await world.gateway.stream(CHAT, KEYS.main, chat("solo", "count 60", { stream: true }));
      const events: string[] = [];
      const ended = (async () => {
        for await (const event of stream.events) events.push(event);
      })();
      const reloaded = reload();
      let isReloaded = false;
      reloaded.finally(() => {
        isReloaded = true;
      });
      const statuses: number[] = [];
      do statuses.push((await world.gateway.send(CHAT, KEYS.main, chat("claude", "hi"))).status);
      while (!isReloaded || statuses.length < 50);
      await reloaded;
      expect(new Set(statuses)).toEqual(new Set([200]));
      await ended;
      expect(contentOf(events)).toContain("60");
      expect(dataOf(events).at(-1)).toBe("[DONE]");
    });

    it("is moved to a second oneapi-kong under a stream: both serve to the end", async () => {
      world.primary.script({ between_ms: 100 });
      const stream = await world.gateway.stream(CHAT, KEYS.main, chat("solo", "count 60", { stream: true }));
      const places = [world.gateway.fileOf("kong-1.conf"), world.gateway.fileOf("kong-1.yml")];
      const before = places.map((path) => readFileSync(path, "utf8"));
      const second = await startSecond(world.gateway);
      try {
        for (const path of places) writeFileSync(path, second.named(readFileSync(path, "utf8")));
        await reload();
        await until(
          "calls come to the second one",
          async () => {
            expect((await world.gateway.send(CHAT, KEYS.main, chat("claude", "hi"))).status).toBe(200);
            return await second.served();
          },
          (served) => served >= 5,
          30_000,
        );
        const events: string[] = [];
        for await (const event of stream.events) events.push(event);
        expect(contentOf(events)).toContain("60");
        expect(dataOf(events).at(-1)).toBe("[DONE]");
      } finally {
        for (const [at, path] of places.entries()) writeFileSync(path, before[at] ?? "");
        await reload();
        await second.stop();
      }
    });

    it("goes on without a plugin that is killed, and reaches no provider so", async () => {
      const statuses: number[] = [];
      world.gateway.signal("gateway", "SIGKILL");
      const serve = async () => {
        const { status } = await world.gateway.send(CHAT, KEYS.main, chat("solo", "hi"));
        statuses.push(status);
        return status;
      };
      await until("served again", serve, (status) => status === 200);
      for (const status of statuses.slice(0, -1)) expect(status).toBeOneOf([500, 502, 503]);
      expect(statuses.length).toBeGreaterThan(1);
      expect(world.primary.log()).toHaveLength(1);
    });

    it("serves a consumer of its own under the consumer's OneAPI key, and nobody else", async () => {
      const file = world.gateway.fileOf("kong-1.yml");
      const before = readFileSync(file, "utf8");
      writeFileSync(file, withConsumer(before, "search-team", "what-the-team-sends-to-kong", KEYS.narrow));
      try {
        await reload();
        const ask = (apikey: string) => world.gateway.send(CHAT, null, chat("solo", "hi"), { headers: { apikey } });
        // Workers of before the reload may still take a request.
        const served = await until(
          "served",
          () => ask("what-the-team-sends-to-kong"),
          ({ status }) => status === 200,
        );
        const record = await world.gateway.record(served.headers["x-request-id"]);
        expect(record).toMatchObject({ outcome: "ok", requested_model: "solo" });
        expect((await ask("what-nobody-has-been-given")).status).toBe(401);
        expect((await world.gateway.send(CHAT, KEYS.main, chat("solo", "hi"))).status).toBe(401);
        expect(JSON.stringify(world.primary.log())).not.toContain("what-the-team-sends-to-kong");
      } finally {
        writeFileSync(file, before);
        await reload();
      }
    });
  });
}

/** An oneapi-kong beside the one of `up`, on the same control service, with places of its own. */
async function startSecond(gateway: Gateway) {
  const finder = new PortFinder();
  const [relayPort, statusPort] = [await finder.find(0), await finder.find(0)];
  await finder.release();
  const [socket, spool] = [gateway.fileOf("second.sock"), gateway.fileOf("second-spool")];
  const places = ["--socket", socket, "--relay-port", `${relayPort}`, "--status-port", `${statusPort}`];
  const child = spawn(
    process.execPath,
    [PROGRAM, ...places, "--spool-dir", spool, "--node", "second", "--control-url", gateway.adminUrl],
    {
      env: { ...process.env, ONEAPI_GATEWAY_TOKEN: readFileSync(gateway.fileOf("gateway.token"), "utf8").trim() },
      stdio: ["ignore", "ignore", "inherit"],
    },
  );
  const ask = (path: string) => send(`http://127.0.0.1:${statusPort}${path}`);
  await until(
    "the second one is ready",
    () => ask("/readyz"),
    ({ status }) => status === 200,
  );
  return {
    /** A file of Kong's that names this one in the place of the other. */
    named: (text: string) =>
      text
        .replace(/(pluginserver_oneapi_socket = ).*/, `$1${socket}`)
        .replace(/(url: http:..127.0.0.1:)\d+/, `$1${relayPort}`),
    served: async () =>
      Number(/^oneapi_operations_total\{outcome="ok"\} (\d+)/m.exec((await ask("/metrics")).text)?.[1] ?? 0),
    stop: async () => {
      child.kill("SIGTERM");
      await once(child, "exit");
    },
  };
}

/** kong.yml with a consumer whom key-auth knows and who has a OneAPI key. */
function withConsumer(text: string, username: string, apikey: string, oneapiKey: string): string {
  const declared = parse(text) as { services: { plugins: { name: string; config: object }[] }[]; consumers?: object[] };
  const [service] = declared.services;
  if (service === undefined) throw new Error("kong.yml has no Service");
  service.plugins = [
    { name: "key-auth", config: {} },
    { name: "oneapi", config: { consumer_keys: { [username]: oneapiKey } } },
  ];
  declared.consumers = [{ username, keyauth_credentials: [{ key: apikey }] }];
  return stringify(declared);
}
