/**
 * A stand-in for the control service: answers the gateway protocol for one vector and keeps the records it is sent. What
 * the contract does not allow throws, as the real one would refuse it.
 */
import { createHash } from "node:crypto";
import {
  capabilitiesOf,
  type ProviderKind,
  syncRequestSchema,
  type UsageRecord,
  usageRecordSchema,
} from "@oneapi/contract";
import { PUBLIC_MODEL, type Vector } from "./load.ts";

/** The key that the client of every vector uses. */
export const CLIENT_KEY = "sk-vectors-0123456789abcdef";

type Setting = Pick<Vector, "targets" | "unsupported">;

export class ControlStandIn {
  /** Those that came and were not taken away yet. */
  readonly records: UsageRecord[] = [];
  #acknowledged = 0;
  #config: Record<string, unknown> & { version: string };

  constructor(setting: Setting) {
    this.#config = { version: "1", ...configOf(setting) };
  }

  /** A new configuration, for those who ask from now on. */
  configure(setting: Setting): void {
    this.#config = { version: `${this.#config.version}+`, ...configOf(setting) };
  }

  /** The body of the answer to `POST /gateway/v1/sync`; null while a long poll is held. */
  answer(message: Buffer): Buffer | null {
    const request = syncRequestSchema.parse(JSON.parse(message.toString()));
    for (const record of request.records) this.records.push(usageRecordSchema.parse(record));
    const { version } = this.#config;
    if (request.wait_ms > 0 && request.config_version === version) return null;
    this.#acknowledged = this.records.at(-1)?.sequence ?? this.#acknowledged;
    const answer = {
      version: 1,
      now_ms: Date.now(),
      config_version: version,
      ...(request.config_version !== version && { config: this.#config }),
      key_revision: 1,
      keys_reset: false,
      changed_keys: [],
      keys: request.keys.map(policyOf),
      acknowledged: this.#acknowledged,
    };
    return Buffer.from(JSON.stringify(answer));
  }
}

function configOf({ targets, unsupported }: Setting) {
  return {
    providers: targets.map(({ name, kind, baseUrl, credential, options }) => {
      const { host, protocol, pathname, search } = new URL(baseUrl);
      return {
        name,
        kind,
        authority: host,
        tls: protocol === "https:",
        path: pathname.replace(/\/$/, ""),
        query: search.slice(1),
        credentials: credential === "" ? [] : [credential],
        timeouts: { connect_ms: 1000, first_token_ms: 1000, idle_ms: 1000, total_ms: 10_000 },
        options,
        disabled: false,
      };
    }),
    models: [
      {
        name: PUBLIC_MODEL,
        targets: targets.map(({ name, kind, model, capabilities }, priority) => ({
          ...{ provider: name, model, priority, weight: 1 },
          capabilities: capabilitiesOf(kind as ProviderKind, model, capabilities),
        })),
        retries: targets.length - 1,
        unsupported,
        disabled: false,
      },
    ],
  };
}

function policyOf(hash: string) {
  if (hash !== createHash("sha256").update(CLIENT_KEY).digest("hex")) return { hash, known: false, ttl_ms: 60_000 };
  return {
    ...{ hash, known: true, ttl_ms: 60_000, id: "key_vectors", project: "vectors", user: null },
    ...{ status: "active", expires_at_ms: null, models: [], allowed_ips: [] },
  };
}
