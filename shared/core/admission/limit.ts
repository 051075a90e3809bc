import { ARRAY, Json } from "../json.ts";
import { Lease } from "./lease.ts";
import { windowName, windowOf } from "./window.ts";

export const REQUESTS: i32 = 0;
export const TOKENS: i32 = 1;
/** In nano-USD. */
export const SPEND: i32 = 2;
/** Operations under way at once. */
export const CONCURRENCY: i32 = 3;
const NO_METRIC: i32 = -1;

export function metricName(metric: i32): string {
  if (metric === REQUESTS) return "requests";
  if (metric === TOKENS) return "tokens";
  if (metric === SPEND) return "spend";
  return "concurrency";
}

function metricOf(name: string): i32 {
  if (name === "requests") return REQUESTS;
  if (name === "tokens") return TOKENS;
  if (name === "spend") return SPEND;
  if (name === "concurrency") return CONCURRENCY;
  return NO_METRIC;
}

/** At most `amount` of a metric within each window, for one subject. */
export class Limit {
  /** Of its counter: `<subject>:<name>:<metric>:<window>`. */
  readonly id: string;
  readonly metric: i32;
  readonly window: i32;
  /** In the metric's unit. */
  readonly amount: f64;
  /** What the gateway holds of the counter; found once, at the first use. */
  lease: Lease | null = null;

  constructor(id: string, metric: i32, window: i32, amount: f64) {
    this.id = id;
    this.metric = metric;
    this.window = window;
    this.amount = amount;
  }

  /** `key`, `user`, `project`, `model` or `provider`. */
  subject(): string {
    return this.id.substring(0, this.id.indexOf(":"));
  }
}

/** The protocol's list of limits with ids; what is not understood is left out. */
export function readLimits(list: Json | null): Array<Limit> {
  const limits = new Array<Limit>();
  let entry: Json | null = null;
  if (list != null && list.kind === ARRAY) entry = list.first();
  while (entry != null) {
    const limit = readLimit(entry, entry.string("id", ""));
    if (limit != null) limits.push(limit);
    entry = entry.next;
  }
  return limits;
}

/** The limits of a model, which count within each project. */
export function limitsWithin(list: Json | null, project: string, model: string): Array<Limit> {
  const limits = new Array<Limit>();
  let entry: Json | null = null;
  if (list != null && list.kind === ARRAY) entry = list.first();
  while (entry != null) {
    const metric = entry.string("metric", "");
    const window = windowName(windowOf(entry.string("window", "none")));
    const limit = readLimit(entry, "model:" + project + "/" + model + ":" + metric + ":" + window);
    if (limit != null) limits.push(limit);
    entry = entry.next;
  }
  return limits;
}

function readLimit(entry: Json, id: string): Limit | null {
  const metric = metricOf(entry.string("metric", ""));
  const amount = entry.value("amount");
  if (metric === NO_METRIC || amount == null || id.length === 0) return null;
  return new Limit(id, metric, windowOf(entry.string("window", "none")), amount.whole(0));
}
