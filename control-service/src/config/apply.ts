import type { Config, Mistake } from "@oneapi/contract";
import { sql, type Transaction } from "kysely";
import { beginBalances } from "../limits/begin-balances.ts";
import { Problem } from "../problem.ts";
import type { Services } from "../services.ts";
import { lockRevision, logKeyChanges, nextRevision } from "../store/revisions.ts";
import type { Tables } from "../store/tables.ts";
import { type ConfigChange, diffConfigs, differs } from "./diff.ts";
import { type ResolvedConfig, resolveConfig } from "./resolve.ts";
import { type ConfigState, keyLabel } from "./state.ts";
import { readStoredState, type StoredState } from "./stored-state.ts";
import { writeKeys } from "./write-keys.ts";
import { writeState } from "./write-state.ts";

export interface ApplyResult {
  /** The version in force after the apply; a dry run leaves it as it is. */
  readonly version: string;
  readonly changes: ConfigChange[];
  readonly warnings: Mistake[];
}

/**
 * Makes the stored configuration what `config` says, in one transaction; what REST made and `config` does not name
 * stays. Nothing is written, and no version counted, when nothing would change. Applies go one after the other.
 *
 * @param precondition called with the version under the lock; throws to refuse.
 * @throws {Problem} 400 with every reference that cannot be resolved and every secret that is taken.
 */
export async function applyConfig(
  services: Services,
  config: Config,
  { dryRun, precondition }: { dryRun: boolean; precondition: (version: string) => void },
): Promise<ApplyResult> {
  return services.database.query.transaction().execute(async (transaction) => {
    const version = await lockRevision(transaction, "config");
    precondition(String(version));
    await lockRevision(transaction, "keys");
    const stored = await readStoredState(transaction, services.vault);
    const { resolved, mistakes } = await resolveConfig(config, stored, services.references);
    mistakes.push(...(await takenSecrets(transaction, resolved)));
    if (mistakes.length > 0) throw new Problem(400, "the configuration is not valid", { errors: mistakes });
    const changes = diffConfigs(stored, resolved.state);
    const warnings = revokedKeys(stored, resolved);
    if (dryRun || changes.length === 0) return { version: String(version), changes, warnings };
    const next = await nextRevision(transaction, "config");
    await writeState({ transaction, services, revision: next, stored, state: resolved.state });
    await writeChangedKeys(transaction, services, stored, resolved.state);
    await beginBalances(transaction, new Date(services.clock.now()));
    return { version: String(next), changes, warnings };
  });
}

async function writeChangedKeys(
  transaction: Transaction<Tables>,
  services: Services,
  stored: StoredState,
  state: ConfigState,
): Promise<void> {
  const revision = await nextRevision(transaction, "keys");
  const now = new Date(services.clock.now());
  const written = await writeKeys({ transaction, revision, now, stored, state });
  const projects = changedNames(stored.projects, state.projects);
  const users = changedNames(stored.users, state.users);
  const owned = await transaction
    .selectFrom("keys")
    .select("hash")
    .where("revoked_at", "is", null)
    .where((where) =>
      where.or([
        where("project", "=", sql<string>`any(${projects}::text[])`),
        where("user_name", "=", sql<string>`any(${users}::text[])`),
      ]),
    )
    .execute();
  await logKeyChanges(transaction, revision, [...written, ...owned.map((row) => row.hash)]);
}

/** Names that came, went or mean something else now. */
function changedNames(before: ReadonlyMap<string, object>, after: ReadonlyMap<string, object>): string[] {
  const names = new Set([...before.keys(), ...after.keys()]);
  return [...names].filter((name) => differs(before.get(name), after.get(name)));
}

/** Secrets that two places share once resolved, or that a key made by REST has. */
async function takenSecrets(transaction: Transaction<Tables>, resolved: ResolvedConfig): Promise<Mistake[]> {
  const mistakes: Mistake[] = [];
  const paths = new Map<string, string>();
  for (const [label, key] of resolved.state.keys) {
    const path = resolved.secretPaths.get(label) as string;
    const earlier = paths.get(key.secret.identity);
    if (earlier !== undefined) mistakes.push({ path, message: `is the same secret as ${earlier}` });
    else paths.set(key.secret.identity, path);
  }
  const taken = await transaction
    .selectFrom("keys")
    .select(["id", "hash"])
    .where("hash", "=", sql<string>`any(${[...paths.keys()]}::text[])`)
    .where("origin", "=", "rest")
    .where("revoked_at", "is", null)
    .execute();
  for (const { id, hash } of taken) {
    mistakes.push({ path: paths.get(hash) as string, message: `is the secret of the key ${id}` });
  }
  return mistakes;
}

/** A key that REST revoked stays dead until oneapi.yaml gives it a new secret. */
function revokedKeys(stored: StoredState, { state, secretPaths }: ResolvedConfig): Mistake[] {
  return [...state.keys].flatMap(([label, key]) => {
    const row = stored.keyRows.get(keyLabel(key));
    if (!row?.revoked || row.hash !== key.secret.identity) return [];
    return [
      { path: secretPaths.get(label) as string, message: "was revoked; the key needs a new secret to work again" },
    ];
  });
}
