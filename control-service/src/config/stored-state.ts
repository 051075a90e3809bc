import type { Kysely } from "kysely";
import type { Vault } from "../secrets/vault.ts";
import type { StoredCredential, Tables } from "../store/tables.ts";
import { type ConfigKey, type ConfigState, credentialPlace, keyLabel, Secret } from "./state.ts";

export interface StoredKey {
  readonly id: string;
  readonly hash: string;
  /** By REST: such a key stays in the state, so that an apply of the same file does not bring it back. */
  readonly revoked: boolean;
}

/** The stored configuration, with what an apply needs to know beside it. */
export interface StoredState extends ConfigState {
  /** By provider: what is stored of each credential, in the order of the state's. */
  readonly credentials: ReadonlyMap<string, readonly StoredCredential[]>;
  /** By {@link keyLabel}. */
  readonly keyRows: ReadonlyMap<string, StoredKey>;
}

/** Reads what oneapi.yaml made; what REST made is not in it. */
export async function readStoredState(database: Kysely<Tables>, vault: Vault): Promise<StoredState> {
  const providers = await readProviders(database, vault);
  const keys = await readKeys(database);
  return {
    providers: providers.state,
    credentials: providers.credentials,
    models: await readModels(database),
    projects: await readNamed(database, "projects"),
    users: await readNamed(database, "users"),
    keys: keys.state,
    keyRows: keys.rows,
  };
}

async function readProviders(database: Kysely<Tables>, vault: Vault) {
  const rows = await database
    .selectFrom("providers")
    .select(["name", "settings", "credentials"])
    .where("origin", "=", "config")
    .orderBy("position")
    .execute();
  const state = rows.map(({ name, settings, credentials }) => {
    const secrets = credentials.map(
      ({ id, reference, sealed }) =>
        new Secret(reference ?? storedReference(id), vault.open(sealed, credentialPlace(name))),
    );
    return [name, { name, ...settings, credentials: secrets }] as const;
  });
  return {
    state: new Map(state),
    credentials: new Map(rows.map(({ name, credentials }) => [name, credentials] as const)),
  };
}

async function readModels(database: Kysely<Tables>) {
  const rows = await database
    .selectFrom("models")
    .select(["name", "settings"])
    .where("origin", "=", "config")
    .orderBy("position")
    .execute();
  const targets = await database.selectFrom("targets").selectAll().orderBy("position").execute();
  const ofModel = Map.groupBy(targets, (target) => target.model);
  return new Map(
    rows.map(({ name, settings }) => {
      const list = (ofModel.get(name) ?? []).map(({ provider, upstream_model, priority, weight, capabilities }) => {
        return { provider, model: upstream_model, priority, weight, ...(capabilities !== null && { capabilities }) };
      });
      return [name, { name, targets: list, ...settings }] as const;
    }),
  );
}

async function readNamed<Section extends "projects" | "users">(database: Kysely<Tables>, section: Section) {
  const rows = await database
    .selectFrom<"projects" | "users">(section)
    .select(["name", "settings"])
    .where("origin", "=", "config")
    .orderBy("position")
    .execute();
  const entries = rows.map(({ name, settings }) => [name, { name, ...settings }] as const);
  return new Map(entries) as unknown as ConfigState[Section];
}

async function readKeys(database: Kysely<Tables>) {
  const rows = await database
    .selectFrom("keys")
    .selectAll()
    .where("origin", "=", "config")
    .where("position", "is not", null)
    .orderBy("position")
    .execute();
  const state = new Map<string, ConfigKey>();
  const stored = new Map<string, StoredKey>();
  for (const row of rows) {
    const key: ConfigKey = {
      name: row.name,
      project: row.project,
      user: row.user_name,
      secret: new Secret(row.reference ?? storedReference(row.id), row.hash),
      models: row.models,
      allowed_ips: row.allowed_ips,
      limits: row.limits,
      expires: row.expires_at?.toISOString() ?? null,
    };
    const label = keyLabel(key);
    state.set(label, key);
    stored.set(label, { id: row.id, hash: row.hash, revoked: row.revoked_at !== null });
  }
  return { state, rows: stored };
}

/** How a secret that was written out is shown; an apply understands it as "the one stored under this id". */
export function storedReference(id: string): string {
  return `\${stored:${id}}`;
}
