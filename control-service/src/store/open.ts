import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Logger } from "pino";
import type { Database } from "./database.ts";
import { lockFolder } from "./folder-lock.ts";
import { readMigrations } from "./migrations.ts";
import { openPglite } from "./pglite.ts";
import { openPostgres } from "./postgres.ts";

/** Opens PostgreSQL when there is a URL, and else the embedded database in the data folder; both migrated. */
export async function openDatabase(databaseUrl: string | null, dataDir: string, logger: Logger): Promise<Database> {
  const migrations = readMigrations();
  if (databaseUrl !== null) return openPostgres(databaseUrl, migrations, logger);
  const folder = join(dataDir, "db");
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const unlock = lockFolder(dataDir);
  try {
    const database = await openPglite(folder, migrations);
    return {
      ...database,
      async close() {
        await database.close();
        unlock();
      },
    };
  } catch (error) {
    unlock();
    throw error;
  }
}
