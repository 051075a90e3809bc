import type { Kysely } from "kysely";
import type { Tables } from "../store/tables.ts";
import { type Vault, VaultError } from "./vault.ts";

const NAME = "master_key_check";

/**
 * Makes sure that the master key is the one that sealed what the database holds: better a start that fails with a
 * clear word than providers whose credentials do not open. The first start writes the check down.
 */
export async function checkMasterKey(database: Kysely<Tables>, vault: Vault): Promise<void> {
  await database
    .insertInto("service_settings")
    .values({ name: NAME, value: vault.seal(NAME, NAME) })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  const row = await database
    .selectFrom("service_settings")
    .select("value")
    .where("name", "=", NAME)
    .executeTakeFirstOrThrow();
  try {
    vault.open(row.value, NAME);
  } catch (error) {
    if (!(error instanceof VaultError)) throw error;
    throw new Error("the master key is not the one that this database was made with (ONEAPI_MASTER_KEY or master.key)");
  }
}
