import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { redisMissing, TestRedis } from "../limits/redis/testing.ts";

const PROGRAM = join(import.meta.dirname, "../../bin/oneapi.js");

/** A running `oneapi serve`, with what it has said so far. */
interface Served {
  readonly process: ChildProcess;
  readonly log: () => string;
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

describe("oneapi serve", () => {
  let folder: string;
  const running = new Set<ChildProcess>();
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "oneapi-serve-"));
  });
  afterEach(() => {
    for (const process of running) process.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  });

  const serve = (environment: Record<string, string> = {}, options: string[] = []): Served => {
    const args = [PROGRAM, "serve", "--port", "0", "--data-dir", join(folder, "data"), ...options];
    const child = spawn(process.execPath, args, {
      env: { PATH: process.env.PATH, ...environment },
      stdio: ["ignore", "ignore", "pipe"],
    });
    running.add(child);
    let log = "";
    child.stderr?.on("data", (chunk) => {
      log += chunk;
    });
    const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
      child.once("close", (code, signal) => {
        running.delete(child);
        resolve({ code, signal });
      });
    });
    return { process: child, log: () => log, ended };
  };
  const addressOf = async ({ log }: Served) => {
    await expect.poll(log, { timeout: 40_000 }).toMatch(/listening at http:\/\/127\.0\.0\.1:\d+/);
    return /listening at (http:\/\/127\.0\.0\.1:\d+)/.exec(log())?.[1] as string;
  };

  it("keeps what it was told over a stop and a kill, and ends with 0 on a signal", async () => {
    let service = serve();
    let url = await addressOf(service);
    const token = readFileSync(join(folder, "data/admin.token"), "utf8").trim();
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/yaml" };
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
    const body = "version: 1\nprojects: [{name: search}]\n";
    expect((await fetch(`${url}/admin/v1/config`, { method: "PUT", headers, body })).status).toBe(200);

    for (const signal of ["SIGTERM", "SIGKILL", "SIGINT"] as const) {
      service.process.kill(signal);
      const { code } = await service.ended;
      expect(code).toBe(signal === "SIGKILL" ? null : 0);
      service = serve();
      url = await addressOf(service);
      const projects = await fetch(`${url}/admin/v1/projects`, { headers: { authorization: headers.authorization } });
      expect(await projects.json()).toMatchObject({ items: [{ name: "search" }] });
    }

    const second = serve();
    expect(await second.ended).toEqual({ code: 1, signal: null });
    expect(second.log()).toMatch(/data folder .* is in use by the process/);
  });

  /** Asks a service for leases of a project's requests, as the gateway process `epoch`. */
  const claim = async (url: string, epoch: string, sequence: number, need: number) => {
    const token = readFileSync(join(folder, "data/gateway.token"), "utf8").trim();
    const entries = [{ id: "project:search:requests:month", window: monthOf(Date.now()), spent: 0, reserved: 0, need }];
    const response = await fetch(`${url}/gateway/v1/sync`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify({ version: 1, node: "n", epoch, kind: "envoy", leases: { sequence, entries } }),
    });
    return ((await response.json()) as { leases: object }).leases;
  };
  const monthOf = (now: number) => Date.UTC(new Date(now).getUTCFullYear(), new Date(now).getUTCMonth());
  const limit = async (url: string) => {
    const token = readFileSync(join(folder, "data/admin.token"), "utf8").trim();
    const body = "version: 1\nprojects: [{name: search, limits: [{metric: requests, window: month, amount: 100}]}]\n";
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/yaml" };
    expect((await fetch(`${url}/admin/v1/config`, { method: "PUT", headers, body })).status).toBe(200);
  };

  it("loses no lease when it is killed", async () => {
    const first = serve();
    const url = await addressOf(first);
    await limit(url);
    const granted: unknown[] = [];
    // Killed in the midst of it: what was answered was granted for good.
    const claims = Array.from({ length: 40 }, async (_, index) => {
      const leases = (await claim(url, index.toString(16), 1, 1).catch(() => null)) as {
        entries: { granted: number }[];
      };
      if (leases?.entries[0]?.granted === 1) granted.push(index);
      if (granted.length === 10) first.process.kill("SIGKILL");
    });
    await Promise.all(claims);
    await first.ended;
    expect(granted.length).toBeGreaterThanOrEqual(10);
    const second = await addressOf(serve());
    const rest = (await claim(second, "ff", 1, 100)) as { entries: { granted: number; left: number }[] };
    expect(rest.entries[0]?.left).toBe(0);
    expect(rest.entries[0]?.granted).toBeLessThanOrEqual(100 - granted.length);
    expect(rest.entries[0]?.granted).toBeGreaterThanOrEqual(60);
  });

  const withRedis = it.skipIf(redisMissing !== null);
  const reason = redisMissing === null ? "" : ` (skipped: ${redisMissing})`;
  withRedis.each(["--redis-url", "ONEAPI_REDIS_URL"])(`counts limits in the Redis of %s${reason}`, async (way) => {
    const redis = await TestRedis.single();
    try {
      const start = () =>
        way === "--redis-url" ? serve({}, ["--redis-url", redis.url]) : serve({ ONEAPI_REDIS_URL: redis.url });
      const first = start();
      await limit(await addressOf(first));
      expect(await claim(await addressOf(first), "a", 1, 30)).toMatchObject({ entries: [{ granted: 30, left: 70 }] });
      first.process.kill("SIGKILL");
      await first.ended;
      expect(await claim(await addressOf(start()), "b", 1, 80)).toMatchObject({ entries: [{ granted: 70, left: 0 }] });
      expect(await redis.ask("DBSIZE")).not.toEqual([0]);
    } finally {
      await redis.close();
    }
  });

  it("refuses what is no URL of Redis without repeating it", async () => {
    const service = serve({}, ["--redis-url", "http://user:secret@127.0.0.1"]);
    expect((await service.ended).code).toBe(2);
    expect(service.log()).toContain("the URL of Redis must be like redis://HOST:6379");
    expect(service.log()).not.toContain("secret@");
  });

  it("refuses to start with another master key than the database was made with", async () => {
    const first = serve();
    await addressOf(first);
    first.process.kill("SIGTERM");
    expect((await first.ended).code).toBe(0);
    const second = serve({ ONEAPI_MASTER_KEY: "ab".repeat(32) });
    expect((await second.ended).code).toBe(1);
    expect(second.log()).toMatch(/the master key is not the one that this database was made with/);
  });

  it("says what is wrong with what it was given", async () => {
    const service = serve({ ONEAPI_MASTER_KEY: "too-short" });
    expect((await service.ended).code).toBe(1);
    expect(service.log()).toBe(
      "oneapi serve: ONEAPI_MASTER_KEY must be 64 hex digits or the base64 of 32 bytes (several: with commas)\n",
    );
  });

  it("lets a waiting gateway go when it stops", async () => {
    const service = serve();
    const url = await addressOf(service);
    const token = readFileSync(join(folder, "data/gateway.token"), "utf8").trim();
    const sync = (fields: object) =>
      fetch(`${url}/gateway/v1/sync`, {
        method: "POST",
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        body: JSON.stringify({ version: 1, node: "envoy-1", epoch: "a1", kind: "envoy", ...fields }),
      }).then((response) => response.json() as Promise<{ config_version: string; key_revision: number }>);
    const { config_version, key_revision } = await sync({});
    const waiting = sync({ config_version, key_revision, wait_ms: 30_000 }).catch(() => null);
    const admin = readFileSync(join(folder, "data/admin.token"), "utf8").trim();
    const held = async () => {
      const response = await fetch(`${url}/admin/v1/gateways`, { headers: { authorization: `Bearer ${admin}` } });
      return ((await response.json()) as { items: { config_version: string }[] }).items[0]?.config_version;
    };
    await expect.poll(held, { timeout: 5000 }).toBe(config_version);
    const start = performance.now();
    service.process.kill("SIGTERM");
    expect((await service.ended).code).toBe(0);
    await waiting;
    expect(performance.now() - start).toBeLessThan(8000);
  });
});
