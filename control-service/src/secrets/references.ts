import { open } from "node:fs/promises";
import { resolve, sep } from "node:path";
import type { SecretReference } from "@oneapi/contract";

/** Reads the secrets that oneapi.yaml refers to, on the machine of the control service. */
export interface ReferenceReader {
  /** @throws {UnreadableReference} whose message may be shown: it says where it looked, never what it found. */
  read(reference: SecretReference): Promise<string>;
}

export class UnreadableReference extends Error {
  override readonly name = "UnreadableReference";
}

/** What the service itself runs on is not for providers: a reference to it would send it to their base URLs. */
const OWN_VARIABLES = new Set([
  "ONEAPI_MASTER_KEY",
  "ONEAPI_ADMIN_TOKEN",
  "ONEAPI_GATEWAY_TOKEN",
  "DATABASE_URL",
  "ONEAPI_REDIS_URL",
]);

const MAX_FILE_BYTES = 64 * 1024;

/** @param dataDir the service's own folder, out of which nothing is read. */
export function referenceReader(
  environment: Readonly<Record<string, string | undefined>>,
  dataDir: string | null,
): ReferenceReader {
  const ownFolder = dataDir === null ? null : resolve(dataDir) + sep;
  return {
    async read({ source, value }) {
      if (source === "env") return fromEnvironment(environment, value);
      if (source === "file") {
        if (ownFolder && resolve(value).startsWith(ownFolder)) {
          throw new UnreadableReference("is in the service's own data folder");
        }
        return fromFile(value);
      }
      throw new UnreadableReference("is not a place that can be read");
    },
  };
}

function fromEnvironment(environment: Readonly<Record<string, string | undefined>>, name: string): string {
  if (OWN_VARIABLES.has(name)) throw new UnreadableReference(`${name} is a secret of the service itself`);
  const value = environment[name];
  if (value) return value;
  throw new UnreadableReference(`the environment variable ${name} of the control service is not set`);
}

async function fromFile(path: string): Promise<string> {
  try {
    const file = await open(path, "r");
    try {
      const { size } = await file.stat();
      if (size > MAX_FILE_BYTES)
        throw new UnreadableReference(`the file ${path} is larger than ${MAX_FILE_BYTES} bytes`);
      const text = (await file.readFile("utf8")).trim();
      if (text) return text;
      throw new UnreadableReference(`the file ${path} is empty`);
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof UnreadableReference) throw error;
    const code = (error as NodeJS.ErrnoException).code ?? "unknown error";
    throw new UnreadableReference(`the file ${path} cannot be read by the control service (${code})`);
  }
}
