import { Kysely, PostgresDialect } from "kysely";
import pg from "pg";
import type { Logger } from "pino";
import { type Change, Changes } from "./changes.ts";
import { type Database, INT8_OID } from "./database.ts";
import { type Migration, migrate } from "./migrations.ts";
import { CHANGES_CHANNEL } from "./revisions.ts";
import type { Tables } from "./tables.ts";

const POOL_SIZE = 10;
const CONNECT_TIMEOUT_MS = 10_000;
const RECONNECT_MS = 250;

const types: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: "text" | "binary") =>
    oid === INT8_OID ? BigInt : pg.types.getTypeParser(oid, format as "text")) as typeof pg.types.getTypeParser,
};

/** Opens PostgreSQL at a connection URL, migrates it and listens for what other instances change. */
export async function openPostgres(url: string, migrations: readonly Migration[], logger: Logger): Promise<Database> {
  const options = { connectionString: url, connectionTimeoutMillis: CONNECT_TIMEOUT_MS, types };
  await migrateOnce(options, migrations);
  const changes = new Changes();
  const listener = new Listener(options, changes, logger);
  await listener.connect();
  const pool = new pg.Pool({ ...options, max: POOL_SIZE });
  // An idle connection that breaks is replaced by the pool; without a listener the error would end the process.
  pool.on("error", (error) => logger.warn({ err: error }, "an idle database connection was lost"));
  const query = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
  return {
    kind: "postgres",
    query,
    changes,
    async close() {
      await listener.close();
      await query.destroy();
    },
  };
}

async function migrateOnce(options: pg.ClientConfig, migrations: readonly Migration[]): Promise<void> {
  const client = new pg.Client(options);
  await client.connect();
  try {
    await migrate(
      {
        script: async (text) => {
          await client.query(text);
        },
        rows: async (text) => (await client.query(text)).rows,
      },
      migrations,
    );
  } finally {
    await client.end();
  }
}

/** Keeps one connection on LISTEN; comes back when it is lost and then repeats every kind of change. */
class Listener {
  readonly #options: pg.ClientConfig;
  readonly #changes: Changes;
  readonly #logger: Logger;
  #client: pg.Client | null = null;
  #retry: NodeJS.Timeout | null = null;
  #closed = false;

  constructor(options: pg.ClientConfig, changes: Changes, logger: Logger) {
    this.#options = options;
    this.#changes = changes;
    this.#logger = logger;
  }

  async connect(): Promise<void> {
    const client = new pg.Client({ ...this.#options, keepAlive: true });
    client.on("notification", (message) => this.#changes.emit(message.payload as Change));
    client.on("error", (error) => this.#lost(client, error));
    client.on("end", () => this.#lost(client, new Error("the connection ended")));
    await client.connect();
    await client.query(`listen ${CHANGES_CHANNEL}`);
    this.#client = client;
    if (this.#closed) await this.close();
  }

  async close(): Promise<void> {
    this.#closed = true;
    if (this.#retry) clearTimeout(this.#retry);
    const client = this.#client;
    this.#client = null;
    await client?.end();
  }

  #lost(client: pg.Client, error: Error): void {
    if (this.#closed || this.#client !== client) return;
    this.#client = null;
    this.#logger.warn({ err: error }, "lost the connection that listens for changes");
    void client.end().catch(() => {});
    this.#reconnectLater();
  }

  #reconnectLater(): void {
    this.#retry = setTimeout(() => {
      this.connect().then(
        () => {
          this.#changes.emit("config");
          this.#changes.emit("keys");
        },
        (error) => {
          this.#logger.warn({ err: error }, "cannot listen for changes");
          if (!this.#closed) this.#reconnectLater();
        },
      );
    }, RECONNECT_MS);
  }
}
