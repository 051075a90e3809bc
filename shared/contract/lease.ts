/**
 * Leases: how gateways share the limits. The control service counts what each gateway process (epoch) may use of a
 * limit in a window; the gateway spends that in memory and reports.
 */
import { z } from "zod";

/** What a limit counts. */
export const limitMetrics = ["requests", "tokens", "spend", "concurrency"] as const;
export type LimitMetric = (typeof limitMetrics)[number];

/** The windows of limits; none: a balance, or a number of slots. */
export const limitWindows = ["second", "minute", "hour", "day", "month", "none"] as const;
export type LimitWindow = (typeof limitWindows)[number];

/** Whose limit it is; a model's counts within each project, under the name `<project>/<model>`. */
export const limitSubjects = ["key", "user", "project", "model", "provider"] as const;
export type LimitSubject = (typeof limitSubjects)[number];

export const MAX_LEASES_PER_SYNC = 1024;
/** How long an operation waits for a lease when its project says nothing else. */
export const DEFAULT_ADMISSION_WAIT_MS = 400;

/** Which counter is meant, in the parts that its id is made of. */
export interface CounterName {
  readonly subject: LimitSubject;
  readonly name: string;
  readonly metric: LimitMetric;
  readonly window: LimitWindow;
}

/** The id of a counter: `<subject>:<name>:<metric>:<window>`. */
export function counterId({ subject, name, metric, window }: CounterName): string {
  return `${subject}:${name}:${metric}:${window}`;
}

const COUNTER_ID = new RegExp(
  `^(${limitSubjects.join("|")}):(.+):(${limitMetrics.join("|")}):(${limitWindows.join("|")})$`,
);

/** The parts of a counter's id; null for what is none. The name may have colons: models' do. */
export function parseCounterId(id: string): CounterName | null {
  const match = COUNTER_ID.exec(id);
  if (match === null) return null;
  const [, subject, name, metric, window] = match as unknown as [
    string,
    LimitSubject,
    string,
    LimitMetric,
    LimitWindow,
  ];
  return { subject, name, metric, window };
}

const counterIdSchema = z.string().min(1).max(512);

/** Requests, tokens, slots or nano-USD: always whole, never above 2^53. */
const units = z.int().min(0);

/** A limit without its subject: the gateway makes ids of a model's, as `model:<project>/<model>:<metric>:<window>`. */
export const modelLimitSchema = z.object({
  metric: z.enum(limitMetrics),
  window: z.enum(limitWindows),
  amount: units,
});
export type ModelLimit = z.infer<typeof modelLimitSchema>;

/** A limit with the id of its counter. */
export const gatewayLimitSchema = modelLimitSchema.extend({ id: counterIdSchema });
export type GatewayLimit = z.infer<typeof gatewayLimitSchema>;

/** What a gateway reports of one counter in one window, and what it would like to hold of it. */
export const leaseClaimSchema = z.object({
  id: counterIdSchema,
  /** Start of the window in Unix milliseconds, 0 for none. */
  window: units,
  /** Settled for good. */
  spent: units,
  /** Held by operations under way. */
  reserved: units,
  /** What operations are waiting for. */
  need: units.default(0),
  /** What it wants to hold besides, from its recent use. */
  keep: units.default(0),
});
export type LeaseClaim = z.infer<typeof leaseClaimSchema>;

/** Only in syncs that are answered at once; the poll never carries it. It renews the epoch's time to live. */
export const leaseRequestSchema = z.object({
  /** Counts up within an epoch: an older one, or the same again, changes nothing. */
  sequence: z.int().min(1),
  entries: z.array(leaseClaimSchema).max(MAX_LEASES_PER_SYNC).default([]),
  /** The process is gone, and another one brings the records that it left: its balances are what these make them. */
  gone: z.boolean().optional(),
});
export type LeaseRequest = z.infer<typeof leaseRequestSchema>;

export const leaseGrantSchema = z.object({
  id: counterIdSchema,
  window: units,
  /** What the epoch may have spent or reserved in all: absolute, within the window. */
  granted: units,
  /** What is granted to nobody. */
  left: units,
  /** Near the limit: keep nothing idle. */
  edge: z.boolean().default(false),
  /** What was needed and not granted will not come back from anybody: refuse. */
  final: z.boolean().default(false),
});
export type LeaseGrant = z.infer<typeof leaseGrantSchema>;

/**
 * The answer to a lease request. Counters that the control service does not know (any more) are left out: the gateway
 * drops them, and nothing limits what they limited.
 */
export const leaseAnswerSchema = z.union([
  z.object({
    /** The newest sequence that was processed. */
    sequence: z.int().min(0),
    /** That long after sending its last answered lease message a gateway may use nothing that lies idle. */
    ttl_ms: z.int().min(0),
    entries: z.array(leaseGrantSchema),
  }),
  /** The counters cannot be reached: as if the control service could not. */
  z.object({ unavailable: z.literal(true) }),
]);
export type LeaseAnswer = z.infer<typeof leaseAnswerSchema>;
