/** Changing the configuration under traffic. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { startUpstream, type Upstream } from "../upstream/server.ts";
import type { Incoming } from "./http.ts";
import { isAlive } from "./processes.ts";
import { until } from "./until.ts";
import { type Config, chat, KEYS, startWorld, type World } from "./world.ts";

let world: World;
let newcomer: Upstream;
beforeAll(async () => {
  newcomer = await startUpstream({ keys: ["provider-secret-newcomer"] });
  world = await startWorld();
});
afterAll(async () => {
  await world?.stop();
  await newcomer?.stop();
});
beforeEach(() => world.reset());

const CHAT = "/chat/completions";
const ask = (model: string, key: string = KEYS.main): Promise<Incoming> =>
  world.gateway.send(CHAT, key, chat(model, "hi"));
const statusOf = async (model: string, key?: string) => (await ask(model, key)).status;

/** Asks without pause until told to stop, and says how it went. */
function traffic(models: string[]): { stop(): Promise<{ served: number; failed: Incoming[] }> } {
  let running = true;
  let served = 0;
  const failed: Incoming[] = [];
  const loops = models.map(async (model, index) => {
    while (running) {
      const answer = await world.gateway.send(CHAT, KEYS.main, chat(model, "hi", { stream: index % 2 === 1 }));
      if (answer.status === 200) served += 1;
      else failed.push(answer);
    }
  });
  return {
    stop: async () => {
      running = false;
      await Promise.all(loops);
      return { served, failed };
    },
  };
}

function withNewcomer(config: Config): Config {
  return {
    ...config,
    providers: [
      ...config.providers,
      {
        name: "newcomer",
        kind: "openai-compatible",
        base_url: `${newcomer.url}/api/v9`,
        credentials: ["provider-secret-newcomer"],
      },
    ],
    models: [...config.models, { name: "fresh", targets: [{ provider: "newcomer", model: "new-model" }] }],
  };
}

describe("PUT /admin/v1/config", () => {
  it("brings a new provider within three seconds, while traffic runs without an error or a restart", async () => {
    const load = traffic(["solo", "claude", "pair", "claude"]);
    await until(
      "traffic",
      () => world.primary.log().length,
      (seen) => seen > 20,
    );
    expect(await statusOf("fresh")).toBe(404);
    const start = performance.now();
    const answer = await world.gateway.admin("PUT", "/config", withNewcomer(world.config));
    expect([answer.status, answer.text]).toEqual([200, answer.text]);
    await until(
      "the new model",
      () => statusOf("fresh"),
      (status) => status === 200,
      3000,
    );
    expect(performance.now() - start).toBeLessThan(3000);
    expect(newcomer.log()[0]).toMatchObject({ path: "/api/v9/chat/completions", body: { model: "new-model" } });

    const back = await world.gateway.admin("PUT", "/config", world.config);
    expect(back.status).toBe(200);
    await until(
      "the model gone again",
      () => statusOf("fresh"),
      (status) => status === 404,
      3000,
    );
    const { served, failed } = await load.stop();
    expect(failed.map((one) => `${one.status} ${one.text}`)).toEqual([]);
    expect(served).toBeGreaterThan(20);
    expect(isAlive(world.gateway.pid)).toBe(true);
  });

  it("takes YAML too", async () => {
    const yaml = [
      "version: 1",
      `providers: ${JSON.stringify(world.config.providers)}`,
      `models: ${JSON.stringify(world.config.models)}`,
      "# a comment",
      `projects: ${JSON.stringify(world.config.projects)}`,
    ].join("\n");
    const answer = await world.gateway.admin("PUT", "/config", yaml, "application/yaml");
    expect([answer.status, answer.text]).toEqual([200, answer.text]);
    expect(await statusOf("solo")).toBe(200);
  });

  it("with dry_run tells the difference and changes nothing", async () => {
    const before = await world.gateway.admin("GET", "/config");
    const answer = await world.gateway.admin("PUT", "/config?dry_run=true", withNewcomer(world.config));
    expect(answer.status).toBe(200);
    expect(answer.text).toContain("newcomer");
    expect(answer.text).not.toContain("provider-secret");
    expect((await world.gateway.admin("GET", "/config")).text).toBe(before.text);
    expect(await statusOf("fresh")).toBe(404);
  });

  it("names the path of each mistake and changes nothing", async () => {
    const before = await world.gateway.admin("GET", "/config");
    const wrong = {
      version: 1,
      providers: [
        { name: "p q", kind: "openai", base_url: "https://api.openai.com/v1" },
        { name: "meta", kind: "openai", base_url: "http://169.254.169.254/latest" },
        { name: "kindless", kind: "opnai", base_url: "ftp://x", timeouts: { connect: "2 parsecs" } },
      ],
      models: [{ name: "m", targets: [{ provider: "nobody", model: "x", wieght: 3 }] }],
      projects: [{ name: "main", keys: [{ name: "k", secret: "short" }] }],
    };
    const answer = await world.gateway.admin("PUT", "/config", wrong);
    expect(answer.status).toBe(400);
    expect(answer.headers["content-type"]).toContain("application/problem+json");
    const { errors } = JSON.parse(answer.text) as { errors: { path: string; message: string }[] };
    expect(errors.map((mistake) => mistake.path)).toEqual(
      expect.arrayContaining([
        "providers[0].name",
        "providers[1].base_url",
        "providers[2].kind",
        "providers[2].base_url",
        "providers[2].timeouts.connect",
        "models[0].targets[0].provider",
        "models[0].targets[0].wieght",
        "projects[0].keys[0].secret",
      ]),
    );
    for (const text of ["version: 1\nproviders: [", "- just\n- a list", "", "version: 7"]) {
      expect((await world.gateway.admin("PUT", "/config", text, "application/yaml")).status).toBe(400);
    }
    expect((await world.gateway.admin("GET", "/config")).text).toBe(before.text);
    expect(await statusOf("solo")).toBe(200);
  });

  it("never shows secrets in what it dumps", async () => {
    const { text } = await world.gateway.admin("GET", "/config");
    expect(text).toContain("primary");
    expect(text).not.toContain("provider-secret");
    expect(text).not.toContain(KEYS.main);
  });

  it("needs the admin token", async () => {
    const stranger = { ...world.gateway, adminToken: "wrong" };
    const answer = await world.gateway.admin.call(stranger, "GET", "/config");
    expect(answer.status).toBe(401);
  });
});

describe("keys", () => {
  it("work at once, are cut off within a second, and come back", async () => {
    const made = await world.gateway.adminJson<{ id: string; secret: string }>("POST", "/keys", {
      project: "main",
      name: "short-lived",
      models: ["solo"],
    });
    expect(made.secret).toMatch(/^sk-oa-/);
    expect(await statusOf("solo", made.secret)).toBe(200);
    expect(await statusOf("claude", made.secret)).toBe(404);
    for (const [disabled, status] of [
      [true, 401],
      [false, 200],
    ] as const) {
      await world.gateway.adminJson("PATCH", `/keys/${made.id}`, { disabled });
      const reached = async () => statusOf("solo", made.secret);
      await until(`status ${status}`, reached, (seen) => seen === status, 1000);
    }
    await world.gateway.adminJson("DELETE", `/keys/${made.id}`);
    await until(
      "the key revoked",
      () => statusOf("solo", made.secret),
      (seen) => seen === 401,
      1000,
    );
  });

  it("made by REST outlive an apply", async () => {
    const made = await world.gateway.adminJson<{ secret: string }>("POST", "/keys", {
      project: "main",
      name: "keeper",
    });
    await world.gateway.adminJson("PUT", "/config", withNewcomer(world.config));
    await world.gateway.adminJson("PUT", "/config", world.config);
    expect(await statusOf("solo", made.secret)).toBe(200);
  });
});

describe("manual control", () => {
  it.each([
    ["provider", "/providers/primary"],
    ["model", "/models/solo"],
    ["project", "/projects/main"],
  ])("a disabled %s stops within a second, and comes back", async (_, path) => {
    expect(await statusOf("solo")).toBe(200);
    await world.gateway.adminJson("PATCH", path, { disabled: true });
    await until(
      "a refusal",
      () => statusOf("solo"),
      (status) => status >= 400,
      1000,
    );
    await world.gateway.adminJson("PATCH", path, { disabled: false });
    await until(
      "service again",
      () => statusOf("solo"),
      (status) => status === 200,
      1000,
    );
  });

  it("a disabled provider is left out of the order", async () => {
    await world.gateway.adminJson("PATCH", "/providers/primary", { disabled: true });
    await until(
      "a refusal",
      () => statusOf("solo"),
      (status) => status >= 400,
      1000,
    );
    world.reset();
    const answer = await ask("pair");
    expect(answer.status).toBe(200);
    expect(world.primary.log()).toEqual([]);
    expect((await world.gateway.record(answer.headers["x-request-id"])).attempts).toHaveLength(1);
    await world.gateway.adminJson("PATCH", "/providers/primary", { disabled: false });
    await until(
      "service again",
      () => statusOf("solo"),
      (status) => status === 200,
      1000,
    );
  });
});
