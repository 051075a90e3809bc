import { isCredential, isKeySecret, KEY_SECRET_MESSAGE, type Mistake, secretReference } from "@oneapi/contract";
import { claimsToBeMade, hashSecret, isMadeSecret } from "../keys/secret.ts";
import { type ReferenceReader, UnreadableReference } from "../secrets/references.ts";
import { Secret } from "./state.ts";
import { type StoredState, storedReference } from "./stored-state.ts";

/** How a literal secret shows in a difference before it is stored under an id. */
const NEW_LITERAL = "(secret)";

/** Finds the values of secrets, and collects a mistake for each that cannot be found or used. */
export class SecretResolver {
  readonly mistakes: Mistake[] = [];
  readonly #stored: StoredState;
  readonly #references: ReferenceReader;
  /** By what stands for them in a dump. */
  readonly #storedHashes: ReadonlyMap<string, string>;

  constructor(stored: StoredState, references: ReferenceReader) {
    this.#stored = stored;
    this.#references = references;
    this.#storedHashes = new Map([...stored.keyRows.values()].map(({ id, hash }) => [storedReference(id), hash]));
  }

  /** A credential of a provider; its identity is its value. */
  async credential(provider: string, text: string, path: string): Promise<Secret> {
    const secrets = this.#stored.providers.get(provider)?.credentials ?? [];
    const rows = this.#stored.credentials.get(provider) ?? [];
    if (secretReference(text)?.source === "stored") {
      const secret = secrets[rows.findIndex(({ id }) => storedReference(id) === text)];
      return secret
        ? new Secret(text, secret.identity)
        : this.#unresolved(text, path, `this provider has no credential stored as ${text}`);
    }
    const value = await this.#read(text, path, credentialProblem);
    if (value === null || secretReference(text)) return new Secret(text, value ?? unresolvedAt(path));
    const row = rows[secrets.findIndex((secret) => secret.identity === value)];
    return new Secret(row ? storedReference(row.id) : NEW_LITERAL, value);
  }

  /** The secret of the key with this label; its identity is its hash. */
  async key(label: string, text: string, path: string): Promise<Secret> {
    if (secretReference(text)?.source === "stored") {
      const hash = this.#storedHashes.get(text);
      return hash ? new Secret(text, hash) : this.#unresolved(text, path, `there is no key stored as ${text}`);
    }
    const value = await this.#read(text, path, keyProblem);
    const hash = value === null ? unresolvedAt(path) : hashSecret(value);
    if (value === null || secretReference(text)) return new Secret(text, hash);
    const row = this.#stored.keyRows.get(label);
    return new Secret(row?.hash === hash ? storedReference(row.id) : NEW_LITERAL, hash);
  }

  /** The value of a literal or of a reference to the outside; null after a mistake. */
  async #read(text: string, path: string, problem: (value: string) => string | null): Promise<string | null> {
    const reference = secretReference(text);
    try {
      const value = reference ? await this.#references.read(reference) : text;
      const message = problem(value);
      if (message === null) return value;
      this.mistakes.push({ path, message: reference ? `what ${text} holds ${message}` : message });
    } catch (error) {
      if (!(error instanceof UnreadableReference)) throw error;
      this.mistakes.push({ path, message: error.message });
    }
    return null;
  }

  #unresolved(text: string, path: string, message: string): Secret {
    this.mistakes.push({ path, message });
    return new Secret(text, unresolvedAt(path));
  }
}

/** An identity that no other secret has, so that two that are not known do not count as the same. */
function unresolvedAt(path: string): string {
  return `unresolved at ${path}`;
}

function credentialProblem(value: string): string | null {
  return isCredential(value) ? null : "must be printable ASCII without spaces";
}

function keyProblem(value: string): string | null {
  if (!isKeySecret(value)) return KEY_SECRET_MESSAGE;
  // Gateways refuse such a key by its checksum and would never ask for it.
  return claimsToBeMade(value) && !isMadeSecret(value) ? "begins like a key of this service, but is not one" : null;
}
