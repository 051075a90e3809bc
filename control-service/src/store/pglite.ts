import { PGlite } from "@electric-sql/pglite";
import { Kysely, PGliteDialect } from "kysely";
import { type Change, Changes } from "./changes.ts";
import { type Database, INT8_OID, NUMERIC_OID } from "./database.ts";
import { type Migration, migrate } from "./migrations.ts";
import { CHANGES_CHANNEL } from "./revisions.ts";
import type { Tables } from "./tables.ts";

/**
 * Opens the embedded database: PostgreSQL in WebAssembly over a folder that this process alone may use.
 *
 * @param folder where the data lives; made when absent. `memory://` keeps nothing (for tests).
 */
export async function openPglite(folder: string, migrations: readonly Migration[]): Promise<Database> {
  const pglite = await PGlite.create(folder, {
    parsers: { [INT8_OID]: BigInt, [NUMERIC_OID]: (text: string) => text },
  });
  try {
    await migrate(
      {
        script: async (text) => {
          await pglite.exec(text);
        },
        rows: async (text) => (await pglite.query<Record<string, unknown>>(text)).rows,
      },
      migrations,
    );
    const changes = new Changes();
    await pglite.listen(CHANGES_CHANNEL, (payload) => changes.emit(payload as Change));
    const query = new Kysely<Tables>({ dialect: new PGliteDialect({ pglite }) });
    return {
      kind: "pglite",
      query,
      changes,
      async close() {
        await query.destroy();
        if (!pglite.closed) await pglite.close();
      },
    };
  } catch (error) {
    await pglite.close();
    throw error;
  }
}
