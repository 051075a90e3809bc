import { Writable } from "node:stream";
import type { FastifyInstance, InjectOptions } from "fastify";
import pino from "pino";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildApp } from "./app.ts";
import { type TestServices, testServices } from "./testing.ts";

describe("the HTTP service", () => {
  let services: TestServices;
  let app: FastifyInstance;
  let log = "";

  beforeAll(async () => {
    const sink = new Writable({
      write(chunk, _encoding, done) {
        log += chunk;
        done();
      },
    });
    services = { ...(await testServices()), logger: pino({ level: "trace" }, sink) };
    app = await buildApp(services);
  });
  afterAll(async () => {
    await app.close();
    await services.database.close();
  });

  const problem = async (request: InjectOptions) => {
    const response = await app.inject(request);
    expect(response.headers["content-type"]).toBe("application/problem+json; charset=utf-8");
    expect(response.json()).toMatchObject({ type: "about:blank", status: response.statusCode });
    return { status: response.statusCode, headers: response.headers, detail: response.json().detail };
  };
  const authorization = () => `Bearer ${services.adminToken}`;

  it("is alive and ready", async () => {
    expect((await app.inject("/healthz")).json()).toEqual({ status: "ok" });
    expect((await app.inject("/readyz")).json()).toEqual({ status: "ready" });
    expect((await app.inject("/metrics")).statusCode).toBe(200);
  });

  it.each([undefined, "", "Bearer", "Bearer wrong", "Basic YTpi", "admin-token-of-the-test"])(
    "refuses the authorization %j",
    async (value) => {
      const headers = value === undefined ? {} : { authorization: value };
      const answer = await problem({ url: "/admin/v1/keys", headers });
      expect(answer).toMatchObject({ status: 401, headers: { "www-authenticate": "Bearer" } });
    },
  );

  it("keeps the gateways' token out of the admin API", async () => {
    const headers = { authorization: `Bearer ${services.gatewayToken}` };
    expect(await problem({ url: "/admin/v1/keys", headers })).toMatchObject({ status: 401 });
  });

  it("answers problems to what it does not know or cannot read", async () => {
    expect(await problem({ url: "/nowhere" })).toMatchObject({ status: 404 });
    const headers = { authorization: authorization(), "content-type": "application/json" };
    const post = (payload: string, type = "application/json") =>
      problem({ method: "POST", url: "/admin/v1/keys", headers: { ...headers, "content-type": type }, payload });
    expect(await post("{")).toMatchObject({ status: 400, detail: expect.stringMatching(/not valid JSON/) });
    expect(await post("")).toMatchObject({ status: 400 });
    expect(await post("a=b", "application/x-www-form-urlencoded")).toMatchObject({ status: 415 });
    expect(await post(`"${"x".repeat(17 * 1024 * 1024)}"`)).toMatchObject({ status: 413 });
  });

  it("does not tell the client why it failed itself, but its log", async () => {
    const broken = { ...services, database: { ...services.database, query: null as never } };
    const other = await buildApp(services);
    other.get("/broken", async () => (broken.database.query as { selectFrom(): object }).selectFrom());
    const response = await other.inject("/broken");
    expect(response.statusCode).toBe(500);
    expect(response.json().detail).toBe("the service failed; its log says why");
    expect(log).toContain("selectFrom");
    await other.close();
  });

  it("never logs a secret", async () => {
    const payload = "version: 1\nprojects: [{name: a, keys: [{name: k, secret: a-very-secret-key-0001}]}]\n";
    const headers = { authorization: authorization(), "content-type": "application/yaml" };
    const applied = await app.inject({ method: "PUT", url: "/admin/v1/config", headers, payload });
    expect(applied.statusCode).toBe(200);
    expect(log).toContain("configuration applied");
    expect(log).not.toContain("a-very-secret-key-0001");
  });
});
