import type { Mistake } from "@oneapi/contract";
import { type Terminal, UsageError } from "./command.ts";

/** Options of every command that talks to a running service. */
export const adminOptions = { "admin-url": { type: "string" }, "admin-token": { type: "string" } } as const;

export const ADMIN_USAGE = `  --admin-url URL      the control service              [ONEAPI_ADMIN_URL, or http://127.0.0.1:8090]
  --admin-token TOKEN  its admin token                  [ONEAPI_ADMIN_TOKEN]`;

const DEFAULT_URL = "http://127.0.0.1:8090";
const TIMEOUT_MS = 60_000;

/** What the service refused, or why it could not be asked; the message is ready to show. */
export class AdminError extends Error {
  override readonly name = "AdminError";
}

/** Asks a running control service. */
export class AdminClient {
  /** The service's address, without a slash at its end. */
  readonly url: string;
  readonly #token: string;

  /** @throws {UsageError} when there is no token or the URL is none. */
  constructor(values: { "admin-url"?: string; "admin-token"?: string }, { environment }: Terminal) {
    this.url = (values["admin-url"] ?? (environment.ONEAPI_ADMIN_URL || DEFAULT_URL)).replace(/\/+$/, "");
    this.#token = values["admin-token"] ?? environment.ONEAPI_ADMIN_TOKEN ?? "";
    if (!/^https?:\/\/[^/]/.test(this.url) || !URL.canParse(this.url)) {
      throw new UsageError(`--admin-url (ONEAPI_ADMIN_URL) is not an http or https URL: ${this.url}`);
    }
    if (!this.#token) throw new UsageError("an admin token is needed: --admin-token or ONEAPI_ADMIN_TOKEN");
  }

  /** @throws {AdminError} unless the answer is a success. */
  async ask(method: string, path: string, body?: { readonly type: string; readonly text: string }): Promise<string> {
    let response: Response;
    try {
      response = await fetch(`${this.url}/admin/v1${path}`, {
        method,
        headers: { authorization: `Bearer ${this.#token}`, ...(body && { "content-type": body.type }) },
        body: body?.text ?? null,
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
    } catch (error) {
      throw new AdminError(`the control service at ${this.url} does not answer: ${reasonOf(error)}`);
    }
    const text = await response.text();
    if (response.ok) return text;
    throw new AdminError(explain(response.status, text));
  }
}

/** fetch says only "fetch failed" and hides the reason one level down. */
function reasonOf(error: unknown): string {
  const cause = (error as Error).cause as { message?: string; code?: string } | undefined;
  return cause?.message || cause?.code || (error as Error).message;
}

/** A problem document as text: what is wrong, then a line for each mistake. */
function explain(status: number, text: string): string {
  let problem: { detail?: string; errors?: Mistake[] };
  try {
    problem = JSON.parse(text);
  } catch {
    return `the control service answered ${status}`;
  }
  const lines = (problem.errors ?? []).map(formatMistake);
  return [problem.detail ?? `the control service answered ${status}`, ...lines].join("\n  ");
}

export function formatMistake({ path, message }: Mistake): string {
  return path ? `${path}: ${message}` : message;
}
