import { type Gateway, outcomeName } from "@oneapi/core";
import { NO_JOURNAL, type RecordJournal } from "./journal.ts";

const OUTCOMES = 6;

/** This process's counts, as Prometheus reads them. */
export class Metrics {
  readonly #gateway: Gateway;
  readonly #active: () => number;
  readonly #operations = new Array<number>(OUTCOMES).fill(0);
  #attempts = 0;
  #unauthorized = 0;
  #promptTokens = 0;
  #completionTokens = 0;
  /** Requests that came to the relay without the plugin's ticket. */
  withoutTicket = 0;
  /** Phases of the plugin that failed, and were answered 503. */
  failedPhases = 0;
  journal: RecordJournal = NO_JOURNAL;

  /** `active`: how many calls are under way. */
  constructor(gateway: Gateway, active: () => number) {
    this.#gateway = gateway;
    this.#active = active;
  }

  /** @see https://prometheus.io/docs/instrumenting/exposition_formats/ */
  text(): string {
    this.#gather();
    return [
      "# TYPE oneapi_operations_total counter",
      ...this.#operations.map(
        (count, outcome) => `oneapi_operations_total{outcome="${outcomeName(outcome)}"} ${count}`,
      ),
      ...counter("oneapi_attempts_total", this.#attempts),
      ...counter("oneapi_unauthorized_total", this.#unauthorized),
      "# TYPE oneapi_tokens_total counter",
      `oneapi_tokens_total{type="prompt"} ${this.#promptTokens}`,
      `oneapi_tokens_total{type="completion"} ${this.#completionTokens}`,
      ...counter("oneapi_relay_without_ticket_total", this.withoutTicket),
      ...counter("oneapi_plugin_failed_phases_total", this.failedPhases),
      ...this.#ofJournal(),
      ...gauge("oneapi_relay_active", this.#active()),
      ...gauge("oneapi_control_lost", this.#gateway.controlLost ? 1 : 0),
      ...gauge("oneapi_memory_bytes", process.memoryUsage.rss()),
      "",
    ].join("\n");
  }

  #ofJournal(): string[] {
    const { counts, isFull } = this.journal;
    return [
      ...gauge("oneapi_spool_bytes", counts.bytes),
      ...gauge("oneapi_spool_earlier_bytes", counts.earlierBytes),
      ...gauge("oneapi_spool_records", counts.records),
      ...gauge("oneapi_spool_oldest_seconds", counts.oldestSeconds),
      ...gauge("oneapi_spool_full", isFull ? 1 : 0),
      ...gauge("oneapi_spool_kept_files", counts.keptFiles),
      ...counter("oneapi_spool_write_failures_total", counts.failedWrites),
      ...counter("oneapi_spool_sync_failures_total", counts.failedSyncs),
      ...counter("oneapi_spool_damaged_records_total", counts.damaged),
    ];
  }

  /** The core counts since it was last asked. */
  #gather(): void {
    const { tally } = this.#gateway;
    for (let outcome = 0; outcome < OUTCOMES; outcome++) {
      this.#operations[outcome] = (this.#operations[outcome] ?? 0) + (tally.operations[outcome] ?? 0);
    }
    this.#attempts += tally.attempts;
    this.#unauthorized += tally.unauthorized;
    this.#promptTokens += tally.promptTokens;
    this.#completionTokens += tally.completionTokens;
    tally.clear();
  }
}

function counter(name: string, value: number): string[] {
  return [`# TYPE ${name} counter`, `${name} ${value}`];
}

function gauge(name: string, value: number): string[] {
  return [`# TYPE ${name} gauge`, `${name} ${value}`];
}
