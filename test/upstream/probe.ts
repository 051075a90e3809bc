/** Asks a fake provider as a test does. */
import { afterAll, beforeAll } from "vitest";
import { startUpstream, type Upstream, type UpstreamOptions } from "./server.ts";

export interface Probe {
  readonly upstream: Upstream;
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Response>;
  /** The JSON of an answer, with its status. */
  ask(path: string, body: unknown, headers?: Record<string, string>): Promise<{ status: number; json: never }>;
  text(path: string, body: unknown, headers?: Record<string, string>): Promise<string>;
}

/** A fake provider for all cases of a file. */
export function probe(options: UpstreamOptions, headers: Record<string, string>): Probe {
  let upstream: Upstream;
  beforeAll(async () => {
    upstream = await startUpstream(options);
  });
  afterAll(() => upstream.stop());
  const post = (path: string, body: unknown, more: Record<string, string> = {}) =>
    fetch(upstream.url + path, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers, ...more },
      body: JSON.stringify(body),
    });
  return {
    get upstream() {
      return upstream;
    },
    post,
    ask: async (path, body, more) => {
      const answer = await post(path, body, more);
      return { status: answer.status, json: (await answer.json()) as never };
    },
    text: async (path, body, more) => (await post(path, body, more)).text(),
  };
}

/** The JSON of a stream's `data:` lines, whatever ends its lines; `[DONE]` is left out. */
export function chunksOf(text: string): Record<string, never>[] {
  return text
    .split(/\r?\n/)
    .filter((line) => line.startsWith("data:") && !line.includes("[DONE]"))
    .map((line) => JSON.parse(line.slice(5)) as Record<string, never>);
}
