import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ENVIRONMENT, WHOLE } from "../admin/testing.ts";
import { buildApp } from "../app.ts";
import { type TestServices, testServices } from "../testing.ts";
import { run } from "./run.ts";

describe("oneapi", () => {
  let folder: string;
  let services: TestServices;
  let app: FastifyInstance;
  let url: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "oneapi-cli-"));
    services = await testServices(undefined, ENVIRONMENT);
    app = await buildApp(services);
    url = await app.listen({ host: "127.0.0.1", port: 0 });
  });
  afterAll(async () => {
    await app?.close();
    await services?.database.close();
    rmSync(folder, { recursive: true });
  });

  const file = (name: string, text: string) => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const oneapi = async (args: string[], { environment = {} as Record<string, string>, input = "" } = {}) => {
    const lines = { out: [] as string[], error: [] as string[] };
    const code = await run(args, {
      environment: { ONEAPI_ADMIN_URL: url, ONEAPI_ADMIN_TOKEN: services.adminToken, ...environment },
      out: (text) => lines.out.push(text),
      error: (text) => lines.error.push(text),
      readInput: async () => input,
    });
    return { code, out: lines.out.join("\n"), error: lines.error.join("\n") };
  };

  it("explains itself", async () => {
    for (const args of [["--help"], ["help"], ["apply", "--help"], ["serve", "-h"]]) {
      const { code, out, error } = await oneapi(args);
      expect([code, error]).toEqual([0, ""]);
      expect(out).toMatch(/^oneapi /);
    }
  });

  it.each([
    [[], /serve .*validate /s],
    [["explode"], /there is no command explode/],
    [["toString"], /there is no command toString/],
    [["validate"], /FILE is missing/],
    [["apply", "a", "b"], /unexpected argument b/],
    [["dump", "--colour"], /--colour/],
    [["serve", "--port", "http"], /--port must be a number/],
    [["serve", "--log-level", "loud"], /--log-level must be one of/],
    [["ledger"], /only action is verify/],
    [["dump", "--admin-url", "example.com"], /not an http or https URL/],
  ])("ends with 2 for %j", async (args, message) => {
    const { code, out, error } = await oneapi(args);
    expect([code, out]).toEqual([2, ""]);
    expect(error).toMatch(message);
  });

  it("needs a token to talk to a service", async () => {
    const { code, error } = await oneapi(["dump"], { environment: { ONEAPI_ADMIN_TOKEN: "" } });
    expect(code).toBe(2);
    expect(error).toMatch(/an admin token is needed: --admin-token or ONEAPI_ADMIN_TOKEN/);
  });

  it("validates without a service", async () => {
    const offline = { environment: { ONEAPI_ADMIN_URL: "", ONEAPI_ADMIN_TOKEN: "" } };
    const good = file("good.yaml", WHOLE);
    expect(await oneapi(["validate", good], offline)).toEqual({ code: 0, out: `${good} is valid`, error: "" });
    const bad = file("bad.yaml", WHOLE.replace("provider: local", "provider: locla").replace("idle", "idel"));
    expect(await oneapi(["validate", bad], offline)).toEqual({
      code: 1,
      out: "",
      error: [
        `${bad}: providers[0].timeouts.idel: is not a known field`,
        `${bad}: models[0].targets[1].provider: there is no provider "locla"`,
      ].join("\n"),
    });
    const unread = file("broken.yaml", "version: [\n");
    expect((await oneapi(["validate", unread], offline)).error).toMatch(/broken\.yaml: line \d+, column \d+: /);
    const json = file("good.json", '{"version": 1}');
    expect((await oneapi(["validate", json], offline)).code).toBe(0);
    expect((await oneapi(["validate", file("broken.json", "{")], offline)).code).toBe(1);
    expect((await oneapi(["validate", "-"], { ...offline, input: "version: 1" })).code).toBe(0);
    const missing = await oneapi(["validate", join(folder, "missing.yaml")], offline);
    expect([missing.code, missing.error]).toEqual([1, expect.stringMatching(/cannot be read \(ENOENT\)/)]);
  });

  it("warns of what is hardly meant, and goes on", async () => {
    const odd = file("odd.yaml", "version: 1\nprojects: [{name: a, models: [gpt-4]}]\n");
    const { code, error } = await oneapi(["validate", odd]);
    expect([code, error]).toEqual([0, `${odd}: warning: projects[0].models[0]: matches no model: "gpt-4"`]);
  });

  it("shows, applies and dumps", async () => {
    const whole = file("whole.yaml", WHOLE);
    const planned = await oneapi(["diff", whole]);
    expect(planned.code).toBe(0);
    expect(planned.out.split("\n").map((line) => line.split(":")[0])).toContain("+ providers[claude]");
    const applied = await oneapi(["apply", whole]);
    expect(applied.out.split("\n").at(-1)).toMatch(/^applied as version \d+$/);
    expect(await oneapi(["apply", whole])).toEqual({ code: 0, out: "nothing to change", error: "" });
    const change = await oneapi(["diff", file("next.yaml", WHOLE.replace("weight: 3", "weight: 5"))]);
    expect(change.out).toBe("~ models[claude-sonnet].targets[0].weight: 3 -> 5");
    const dumped = await oneapi(["dump", "--admin-url", `${url}/`, "--admin-token", services.adminToken]);
    expect(dumped.out).toMatch(/^version: 1\nproviders:\n/);
    expect(await oneapi(["diff", "-"], { input: dumped.out })).toEqual({
      code: 0,
      out: "nothing to change",
      error: "",
    });
  });

  it("shows what the service refuses, mistake by mistake", async () => {
    const bad = file("refused.yaml", WHOLE.replace("${env:CLAUDE_KEY}", "${env:NO_SUCH_KEY}"));
    expect(await oneapi(["apply", bad])).toEqual({
      code: 1,
      out: "",
      error: [
        "oneapi apply: the configuration is not valid",
        "  providers[0].credentials[0]: the environment variable NO_SUCH_KEY of the control service is not set",
      ].join("\n"),
    });
    const stranger = await oneapi(["dump", "--admin-token", "wrong-token-0000"]);
    expect([stranger.code, stranger.error]).toEqual([1, "oneapi dump: a valid bearer token is needed"]);
  });

  it("says when there is no service", async () => {
    const { code, error } = await oneapi(["dump", "--admin-url", "http://127.0.0.1:1"]);
    expect(code).toBe(1);
    expect(error).toMatch(/^oneapi dump: the control service at http:\/\/127\.0\.0\.1:1 does not answer: /);
  });

  it("verifies the ledger", async () => {
    const { code, out } = await oneapi(["ledger", "verify"]);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ checked: 0, wrong: 0 });
  });
});
