import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** What a migration needs of a database: one session that can run scripts of several statements. */
export interface MigrationSession {
  script(text: string): Promise<void>;
  rows(text: string): Promise<Record<string, unknown>[]>;
}

export interface Migration {
  readonly name: string;
  readonly text: string;
  /** SHA-256 of the text, hex. */
  readonly checksum: string;
}

const FOLDER = join(import.meta.dirname, "../../sql");
const FILE_NAME = /^\d{4}_[a-z0-9_]+\.sql$/;

/** The numbered files of `sql/`, in order. */
export function readMigrations(folder: string = FOLDER): Migration[] {
  const names = readdirSync(folder)
    .filter((name) => FILE_NAME.test(name))
    .sort();
  return names.map((name) => {
    const text = readFileSync(join(folder, name), "utf8");
    return { name, text, checksum: createHash("sha256").update(text).digest("hex") };
  });
}

/**
 * Brings the database to the newest migration, all in one transaction, and answers the names that it ran. Instances
 * that start together wait for each other on an advisory lock.
 *
 * @throws when a migration that ran has another text now, or when the database is newer than this service.
 */
export async function migrate(session: MigrationSession, migrations: readonly Migration[]): Promise<string[]> {
  await session.script("begin");
  try {
    await session.script("select pg_advisory_xact_lock(7046029254386)");
    await session.script(
      `create table if not exists migrations (
         name text primary key,
         checksum text not null,
         ran_at timestamptz not null default now()
       )`,
    );
    const ran = await session.rows("select name, checksum from migrations order by name");
    const fresh = pending(ran as { name: string; checksum: string }[], migrations);
    for (const migration of fresh) {
      await session.script(migration.text);
      await session.script(
        `insert into migrations (name, checksum) values ('${migration.name}', '${migration.checksum}')`,
      );
    }
    await session.script("commit");
    return fresh.map((migration) => migration.name);
  } catch (error) {
    await session.script("rollback");
    throw error;
  }
}

function pending(ran: readonly { name: string; checksum: string }[], migrations: readonly Migration[]): Migration[] {
  const known = new Map(migrations.map((migration) => [migration.name, migration]));
  const done = new Set<string>();
  for (const { name, checksum } of ran) {
    const migration = known.get(name);
    if (!migration) throw new Error(`the database was made by a newer version: it has the migration ${name}`);
    if (migration.checksum !== checksum) {
      throw new Error(`the migration ${name} has changed since it ran; add a new migration instead`);
    }
    done.add(name);
  }
  return migrations.filter((migration) => !done.has(migration.name));
}
