import { createCipheriv, createDecipheriv, createHash, randomBytes } from "node:crypto";

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const VERSION = "v1";

interface MasterKey {
  /** First 8 hex digits of the key's SHA-256: says which key sealed a value, and nothing else of it. */
  readonly id: string;
  readonly bytes: Buffer;
}

/** A sealed value that cannot be opened: another master key, another place, or changed bytes. */
export class VaultError extends Error {
  override readonly name = "VaultError";
}

/**
 * Seals secrets with AES-256-GCM. A sealed value is `v1.KEYID.BASE64URL(nonce, ciphertext, tag)` and is bound to its
 * place (for example `provider:claude`): copied to another row it does not open.
 */
export class Vault {
  readonly #keys: readonly MasterKey[];

  /** @param keys 32 bytes each; the first seals, all of them open (rotation: put the new key in front). */
  constructor(keys: readonly [Buffer, ...Buffer[]]) {
    this.#keys = keys.map((bytes) => ({ id: createHash("sha256").update(bytes).digest("hex").slice(0, 8), bytes }));
  }

  seal(secret: string, place: string): string {
    const key = this.#keys[0] as MasterKey;
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv("aes-256-gcm", key.bytes, nonce);
    cipher.setAAD(Buffer.from(place));
    const sealed = Buffer.concat([nonce, cipher.update(secret, "utf8"), cipher.final(), cipher.getAuthTag()]);
    return `${VERSION}.${key.id}.${sealed.toString("base64url")}`;
  }

  /** @throws {VaultError} */
  open(sealed: string, place: string): string {
    const [version, id, text, ...rest] = sealed.split(".");
    if (version !== VERSION || !text || rest.length > 0) throw new VaultError(`the secret of ${place} is not sealed`);
    const key = this.#keys.find((candidate) => candidate.id === id);
    if (!key) throw new VaultError(`the secret of ${place} was sealed with another master key (${id})`);
    const bytes = Buffer.from(text, "base64url");
    if (bytes.length < NONCE_BYTES + TAG_BYTES) throw new VaultError(`the secret of ${place} is damaged`);
    const decipher = createDecipheriv("aes-256-gcm", key.bytes, bytes.subarray(0, NONCE_BYTES));
    decipher.setAAD(Buffer.from(place));
    decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
    try {
      const start = decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES), undefined, "utf8");
      return start + decipher.final("utf8");
    } catch {
      throw new VaultError(`the secret of ${place} does not open: it was damaged or moved from another place`);
    }
  }
}
