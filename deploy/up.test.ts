import { type ChildProcessByStdio, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { checkout } from "./checkout.ts";
import { HOST } from "./ports.ts";

const run = promisify(execFile);

/** The line that `--json` prints. */
type Line = {
  base_url: string;
  gateways: { kind: string; base_url: string; pid: number }[];
  admin_url: string;
  admin_token: string;
  demo_key: string | null;
  control_pid: number;
};

class Up {
  readonly process: ChildProcessByStdio<null, Readable, Readable>;
  stdout = "";
  stderr = "";
  private readonly ended: Promise<number | null>;

  constructor(...flags: string[]) {
    const args = [join(checkout, "deploy/up.sh"), "--port", "0", "--control-port", "0", ...flags];
    // A folder that is named in a flag counts from where npm was called, if it was.
    const env = { ...process.env, INIT_CWD: folder };
    this.process = spawn("sh", args, { stdio: ["ignore", "pipe", "pipe"], cwd: folder, env });
    this.process.stdout.on("data", (chunk: Buffer) => {
      this.stdout += chunk;
    });
    this.process.stderr.on("data", (chunk: Buffer) => {
      this.stderr += chunk;
    });
    this.ended = once(this.process, "close").then(([code]) => code as number | null);
    started.push(this);
  }

  /** What it prints once everything answers. */
  async ready(): Promise<string> {
    const printed = once(this.process.stdout, "data").then(() => this.stdout);
    const early = this.ended.then((code) => Promise.reject(new Error(`up ended with ${code}\n${this.stderr}`)));
    return await Promise.race([printed, early]);
  }

  async line(): Promise<Line> {
    return JSON.parse(await this.ready()) as Line;
  }

  /** The exit code, once it has ended and all that it started has let go of its stderr. */
  async end(signal?: NodeJS.Signals): Promise<number | null> {
    if (signal) this.process.kill(signal);
    return await this.ended;
  }
}

const started: Up[] = [];
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "oneapi-up-"));
});
afterEach(async () => {
  await Promise.all(started.splice(0).map((up) => up.end("SIGTERM")));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

/** Whether it runs; one that has ended and only waits to be noticed by its parent does not. */
const isAlive = (pid: number) => {
  try {
    process.kill(pid, 0);
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT" && process.platform !== "linux";
  }
};

/** One call; with `count` a stream that counts so far. */
async function chat(
  { base_url, demo_key }: Line,
  model: string,
  { count = 0 }: { count?: number } = {},
): Promise<Response> {
  const headers = { authorization: `Bearer ${demo_key}`, "content-type": "application/json" };
  const content = count > 0 ? `count ${count}` : "Hello";
  const body = JSON.stringify({ model, stream: count > 0, messages: [{ role: "user", content }] });
  return await fetch(`${base_url}/chat/completions`, { method: "POST", headers, body });
}

describe("up", () => {
  test("prints curl lines that work as they stand, whole and streamed", async () => {
    const up = new Up("--data-dir", "text");
    const text = await up.ready();
    const lines = [...text.matchAll(/^ {2}curl [\s\S]*?'$(?=\n\n)/gm)].map(([line]) => line);
    expect(lines).toHaveLength(2);
    const [whole, streamed] = await Promise.all(
      lines.map((line) => run("sh", ["-c", `${line.replace("curl", "curl -sS")}`])),
    );
    expect(JSON.parse(whole?.stdout ?? "")).toMatchObject({ object: "chat.completion" });
    expect(streamed?.stdout).toMatch(/^data: \{.*"chat\.completion\.chunk"[\s\S]*data: \[DONE\]\n\n$/);
    expect(await up.end("SIGINT")).toBe(0);
  });

  test("prints one line of JSON, serves both demo models, and ends with 0 and nothing left", async () => {
    const up = new Up("--json", "--data-dir", "json", "--gateway", "envoy,envoy", "--workers", "2");
    const line = await up.line();
    expect(up.stdout.match(/\n/g)).toHaveLength(1);
    expect(line).toMatchObject({ gateways: [{ kind: "envoy", base_url: line.base_url }, { kind: "envoy" }] });
    for (const { base_url } of line.gateways) {
      for (const model of ["gpt-demo", "claude-demo"])
        expect((await chat({ ...line, base_url }, model)).status).toBe(200);
    }
    const records = await fetch(`${line.admin_url}/admin/v1/records`, {
      headers: { authorization: `Bearer ${line.admin_token}` },
    });
    expect(records.status).toBe(200);
    const pids = [...line.gateways.map(({ pid }) => pid), line.control_pid];
    const names = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")));
    if (process.platform === "linux") {
      expect(names.map((name) => /envoy-\d\.json|oneapi\.js/.exec(name)?.[0])).toEqual([
        "envoy-1.json",
        "envoy-2.json",
        "oneapi.js",
      ]);
    }
    expect(await up.end("SIGTERM")).toBe(0);
    expect(pids.filter(isAlive)).toEqual([]);
  });

  test("serves both models through Kong beside Envoy, brings its plugin server back, and leaves nothing", async () => {
    const up = new Up("--json", "--data-dir", "mixed", "--gateway", "envoy,kong");
    const line = await up.line();
    expect(line.gateways.map(({ kind }) => kind)).toEqual(["envoy", "kong"]);
    const [, kong] = line.gateways;
    const { base_url = "", pid = 0 } = kong ?? {};
    if (process.platform === "linux") {
      expect(await readFile(`/proc/${pid}/cmdline`, "utf8")).toContain("oneapi-kong.js");
    }
    for (const model of ["gpt-demo", "claude-demo"])
      expect((await chat({ ...line, base_url }, model)).status).toBe(200);
    process.kill(pid, "SIGKILL");
    await expect.poll(() => isAlive(pid), { timeout: 5_000 }).toBe(false);
    // Kong goes on without its plugin, and the relay is gone with it: nobody is served by anything else.
    const statuses = new Set<number>();
    const status = async () => {
      const { status } = await chat({ ...line, base_url }, "gpt-demo");
      statuses.add(status);
      return status;
    };
    await expect.poll(status, { timeout: 20_000, interval: 20 }).toBe(200);
    for (const seen of statuses) expect([200, 502, 503]).toContain(seen);
    expect(await up.end("SIGTERM")).toBe(0);
    expect([...line.gateways.map((gateway) => gateway.pid), line.control_pid].filter(isAlive)).toEqual([]);
  });

  test("lets calls end that take no longer than two seconds, tells and records the others, and keeps the key", async () => {
    const first = new Up("--json", "--data-dir", "again", "--gateway", "envoy,kong");
    const line = await first.line();
    const admin = { headers: { authorization: `Bearer ${line.admin_token}` } };
    const config = await (await fetch(`${line.admin_url}/admin/v1/config`, admin)).text();
    const provider = /base_url: "?(http:[^/]*\/\/[^/"]+)/.exec(config)?.[1];
    await fetch(`${provider}/_script`, { method: "POST", body: JSON.stringify([{ between_ms: 100, times: 0 }]) });
    const places = line.gateways.map(({ base_url }) => ({ ...line, base_url }));
    const short = await Promise.all(places.map((place) => chat(place, "gpt-demo", { count: 8 })));
    const long = await chat({ ...line, base_url: line.gateways[1]?.base_url ?? "" }, "gpt-demo", { count: 600 });
    const ended = first.end("SIGTERM");
    for (const answer of short) expect(await answer.text()).toMatch(/8[\s\S]*data: \[DONE\]\n\n$/);
    expect(await long.text()).toMatch(/data: \{"error":\{.*restarted.*\}\}\n\n$/);
    expect(await ended).toBe(0);
    for (const { base_url } of line.gateways) await expect(fetch(base_url)).rejects.toThrow();

    const second = await new Up("--json", "--data-dir", "again").line();
    expect(second.demo_key).toBe(line.demo_key);
    expect((await chat(second, "gpt-demo")).status).toBe(200);
    const records = await fetch(`${second.admin_url}/admin/v1/records`, {
      headers: { authorization: `Bearer ${second.admin_token}` },
    });
    const { items } = (await records.json()) as { items: { operation_id: string; outcome: string }[] };
    const outcomes = new Map(items.map(({ operation_id, outcome }) => [operation_id, outcome]));
    const recorded = [...short, long].map(({ headers }) => outcomes.get(headers.get("x-request-id") ?? ""));
    expect(recorded).toEqual(["ok", "ok", "truncated"]);
  });

  test("brings a killed part back at its address", async () => {
    const line = await new Up("--json", "--data-dir", "killed").line();
    for (const pid of [line.gateways[0]?.pid ?? 0, line.control_pid]) {
      process.kill(pid, "SIGKILL");
      await expect.poll(() => isAlive(pid), { timeout: 5_000 }).toBe(false);
      const status = () =>
        chat(line, "gpt-demo").then(
          (answer) => answer.status,
          () => 0,
        );
      await expect.poll(status, { timeout: 20_000 }).toBe(200);
      const ready = () =>
        fetch(`${line.admin_url}/readyz`).then(
          (answer) => answer.status,
          () => 0,
        );
      await expect.poll(ready, { timeout: 20_000 }).toBe(200);
    }
  });

  test("takes everything with it when it is killed, and can be started again at once", async () => {
    const up = new Up("--json", "--data-dir", "crash");
    const line = await up.line();
    await up.end("SIGKILL");
    const left = () => [line.gateways[0]?.pid ?? 0, line.control_pid].filter(isAlive);
    await expect.poll(left, { timeout: 10_000 }).toEqual([]);
    expect((await chat(await new Up("--json", "--data-dir", "crash").line(), "gpt-demo")).status).toBe(200);
  });

  test("applies a configuration of the user's, without a demo", async () => {
    await writeFile(join(folder, "mine.yaml"), "version: 1\nprojects: [{name: mine}]\n");
    const line = await new Up("--json", "--data-dir", "mine", "--config", "mine.yaml").line();
    expect(line.demo_key).toBeNull();
    const headers = { authorization: `Bearer ${line.admin_token}` };
    const config = await (await fetch(`${line.admin_url}/admin/v1/config`, { headers })).text();
    expect(config).toContain("mine");
    expect(config).not.toContain("demo");
  });
});

describe("up refuses, saying why,", () => {
  test("a configuration with mistakes, each with its path", async () => {
    await writeFile(join(folder, "wrong.yaml"), "version: 1\nproviders: [{name: p, kind: nothing}]\n");
    const up = new Up("--json", "--data-dir", "wrong", "--config", "wrong.yaml");
    expect(await up.end()).toBe(1);
    expect(up.stdout).toBe("");
    expect(up.stderr).toMatch(/wrong\.yaml is refused.*\n +providers.*kind: /);
  });

  test("a configuration that is not there", async () => {
    const up = new Up("--config", "absent.yaml");
    expect(await up.end()).toBe(1);
    expect(up.stderr).toContain("absent.yaml cannot be read");
  });

  test("a port in use", async () => {
    const server = createServer().listen(0, HOST);
    await once(server, "listening");
    const { port } = server.address() as { port: number };
    const up = new Up("--data-dir", "port", "--control-port", `${port}`);
    expect(await up.end()).toBe(1);
    expect(up.stderr).toContain(`port ${port} is in use; choose another one with --control-port`);
    server.close();
  });

  test("a data folder in use", async () => {
    await new Up("--json", "--data-dir", "shared").line();
    const second = new Up("--json", "--data-dir", "shared");
    expect(await second.end()).toBe(1);
    expect(second.stderr).toMatch(/shared is in use by another `up`/);
  });

  test("flags that it does not know", async () => {
    const up = new Up("--gateway", "nginx");
    expect(await up.end()).toBe(2);
    expect(up.stderr).toContain("--gateway nginx: must be envoy or kong");
  });
});
