import type { Config, Mistake } from "@oneapi/contract";
import type { ReferenceReader } from "../secrets/references.ts";
import { SecretResolver } from "./secret-resolver.ts";
import { type ConfigKey, type ConfigState, keyLabel, listKeys, type ResolvedProvider, type Secret } from "./state.ts";
import type { StoredState } from "./stored-state.ts";

/** A configuration whose secrets are known. */
export interface ResolvedConfig {
  readonly state: ConfigState;
  /** Where a key's secret stands in the document, by label. */
  readonly secretPaths: ReadonlyMap<string, string>;
}

/** Finds the value of every secret; each that cannot be found is a mistake at its path. */
export async function resolveConfig(
  config: Config,
  stored: StoredState,
  references: ReferenceReader,
): Promise<{ resolved: ResolvedConfig; mistakes: Mistake[] }> {
  const resolver = new SecretResolver(stored, references);

  const providers = new Map<string, ResolvedProvider>();
  for (const [index, provider] of config.providers.entries()) {
    const credentials: Secret[] = [];
    for (const [place, text] of provider.credentials.entries()) {
      const path = `providers[${index}].credentials[${place}]`;
      credentials.push(await resolver.credential(provider.name, text, path));
    }
    providers.set(provider.name, { ...provider, credentials });
  }

  const keys = new Map<string, ConfigKey>();
  const secretPaths = new Map<string, string>();
  for (const { key, user, path } of listKeys(config)) {
    const { name, project, models = null, allowed_ips, limits, expires = null } = key;
    const label = keyLabel({ name, project, user });
    const secret = await resolver.key(label, key.secret, path);
    keys.set(label, { name, project, user, secret, models, allowed_ips, limits, expires });
    secretPaths.set(label, path);
  }

  const state: ConfigState = {
    providers,
    models: new Map(config.models.map((model) => [model.name, model])),
    projects: new Map(config.projects.map(({ keys: _, ...project }) => [project.name, project])),
    users: new Map(config.users.map(({ keys: _, ...user }) => [user.name, user])),
    keys,
  };
  return { resolved: { state, secretPaths }, mistakes: resolver.mistakes };
}
