import { randomBytes } from "node:crypto";
import type { FastifyInstance } from "fastify";
import pg from "pg";
import pino, { type Logger } from "pino";
import type { Clock } from "./clock.ts";
import { referenceReader } from "./secrets/references.ts";
import { Vault } from "./secrets/vault.ts";
import type { Services } from "./services.ts";
import type { Database } from "./store/database.ts";
import { readMigrations } from "./store/migrations.ts";
import { openPglite } from "./store/pglite.ts";
import { openPostgres } from "./store/postgres.ts";

/** A clock that stands still until a test turns it. */
export class TestClock implements Clock {
  #now = Date.parse("2026-01-01T00:00:00Z");

  now(): number {
    return this.#now;
  }

  advance(ms: number): void {
    this.#now += ms;
  }
}

// biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
type Any = any;

export interface TestServices extends Services {
  readonly clock: TestClock;
}

export const silentLogger: Logger = pino({ level: "silent" });

/**
 * Services on an empty database in memory, or on the database given.
 *
 * @param environment what `${env:…}` finds.
 */
export async function testServices(
  database?: Database,
  environment: Record<string, string> = {},
): Promise<TestServices> {
  return {
    database: database ?? (await openPglite("memory://", readMigrations())),
    vault: new Vault([randomBytes(32)]),
    references: referenceReader(environment, null),
    redisUrl: null,
    clock: new TestClock(),
    logger: silentLogger,
    adminToken: "admin-token-of-the-test",
    gatewayToken: "gateway-token-of-the-test",
  };
}

export type AdminCall = (
  method: "GET" | "PUT" | "PATCH" | "POST" | "DELETE",
  path: string,
  body?: unknown,
  headers?: Record<string, string>,
) => Promise<{ status: number; headers: Record<string, unknown>; text: string; body: Any }>;

/** Asks `/admin/v1`: a body of text is sent as YAML, any other as JSON; `body` is null when the answer is not JSON. */
export function adminCalls(app: FastifyInstance, { adminToken }: Services): AdminCall {
  return async (method, path, body, headers = {}) => {
    const type = typeof body === "string" ? "application/yaml" : "application/json";
    const response = await app.inject({
      method,
      url: `/admin/v1${path}`,
      headers: {
        authorization: `Bearer ${adminToken}`,
        ...(body !== undefined && { "content-type": type }),
        ...headers,
      },
      ...(body !== undefined && { payload: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const isJson = String(response.headers["content-type"]).includes("json");
    return {
      status: response.statusCode,
      headers: response.headers,
      text: response.body,
      body: isJson ? response.json() : null,
    };
  };
}

/** A kind of database that a suite runs on; `skip` is the reason why it cannot here, which its name tells. */
export interface TestStore {
  readonly name: string;
  readonly skip: string | null;
  open(): Promise<Database>;
}

const postgresMissing = process.env.TEST_DATABASE_URL ? null : "TEST_DATABASE_URL is not set";

/** Every store suite runs on each of these: `describe.each(testStores)`. */
export const testStores: readonly TestStore[] = [
  { name: "PGlite", skip: null, open: () => openPglite("memory://", readMigrations()) },
  {
    name: postgresMissing ? `PostgreSQL (skipped: ${postgresMissing})` : "PostgreSQL",
    skip: postgresMissing,
    open: openFreshPostgres,
  },
];

/** Makes a database of its own on the test server, so that suites never meet; close drops it. */
async function openFreshPostgres(): Promise<Database> {
  const server = process.env.TEST_DATABASE_URL as string;
  const name = `oneapi_test_${randomBytes(6).toString("hex")}`;
  await runOn(server, `create database ${name}`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  const database = await openPostgres(url.href, readMigrations(), silentLogger);
  return {
    ...database,
    async close() {
      await database.close();
      await runOn(server, `drop database ${name} with (force)`);
    },
  };
}

async function runOn(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
