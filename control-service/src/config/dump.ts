import { type Config, configSchema } from "@oneapi/contract";
import type { ConfigState } from "./state.ts";

/**
 * The stored configuration as an oneapi.yaml that can be applied again: references as they were given, and
 * `${stored:ID}` where a secret was written out. Empty lists and maps are left out.
 */
export function dumpConfig(state: ConfigState): object {
  const keysOf = (owner: { project?: string; user: string | null }) =>
    [...state.keys.values()].filter(
      (key) => key.user === owner.user && (owner.project === undefined || key.project === owner.project),
    );
  const document = {
    version: 1,
    providers: [...state.providers.values()].map((provider) => ({
      ...provider,
      credentials: provider.credentials.map((secret) => secret.shown),
    })),
    models: [...state.models.values()],
    projects: [...state.projects.values()].map((project) => ({
      ...project,
      keys: keysOf({ project: project.name, user: null }).map(({ project: _, user: __, ...key }) => shownKey(key)),
    })),
    users: [...state.users.values()].map((user) => ({
      ...user,
      keys: keysOf({ user: user.name }).map(({ user: _, ...key }) => shownKey(key)),
    })),
  };
  // The schema writes the fields of each entry in its own order; jsonb has lost the one of the file.
  const config: Config = configSchema.parse(document);
  return withoutEmpty(config) as object;
}

function shownKey<Key extends { secret: { shown: string }; models: unknown; expires: unknown }>(key: Key) {
  return { ...key, secret: key.secret.shown, models: key.models ?? undefined, expires: key.expires ?? undefined };
}

function withoutEmpty(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutEmpty);
  if (typeof value !== "object" || value === null) return value;
  const fields = Object.entries(value).filter(([, field]) => field !== undefined && !isEmpty(field));
  return Object.fromEntries(fields.map(([name, field]) => [name, withoutEmpty(field)]));
}

function isEmpty(value: unknown): boolean {
  return typeof value === "object" && value !== null && Object.keys(value).length === 0;
}
