import { readFileSync } from "node:fs";
import type { Provider } from "@oneapi/core";
import { type Dispatcher, Pool } from "undici";

/** A connection that its server is about to close must not get a call: vendors keep theirs for a minute, local servers for 5 s. */
const VENDOR_IDLE_MS = 50_000;
const LOCAL_IDLE_MS = 4_000;
const CONNECT_MS = 5_000;

/** Connections to providers. */
export interface Providers {
  /** What calls this provider, over TLS where it is configured so. */
  of(provider: Provider): Dispatcher;
  /** Lets go of what the configuration does not name any longer; calls under way come to their end. */
  keepOnly(config: { providers: ReadonlyMap<string, Provider> }): void;
  stop(): Promise<void>;
}

type Entry = { key: string; pool: Pool };

/** One pool of kept connections for each provider. */
export class ProviderPools implements Providers {
  readonly #entries = new Map<string, Entry>();
  readonly #authorities: string | undefined;
  #config: unknown = null;

  constructor(authoritiesFile?: string) {
    this.#authorities = authoritiesFile === undefined ? undefined : readFileSync(authoritiesFile, "utf8");
  }

  of(provider: Provider): Dispatcher {
    const key = keyOf(provider);
    const found = this.#entries.get(provider.name);
    if (found?.key === key) return found.pool;
    if (found !== undefined) void found.pool.close();
    const pool = this.#open(provider);
    this.#entries.set(provider.name, { key, pool });
    return pool;
  }

  #open({ tls, authority, connectMs }: Provider): Pool {
    return new Pool(`${tls ? "https" : "http"}://${authority}`, {
      allowH2: false,
      keepAliveTimeout: tls ? VENDOR_IDLE_MS : LOCAL_IDLE_MS,
      keepAliveMaxTimeout: VENDOR_IDLE_MS,
      // The times of a call are kept by whoever makes it.
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: {
        timeout: connectMs === 0 ? CONNECT_MS : connectMs,
        ...(this.#authorities !== undefined && { ca: this.#authorities }),
      },
    });
  }

  keepOnly(config: { providers: ReadonlyMap<string, Provider> }): void {
    if (this.#config === config) return;
    this.#config = config;
    for (const [name, { pool, key }] of this.#entries) {
      const provider = config.providers.get(name);
      if (provider !== undefined && keyOf(provider) === key) continue;
      this.#entries.delete(name);
      void pool.close();
    }
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#entries.values()].map(({ pool }) => pool.destroy()));
  }
}

function keyOf({ tls, authority, connectMs }: Provider): string {
  return `${tls} ${authority} ${connectMs}`;
}
