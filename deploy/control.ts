import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { ask } from "./ask.ts";
import { checkout } from "./checkout.ts";
import type { Part } from "./part.ts";
import { HOST } from "./ports.ts";
import type { Supervisor } from "./supervisor.ts";

export type ControlSettings = {
  port: number;
  dataDir: string;
  databaseUrl: string | null;
  redisUrl: string | null;
  /** What `${env:…}` in the configuration finds beside this process's own environment. */
  env: Record<string, string>;
};

/**
 * Arguments of Node that run `oneapi`. With its young generation as large as V8 makes it, the service holds a quarter more memory
 * while it stores many records, for no more of them.
 *
 * @see https://nodejs.org/api/cli.html#--max-semi-space-sizesize-in-mib
 */
export const ONEAPI = ["--max-semi-space-size=16", join(checkout, "control-service/bin/oneapi.js")];

/** What applies a large oneapi.yaml on a busy machine. */
const APPLY_MS = 120_000;

/** A control service that answers. */
export class Control {
  readonly part: Part;
  readonly url: string;
  readonly adminToken: string;
  readonly gatewayToken: string;

  private constructor(part: Part, url: string, adminToken: string, gatewayToken: string) {
    this.part = part;
    this.url = url;
    this.adminToken = adminToken;
    this.gatewayToken = gatewayToken;
  }

  static async start(settings: ControlSettings, supervisor: Supervisor): Promise<Control> {
    const { port, dataDir, databaseUrl, redisUrl } = settings;
    const serve = ["serve", "--host", HOST, "--port", `${port}`, "--data-dir", dataDir];
    const env = {
      ...settings.env,
      ...(databaseUrl && { DATABASE_URL: databaseUrl }),
      ...(redisUrl && { ONEAPI_REDIS_URL: redisUrl }),
    };
    const args = [...ONEAPI, ...serve];
    const part = supervisor.start({ name: "control service", program: process.execPath, args, env });
    const url = `http://${HOST}:${port}`;
    await part.ready(async () => (await ask(`${url}/readyz`))?.status === 200);
    // The service has made its tokens by now, unless they were given.
    const token = async (name: string, file: string) =>
      process.env[name] || (await readFile(join(dataDir, file), "utf8")).trim();
    const adminToken = await token("ONEAPI_ADMIN_TOKEN", "admin.token");
    return new Control(part, url, adminToken, await token("ONEAPI_GATEWAY_TOKEN", "gateway.token"));
  }

  /** Applies an oneapi.yaml. Rejects with what the service says is wrong with it. */
  async apply(yaml: string, name: string): Promise<void> {
    const headers = { authorization: `Bearer ${this.adminToken}`, "content-type": "application/yaml" };
    const call = { method: "PUT", headers, body: yaml, timeoutMs: APPLY_MS };
    const answer = await ask(`${this.url}/admin/v1/config`, call);
    if (answer === null) throw new Error(`${name} could not be applied: the control service does not answer`);
    if (answer.status >= 300) throw new Error(`${name} is refused: ${explain(answer.text)}`);
  }
}

/** A problem document (RFC 9457) as lines: its title, then each mistake with its path. */
function explain(text: string): string {
  try {
    const { detail, title, errors } = JSON.parse(text) as {
      detail?: string;
      title?: string;
      errors?: { path: string; message: string }[];
    };
    const mistakes = (errors ?? []).map(({ path, message }) => `\n  ${path}: ${message}`);
    return `${detail ?? title ?? text}${mistakes.join("")}`;
  } catch {
    return text;
  }
}
