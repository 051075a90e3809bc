import { randomBytes } from "node:crypto";
import { isExternalReference } from "@oneapi/contract";
import { sql, type Transaction } from "kysely";
import type { Services } from "../services.ts";
import type { StoredCredential, Tables } from "../store/tables.ts";
import { CONFIG_SECTIONS, differs } from "./diff.ts";
import { type ConfigState, credentialPlace, type ResolvedProvider } from "./state.ts";
import { type StoredState, storedReference } from "./stored-state.ts";

type Section = (typeof CONFIG_SECTIONS)[number];

interface Write {
  readonly transaction: Transaction<Tables>;
  readonly services: Services;
  /** Of `config`; rows that do not change keep theirs. */
  readonly revision: bigint;
  readonly stored: StoredState;
  readonly state: ConfigState;
}

/**
 * Writes providers, models with their targets, projects and users; keys are write-keys.ts'. Targets point at providers,
 * so providers come first and go last.
 */
export async function writeState(write: Write): Promise<void> {
  const { state, stored } = write;
  for (const section of CONFIG_SECTIONS) {
    for (const [position, [name, entry]] of [...state[section]].entries()) {
      if (differs(stored[section].get(name), entry)) await upsert(write, section, name, position);
    }
    await reorder(write, section);
  }
  await writeTargets(write);
  for (const section of ["models", "providers", "projects", "users"] as const) await removeUnnamed(write, section);
}

async function upsert(write: Write, section: Section, name: string, position: number): Promise<void> {
  const columns = {
    ...ownColumns(write, section, name),
    position,
    origin: "config" as const,
    revision: write.revision,
    updated_at: new Date(write.services.clock.now()),
  };
  await write.transaction
    // The four tables have these columns in common; providers' credentials are among ownColumns.
    .insertInto(section as "projects")
    .values({ name, ...columns })
    .onConflict((conflict) => conflict.column("name").doUpdateSet(columns))
    .execute();
}

function ownColumns({ state, stored, services }: Write, section: Section, name: string) {
  if (section === "providers") {
    const { name: _, credentials, ...settings } = state.providers.get(name) as ResolvedProvider;
    const sealed = credentials.map((secret): StoredCredential => {
      const kept = stored.credentials.get(name)?.find(({ id }) => storedReference(id) === secret.shown);
      const id = kept?.id ?? randomBytes(4).toString("hex");
      const reference = isExternalReference(secret.shown) ? secret.shown : null;
      return { id, reference, sealed: services.vault.seal(secret.identity, credentialPlace(name)) };
    });
    return { settings: JSON.stringify(settings), credentials: JSON.stringify(sealed) };
  }
  const { name: _, targets: __, ...settings } = state[section].get(name) as { name: string; targets?: unknown };
  return { settings: JSON.stringify(settings) };
}

/** The places in the file of all entries, in one statement: most applies change few of many. */
async function reorder({ transaction, state }: Write, section: Section): Promise<void> {
  const names = [...state[section].keys()];
  await sql`update ${sql.table(section)} as entry set position = place.position - 1
            from unnest(${names}::text[]) with ordinality as place (name, position)
            where entry.name = place.name and entry.position != place.position - 1`.execute(transaction);
}

async function writeTargets({ transaction, state, stored }: Write): Promise<void> {
  for (const [name, model] of state.models) {
    if (!differs(stored.models.get(name), model)) continue;
    await transaction.deleteFrom("targets").where("model", "=", name).execute();
    const rows = model.targets.map((target, position) => ({
      model: name,
      position,
      provider: target.provider,
      upstream_model: target.model,
      priority: target.priority,
      weight: target.weight,
      capabilities: target.capabilities === undefined ? null : JSON.stringify(target.capabilities),
    }));
    await transaction.insertInto("targets").values(rows).execute();
  }
}

async function removeUnnamed({ transaction, state }: Write, section: Section): Promise<void> {
  const names = [...state[section].keys()];
  await transaction
    .deleteFrom(section as "projects")
    .where("origin", "=", "config")
    .where("name", "!=", sql<string>`all(${names}::text[])`)
    .execute();
}
