import { randomBytes } from "node:crypto";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** The secrets that the service itself runs on. */
export interface ServiceSecrets {
  /** 32 bytes each; the first seals. */
  readonly masterKeys: readonly [Buffer, ...Buffer[]];
  readonly adminToken: string;
  readonly gatewayToken: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

const MASTER_KEY_BYTES = 32;
const TOKEN_BYTES = 24;
const SHORTEST_TOKEN = 16;

/**
 * Takes the service's secrets from the environment, or else from files of mode 0600 in the data folder, which are
 * made when absent. The folder is made with mode 0700.
 *
 * @throws when a secret that is given cannot be one; the message does not show it.
 */
export function loadServiceSecrets(dataDir: string, environment: Environment): ServiceSecrets {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const secret = (variable: string, file: string, make: () => string): string => {
    const given = environment[variable]?.trim();
    return given ? given : keptSecret(join(dataDir, file), make);
  };
  const token = (variable: string, file: string, prefix: string): string => {
    const text = secret(variable, file, () => prefix + randomBytes(TOKEN_BYTES).toString("hex"));
    if (text.length >= SHORTEST_TOKEN && /^[\x21-\x7e]+$/.test(text)) return text;
    throw new Error(`${variable} must have at least ${SHORTEST_TOKEN} printable characters without spaces`);
  };
  return {
    masterKeys: parseMasterKeys(
      secret("ONEAPI_MASTER_KEY", "master.key", () => randomBytes(MASTER_KEY_BYTES).toString("hex")),
    ),
    adminToken: token("ONEAPI_ADMIN_TOKEN", "admin.token", "oa-admin-"),
    gatewayToken: token("ONEAPI_GATEWAY_TOKEN", "gateway.token", "oa-gateway-"),
  };
}

/** Reads one or more master keys, separated by commas: 64 hex digits or the base64 of 32 bytes each. */
export function parseMasterKeys(text: string): [Buffer, ...Buffer[]] {
  const keys = text.split(",").map((part) => {
    const key = part.trim();
    const bytes = /^[0-9a-fA-F]{64}$/.test(key) ? Buffer.from(key, "hex") : Buffer.from(key, "base64");
    if (bytes.length === MASTER_KEY_BYTES) return bytes;
    throw new Error("ONEAPI_MASTER_KEY must be 64 hex digits or the base64 of 32 bytes (several: with commas)");
  });
  return keys as [Buffer, ...Buffer[]];
}

function keptSecret(path: string, make: () => string): string {
  try {
    writeFileSync(path, `${make()}\n`, { mode: 0o600, flag: "wx" });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    chmodSync(path, 0o600);
  }
  return readFileSync(path, "utf8").trim();
}
