import { createHash } from "node:crypto";
import type { SyncRequest, SyncResponse } from "@oneapi/contract";
import type { FastifyInstance } from "fastify";
import { buildApp } from "../app.ts";
import type { Database } from "../store/database.ts";
import { type TestServices, testServices } from "../testing.ts";

/** The whole control service on a free port, and what tests do to it. */
export interface TestService {
  readonly services: TestServices;
  readonly app: FastifyInstance;
  readonly url: string;
  /** @returns status and parsed body, null when there is none. */
  admin(method: string, path: string, body?: unknown): Promise<{ status: number; body: unknown }>;
  /** A sync of `envoy-1`, epoch `0a`, that holds nothing, but for `change`. */
  sync(change?: Partial<SyncRequest>, signal?: AbortSignal): Promise<SyncResponse>;
  close(): Promise<void>;
}

export async function startTestService(database: Database, change: Partial<TestServices> = {}): Promise<TestService> {
  const services = { ...(await testServices(database)), ...change };
  const app = await buildApp(services);
  const url = await app.listen({ host: "127.0.0.1", port: 0 });
  return {
    services,
    app,
    url,
    async admin(method, path, body) {
      const yaml = typeof body === "string";
      const response = await fetch(`${url}/admin/v1${path}`, {
        method,
        headers: {
          authorization: `Bearer ${services.adminToken}`,
          ...(body !== undefined && { "content-type": yaml ? "application/yaml" : "application/json" }),
        },
        ...(body !== undefined && { body: yaml ? body : JSON.stringify(body) }),
      });
      const text = await response.text();
      return { status: response.status, body: text === "" ? null : JSON.parse(text) };
    },
    async sync(change = {}, signal) {
      const response = await fetch(`${url}/gateway/v1/sync`, {
        method: "POST",
        headers: { authorization: `Bearer ${services.gatewayToken}`, "content-type": "application/json" },
        body: JSON.stringify({ version: 1, node: "envoy-1", epoch: "0a", kind: "envoy", ...change }),
        ...(signal && { signal }),
      });
      if (response.status !== 200) throw new Error(`sync answered ${response.status}: ${await response.text()}`);
      return (await response.json()) as SyncResponse;
    },
    async close() {
      await app.close();
      await database.close();
    },
  };
}

/** The hash by which gateways name a key. */
export function hashKey(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}

/** Two providers, one model over both, one project with one key. */
export const CONFIG = `
version: 1
providers:
  - {name: first, kind: openai, base_url: "https://api.first.example/v1", credentials: [sk-first-0000000000], capabilities: {max_output: 8000, stream_only: true}}
  - name: second
    kind: vllm
    base_url: "http://127.0.0.1:8000/v1/?tenant=a"
    capabilities: {refuses: [seed], max_output: 9000}
models:
  - name: chat
    targets:
      - {provider: first, model: gpt-x, weight: 3, capabilities: {max_output: 7000}}
      - {provider: second, model: qwen, priority: 1}
    price: {input: 1, output: 2}
projects:
  - name: search
    models: [chat]
    keys: [{name: ci, secret: the-key-of-the-tests-0001, allowed_ips: [10.0.0.0/8]}]
`;
export const SECRET = "the-key-of-the-tests-0001";
