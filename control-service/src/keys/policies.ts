import type { GatewayLimit, ProjectSettings } from "@oneapi/contract";
import { type Kysely, sql } from "kysely";
import { withEntries } from "../limits/balances.ts";
import { gatewayLimits } from "../limits/gateway-limits.ts";
import type { Tables } from "../store/tables.ts";

/** What a key may do, with its project and its user counted in. */
export interface KeyPolicyRow {
  readonly hash: string;
  readonly id: string;
  readonly project: string;
  readonly user: string | null;
  /** True when the key, its project or its user is disabled or gone, or when the user is not in the project. */
  readonly disabled: boolean;
  readonly expiresAt: Date | null;
  /** Lists of patterns; a model must match every list. */
  readonly models: readonly (readonly string[])[];
  /** None: from everywhere. */
  readonly allowedIps: readonly string[];
  /** Of the key, its user and its project. */
  readonly limits: readonly GatewayLimit[];
  /** Null when the project is gone. */
  readonly projectSettings: ProjectSettings | null;
}

/** Finds the policies of keys by the SHA-256 of their secrets, in one statement, and a second one for balances; revoked and unknown ones are absent. */
export async function findKeyPolicies(
  database: Kysely<Tables>,
  hashes: readonly string[],
): Promise<Map<string, KeyPolicyRow>> {
  if (hashes.length === 0) return new Map();
  const rows = await database
    .selectFrom("keys")
    .leftJoin("projects", "projects.name", "keys.project")
    .leftJoin("users", "users.name", "keys.user_name")
    .where("keys.hash", "=", sql<string>`any(${hashes}::text[])`)
    .where("keys.revoked_at", "is", null)
    .select([
      "keys.hash",
      "keys.id",
      "keys.project",
      "keys.user_name",
      "keys.disabled",
      "keys.expires_at",
      "keys.models",
      "keys.allowed_ips",
      "keys.limits",
      "projects.settings as project_settings",
      "projects.disabled as project_disabled",
      "users.disabled as user_disabled",
      "users.settings as user_settings",
    ])
    .execute();
  const own = rows.map((row) => [
    ...gatewayLimits("key", row.id, row.limits).values(),
    ...gatewayLimits("user", row.user_name ?? "", row.user_settings?.limits ?? []).values(),
    ...gatewayLimits("project", row.project, row.project_settings?.limits ?? []).values(),
  ]);
  const limits = new Map((await withEntries(database, own.flat())).map((limit) => [limit.id, limit]));
  return new Map(
    rows.map((row, index) => {
      const isMember = row.user_name === null || row.user_settings?.projects.includes(row.project) === true;
      // A project that is gone joins as null and counts as disabled; so does a user who left the project, or is gone.
      const disabled = row.disabled || row.project_disabled !== false || row.user_disabled === true || !isMember;
      const lists = [row.models, row.project_settings?.models ?? null].filter((list) => list !== null);
      return [
        row.hash,
        {
          hash: row.hash,
          id: row.id,
          project: row.project,
          user: row.user_name,
          disabled,
          expiresAt: row.expires_at,
          models: lists,
          allowedIps: row.allowed_ips,
          limits: (own[index] ?? []).map(({ id }) => limits.get(id) as GatewayLimit),
          projectSettings: row.project_settings,
        },
      ];
    }),
  );
}
