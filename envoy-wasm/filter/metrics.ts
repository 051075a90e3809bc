import { outcomeName } from "../../shared/core/gateway/record";
import { streamCount } from "../sdk/dispatcher";
import * as host from "../sdk/host";
import { METRIC_COUNTER, METRIC_GAUGE } from "../sdk/types";
import { worker } from "./worker";

/** A call of the host for each would cost more than an operation: counts are gathered and published this often. */
const PERIOD_MS: f64 = 1000;
const OUTCOMES: i32 = 6;

/** This worker's counts in Envoy's own statistics, under `oneapi.`. */
export class Metrics {
  private publishedAt: f64 = 0;
  private readonly operations: Array<i32> = [];
  private readonly attempts: i32 = host.defineMetric(METRIC_COUNTER, "oneapi.attempts");
  private readonly unauthorized: i32 = host.defineMetric(METRIC_COUNTER, "oneapi.unauthorized");
  private readonly promptTokens: i32 = host.defineMetric(METRIC_COUNTER, "oneapi.tokens.prompt");
  private readonly completionTokens: i32 = host.defineMetric(METRIC_COUNTER, "oneapi.tokens.completion");
  private readonly streams: i32;
  private readonly memory: i32;

  constructor() {
    for (let i = 0; i < OUTCOMES; i++) {
      this.operations.push(host.defineMetric(METRIC_COUNTER, "oneapi.operations." + outcomeName(i)));
    }
    // Gauges of several workers would overwrite each other under one name.
    const epoch = worker().epoch;
    this.streams = host.defineMetric(METRIC_GAUGE, "oneapi.worker." + epoch + ".streams");
    this.memory = host.defineMetric(METRIC_GAUGE, "oneapi.worker." + epoch + ".memory_bytes");
  }

  publish(time: f64): void {
    if (time < this.publishedAt + PERIOD_MS) return;
    this.publishedAt = time;
    const tally = worker().gateway.tally;
    for (let i = 0; i < OUTCOMES; i++) add(this.operations[i], tally.operations[i]);
    add(this.attempts, tally.attempts);
    add(this.unauthorized, tally.unauthorized);
    add(this.promptTokens, tally.promptTokens);
    add(this.completionTokens, tally.completionTokens);
    tally.clear();
    host.recordMetric(this.streams, streamCount() as u64);
    host.recordMetric(this.memory, (memory.size() as u64) << 16);
  }
}

function add(metric: i32, count: i32): void {
  if (count > 0) host.incrementMetric(metric, count);
}
