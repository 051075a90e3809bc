import { type CounterName, type GatewayLimit, type LimitSettings, matchesModel } from "@oneapi/contract";
import type { Kysely } from "kysely";
import type { Tables } from "../store/tables.ts";
import { withEntries } from "./balances.ts";
import { gatewayLimits } from "./gateway-limits.ts";

/** A limit with the subject that it limits. */
export interface ConfiguredLimit extends GatewayLimit {
  readonly subject: CounterName["subject"];
  readonly name: string;
}

/**
 * Every limit that is configured, in the order of its counter's id; a model's once for each project that may use the
 * model. Balances have in them what was paid in.
 */
export async function configuredLimits(database: Kysely<Tables>): Promise<ConfiguredLimit[]> {
  const found: ConfiguredLimit[] = [];
  const add = (subject: CounterName["subject"], name: string, limits: readonly LimitSettings[]) => {
    for (const limit of gatewayLimits(subject, name, limits).values()) found.push({ ...limit, subject, name });
  };
  const projects = await database.selectFrom("projects").select(["name", "settings"]).execute();
  const users = await database.selectFrom("users").select(["name", "settings"]).execute();
  const models = await database.selectFrom("models").select(["name", "settings"]).execute();
  const providers = await database.selectFrom("providers").select(["name", "settings"]).execute();
  const keys = await database.selectFrom("keys").select(["id", "limits"]).where("revoked_at", "is", null).execute();
  for (const { name, settings } of projects) add("project", name, settings.limits);
  for (const { name, settings } of users) add("user", name, settings.limits);
  for (const { name, settings } of providers) add("provider", name, settings.limits);
  for (const { id, limits } of keys) add("key", id, limits);
  for (const { name, settings } of models) {
    if (settings.limits.length === 0) continue;
    for (const project of projects) {
      const uses = project.settings.models.some((pattern) => matchesModel(pattern, name));
      if (uses) add("model", `${project.name}/${name}`, settings.limits);
    }
  }
  const sorted = found.sort((a, b) => (a.id < b.id ? -1 : 1));
  return withEntries(database, sorted);
}
