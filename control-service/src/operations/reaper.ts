import type { UsageRecord } from "@oneapi/contract";
import type { Ledger } from "../ledger/ledger.ts";
import type { Source } from "../ledger/source.ts";
import type { Services } from "../services.ts";
import { abandonedOperations, forgetSources, heardOf } from "./open-operations.ts";
import type { OpenOperationsTable } from "./tables.ts";

const INTERVAL_MS = 1000;
/**
 * A gateway process unheard of for so long is gone. It must be less than the time after which its leases are taken back:
 * what its operations cost is known by then.
 */
const SILENCE_MS = 8000;
const FORGET_MS = 3_600_000;
const BATCH = 500;
/** The gateways' own id of counts made without the model's vocabulary. */
const ESTIMATOR = "bytes-4";

/**
 * Closes the operations of strict projects that their gateway left open when it died: each gets a record of what is
 * known, which is its prompt, and the record is provisional.
 */
export class Reaper {
  readonly #services: Services;
  readonly #ledger: Ledger;
  readonly #startedAt: number;
  /** Gateway processes with a poll that is held, by how many. */
  readonly #polling = new Map<string, { source: Source; polls: number }>();
  /** Those that were heard of since the last round. */
  readonly #heard = new Map<string, Source>();
  readonly #timer: NodeJS.Timeout;
  #round: Promise<void> | null = null;

  constructor(services: Services, ledger: Ledger) {
    this.#services = services;
    this.#ledger = ledger;
    this.#startedAt = services.clock.now();
    this.#timer = setInterval(() => void this.round(), INTERVAL_MS);
    this.#timer.unref();
  }

  /** A sync of the gateway process is being answered; call what it returns when it is. */
  hears(source: Source): () => void {
    const name = `${source.epoch}@${source.node}`;
    const known = this.#polling.get(name) ?? { source, polls: 0 };
    known.polls += 1;
    this.#polling.set(name, known);
    this.#heard.set(name, source);
    return () => {
      known.polls -= 1;
      if (known.polls === 0) this.#polling.delete(name);
    };
  }

  /** One look for operations without a gateway. Never rejects. */
  async round(): Promise<void> {
    this.#round ??= this.#look()
      .catch((error: unknown) => {
        this.#services.logger.error({ err: error }, "cannot look for abandoned operations; it is tried again");
      })
      .finally(() => {
        this.#round = null;
      });
    await this.#round;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#round;
  }

  async #look(): Promise<void> {
    const { database, clock } = this.#services;
    const now = clock.now();
    const alive = [...this.#heard.values(), ...[...this.#polling.values()].map(({ source }) => source)];
    this.#heard.clear();
    await heardOf(database.query, alive, new Date(now));
    // After a start all gateways are unheard of; they come back within seconds.
    if (now - this.#startedAt < SILENCE_MS) return;
    const left = await abandonedOperations(database.query, new Date(now - SILENCE_MS), BATCH);
    const bySource = Map.groupBy(left, ({ node, epoch }) => `${epoch}@${node}`);
    for (const operations of bySource.values()) {
      const [{ node, epoch }] = operations as [OpenOperationsTable, ...OpenOperationsTable[]];
      const closed = await this.#ledger.close(
        { node, epoch },
        operations.map((operation) => recordOf(operation, now)),
      );
      this.#services.logger.warn(
        { node, epoch, operations: closed },
        "operations of a gateway that is gone were closed",
      );
    }
    await forgetSources(database.query, new Date(now - FORGET_MS));
  }
}

/** What is known of an operation whose gateway is gone. */
function recordOf(operation: OpenOperationsTable, now: number): UsageRecord {
  return {
    sequence: 0,
    operation_id: operation.operation_id,
    created_at_ms: operation.created_at.getTime(),
    key: operation.key_id,
    project: operation.project,
    user: operation.user_name,
    endpoint: operation.endpoint,
    stream: operation.stream,
    requested_model: operation.requested_model,
    served_model: operation.served_model,
    provider: operation.provider,
    outcome: "truncated",
    usage: {
      prompt_tokens: operation.prompt_tokens,
      cached_tokens: 0,
      cache_write_tokens: 0,
      completion_tokens: 0,
      reasoning_tokens: 0,
      images: 0,
    },
    raw_usage: null,
    usage_source: "estimate",
    tokenizer: ESTIMATOR,
    attempts: [],
    ttft_ms: null,
    latency_ms: Math.max(0, now - operation.created_at.getTime()),
  };
}
