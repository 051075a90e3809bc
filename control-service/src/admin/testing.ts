import { expect } from "vitest";
import { buildApp } from "../app.ts";
import { findKeyPolicies, type KeyPolicyRow } from "../keys/policies.ts";
import { hashSecret } from "../keys/secret.ts";
import type { Database } from "../store/database.ts";
import { type AdminCall, adminCalls, type TestServices, type TestStore, testServices } from "../testing.ts";

export const EMPTY = "version: 1\n";

/** An oneapi.yaml with something in every section. */
export const WHOLE = `
version: 1
providers:
  - name: claude
    kind: anthropic
    base_url: https://api.anthropic.com
    credentials: ["\${env:CLAUDE_KEY}", sk-ant-literal-0000]
    timeouts: {idle: 120s}
  - {name: local, kind: vllm, base_url: "http://127.0.0.1:8000/v1"}
models:
  - name: claude-sonnet
    targets:
      - {provider: claude, model: claude-sonnet-4-6, weight: 3}
      - {provider: local, model: qwen3, priority: 1}
    price: {input: 3.00, output: 15.00}
projects:
  - name: search
    models: [claude-sonnet]
    limits: [{metric: spend, window: month, amount: 500.00}]
    keys:
      - {name: ci, secret: "\${env:CI_KEY}", expires: 2027-01-31, allowed_ips: [10.0.0.0/8]}
      - {name: literal, secret: a-literal-key-of-enough-characters}
users:
  - {name: ada, email: ada@example.com, projects: [search], keys: [{name: laptop, secret: the-laptop-key-of-ada-0001}]}
`;

/** What {@link WHOLE}'s references find. */
export const ENVIRONMENT: Readonly<Record<string, string>> = {
  CLAUDE_KEY: "sk-ant-from-the-environment",
  CI_KEY: "ci-key-from-the-environment",
};

export interface Applied {
  readonly version: string;
  readonly changes: { op: string; path: string }[];
  readonly warnings: object[];
}

/** A whole service with its admin API, over a store of its own. */
export interface AdminBench {
  /** What `${env:…}` finds; a test may change it. */
  readonly environment: Record<string, string>;
  readonly database: Database;
  readonly services: TestServices;
  readonly call: AdminCall;
  /** Applies a configuration, as YAML text or as a document, and fails when it is refused. */
  apply(config: unknown): Promise<Applied>;
  /** What a gateway would be told of the key with this secret. */
  policyOf(secret: string): Promise<KeyPolicyRow | undefined>;
  close(): Promise<void>;
}

export async function openBench(store: TestStore): Promise<AdminBench> {
  const environment = { ...ENVIRONMENT };
  const database = await store.open();
  const services = await testServices(database, environment);
  const app = await buildApp(services);
  const call = adminCalls(app, services);
  return {
    environment,
    database,
    services,
    call,
    async apply(config) {
      const answer = await call("PUT", "/config", config);
      expect(answer.body).toMatchObject({ dry_run: false });
      return answer.body as Applied;
    },
    async policyOf(secret) {
      const hash = hashSecret(secret);
      return (await findKeyPolicies(database.query, [hash])).get(hash);
    },
    async close() {
      await app.close();
      await database.close();
    },
  };
}
