import {
  type Config,
  isCredential,
  isKeySecret,
  KEY_SECRET_MESSAGE,
  type Mistake,
  secretReference,
} from "@oneapi/contract";
import { claimsToBeMade, hashSecret, isMadeSecret } from "../keys/secret.ts";
import { type ReferenceReader, UnreadableReference } from "../secrets/references.ts";
import { type ConfigKey, type ConfigState, keyLabel, listKeys, type ResolvedProvider, Secret } from "./state.ts";
import { type StoredState, storedReference } from "./stored-state.ts";

/** A configuration whose secrets are known. A literal key is shown by the id it will be stored under, see apply.ts. */
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
  const mistakes: Mistake[] = [];

  const read = async (text: string, path: string, problem: (value: string) => string | null): Promise<string> => {
    const reference = secretReference(text);
    try {
      const value = reference ? await references.read(reference) : text;
      const message = problem(value);
      if (message) mistakes.push({ path, message: reference ? `what ${text} holds ${message}` : message });
      return value;
    } catch (error) {
      if (!(error instanceof UnreadableReference)) throw error;
      mistakes.push({ path, message: error.message });
      return "";
    }
  };

  const resolveCredential = async (provider: string, text: string, path: string): Promise<Secret> => {
    const pool = stored.providers.get(provider)?.credentials ?? [];
    if (secretReference(text)?.source === "stored") {
      const found = (stored.credentials.get(provider) ?? []).findIndex(({ id }) => storedReference(id) === text);
      const secret = pool[found];
      // A reference that was replaced by its dump's placeholder becomes a literal with the same value.
      if (secret) return new Secret(text, secret.identity);
      mistakes.push({ path, message: `this provider has no credential stored as ${text}` });
      return new Secret(text, "");
    }
    const value = await read(text, path, credentialProblem);
    if (secretReference(text)) return new Secret(text, value);
    const position = pool.findIndex((secret) => secret.identity === value);
    const id = stored.credentials.get(provider)?.[position]?.id;
    return new Secret(id === undefined ? NEW_LITERAL : storedReference(id), value);
  };

  const resolveKeySecret = async (label: string, text: string, path: string): Promise<Secret> => {
    if (secretReference(text)?.source === "stored") {
      const row = [...stored.keyRows.values()].find(({ id }) => storedReference(id) === text);
      if (row) return new Secret(text, row.hash);
      mistakes.push({ path, message: `there is no key stored as ${text}` });
      return new Secret(text, "");
    }
    const hash = hashSecret(await read(text, path, keyProblem));
    if (secretReference(text)) return new Secret(text, hash);
    const row = stored.keyRows.get(label);
    return new Secret(row?.hash === hash ? storedReference(row.id) : NEW_LITERAL, hash);
  };

  const providers = new Map<string, ResolvedProvider>();
  for (const [index, provider] of config.providers.entries()) {
    const credentials: Secret[] = [];
    for (const [place, text] of provider.credentials.entries()) {
      credentials.push(await resolveCredential(provider.name, text, `providers[${index}].credentials[${place}]`));
    }
    providers.set(provider.name, { ...provider, credentials });
  }

  const keys = new Map<string, ConfigKey>();
  const secretPaths = new Map<string, string>();
  for (const { key, user, path } of listKeys(config)) {
    const { name, project, models = null, allowed_ips, limits, expires = null } = key;
    const label = keyLabel({ name, project, user });
    const secret = await resolveKeySecret(label, key.secret, path);
    keys.set(label, { name, project, user, secret, models, allowed_ips, limits, expires });
    secretPaths.set(label, path);
  }

  return {
    resolved: {
      state: {
        providers,
        models: new Map(config.models.map((model) => [model.name, model])),
        projects: new Map(config.projects.map(({ keys: _, ...project }) => [project.name, project])),
        users: new Map(config.users.map(({ keys: _, ...user }) => [user.name, user])),
        keys,
      },
      secretPaths,
    },
    mistakes,
  };
}

function credentialProblem(value: string): string | null {
  return isCredential(value) ? null : "must be printable ASCII without spaces";
}

function keyProblem(value: string): string | null {
  if (!isKeySecret(value)) return KEY_SECRET_MESSAGE;
  // Gateways refuse such a key by its checksum and would never ask for it.
  return claimsToBeMade(value) && !isMadeSecret(value) ? "begins like a key of this service, but is not one" : null;
}

/** How a literal secret shows in a difference before it has an id. */
export const NEW_LITERAL = "(secret)";
