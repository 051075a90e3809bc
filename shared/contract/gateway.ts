/**
 * The gateway protocol: `POST /gateway/v1/sync`, one round trip for configuration, keys, leases and usage records.
 *
 * Both sides ignore fields they do not know, so that an old gateway works with a new control service and the other way
 * round. What cannot be understood at all carries another `version`. Sending the same message twice changes nothing.
 */
import { z } from "zod";
import { capabilitiesSchema } from "./capabilities.ts";
import {
  DEFAULT_ADMISSION_WAIT_MS,
  gatewayLimitSchema,
  leaseAnswerSchema,
  leaseRequestSchema,
  modelLimitSchema,
} from "./lease.ts";
import { MAX_OPERATIONS_PER_SYNC, openOperationSchema } from "./operation.ts";
import { gatewayRatesSchema } from "./rates.ts";

export const GATEWAY_PROTOCOL_VERSION = 1;

/** Longest time a sync is held open, milliseconds; a larger `wait_ms` means this. */
export const MAX_WAIT_MS = 30_000;
export const MAX_KEYS_PER_SYNC = 256;
export const MAX_RECORDS_PER_SYNC = 1000;

/** SHA-256 of a key's secret, lower-case hexadecimal. */
export const keyHashSchema = z.string().regex(/^[0-9a-f]{64}$/, "expected a SHA-256 in lower-case hexadecimal");

export const syncRequestSchema = z.object({
  version: z.literal(GATEWAY_PROTOCOL_VERSION, {
    error: `this control service speaks version ${GATEWAY_PROTOCOL_VERSION} of the gateway protocol`,
  }),
  /** Name of the gateway; for Envoy its `node.id`. */
  node: z.string().regex(/^[\x21-\x7e]{1,128}$/, "expected 1 to 128 printable ASCII characters"),
  /** Random identity of one process (or Wasm VM) of the node: a restart starts a new epoch and numbers from 1 again. */
  epoch: z.string().regex(/^[0-9a-f]{1,64}$/, "expected lower-case hexadecimal"),
  kind: z.enum(["envoy", "kong"]),
  /** Version of the configuration held, "" for none. */
  config_version: z.string().max(128).default(""),
  /** Revision of the keys held, -1 for none. */
  key_revision: z.int().min(-1).default(-1),
  /** 0: answer at once. More: hold the answer up to this long until something changes. */
  wait_ms: z.int().min(0).default(0),
  /** Hashes of keys to resolve. */
  keys: z.array(keyHashSchema).max(MAX_KEYS_PER_SYNC).default([]),
  /** Checked one by one (`usageRecordSchema`), so that one bad record does not refuse its neighbours. */
  records: z.array(z.unknown()).max(MAX_RECORDS_PER_SYNC).default([]),
  /** Operations refused for want of a known key since the epoch began: counted, never recorded. */
  unauthenticated: z.object({ sequence: z.int().min(0) }).optional(),
  leases: leaseRequestSchema.optional(),
  /** Operations that wait to be in store before a provider is asked. */
  operations: z.array(openOperationSchema).max(MAX_OPERATIONS_PER_SYNC).default([]),
});
export type SyncRequest = z.infer<typeof syncRequestSchema>;

export const knownKeySchema = z.object({
  hash: keyHashSchema,
  known: z.literal(true),
  /** How long the gateway may use this answer without asking again. */
  ttl_ms: z.int().min(0),
  id: z.string(),
  project: z.string(),
  user: z.string().nullable(),
  /** The effective one: of the key, its user and its project together. */
  status: z.enum(["active", "disabled"]),
  expires_at_ms: z.int().nullable(),
  /** Lists of model patterns; every list must hold a match. No list: nothing restricts the model. */
  models: z.array(z.array(z.string())),
  /** CIDR blocks; none: every address. */
  allowed_ips: z.array(z.string()),
  /** Of the key, its user and its project together; no id comes twice. */
  limits: z.array(gatewayLimitSchema).default([]),
  /** Of the project, as the next three. */
  accounting: z.enum(["leased", "strict"]).default("leased"),
  on_control_loss: z.enum(["fail_closed", "fail_open"]).default("fail_closed"),
  /** Whether models without a price may be used under a limit of spend. */
  unpriced: z.enum(["reject", "allow"]).default("reject"),
  /** What models cost the project, whichever target serves; all others cost what their targets do. */
  prices: z.array(z.object({ model: z.string(), rates: gatewayRatesSchema })).default([]),
  /** How long an operation may wait for a part of a limit that lies idle elsewhere. */
  admission_wait_ms: z.int().min(0).default(DEFAULT_ADMISSION_WAIT_MS),
});

export const unknownKeySchema = z.object({ hash: keyHashSchema, known: z.literal(false), ttl_ms: z.int().min(0) });

export const keyPolicySchema = z.discriminatedUnion("known", [knownKeySchema, unknownKeySchema]);
export type KnownKey = z.infer<typeof knownKeySchema>;
export type KeyPolicy = z.infer<typeof keyPolicySchema>;

export const gatewayProviderSchema = z.object({
  name: z.string(),
  kind: z.string(),
  /** `host` or `host:port`. */
  authority: z.string(),
  /** Whether it is spoken to over TLS. */
  tls: z.boolean(),
  /** Base path without a trailing slash, maybe "". */
  path: z.string(),
  /** Query without its question mark, maybe "". */
  query: z.string(),
  credentials: z.array(z.string()),
  timeouts: z.object({ connect_ms: z.int(), first_token_ms: z.int(), idle_ms: z.int(), total_ms: z.int() }),
  options: z.record(z.string(), z.unknown()),
  limits: z.array(gatewayLimitSchema).default([]),
  disabled: z.boolean(),
});
export type GatewayProvider = z.infer<typeof gatewayProviderSchema>;

export const gatewayTargetSchema = z.object({
  provider: z.string(),
  model: z.string(),
  priority: z.int(),
  weight: z.int(),
  /** What the model accepts; absent: as the newest models of its provider's kind. */
  capabilities: capabilitiesSchema.loose().optional(),
  /** Absent: it has no price. */
  rates: gatewayRatesSchema.optional(),
});
export type GatewayTarget = z.infer<typeof gatewayTargetSchema>;

export const gatewayModelSchema = z.object({
  name: z.string(),
  targets: z.array(gatewayTargetSchema),
  retries: z.int().min(0),
  unsupported: z.enum(["drop", "reject"]),
  limits: z.array(modelLimitSchema).default([]),
  disabled: z.boolean(),
});
export type GatewayModel = z.infer<typeof gatewayModelSchema>;

/** What a gateway needs to serve: everything but keys. Disabled providers and models stay in, marked. */
export const gatewayConfigSchema = z.object({
  version: z.string(),
  providers: z.array(gatewayProviderSchema),
  models: z.array(gatewayModelSchema),
});
export type GatewayConfig = z.infer<typeof gatewayConfigSchema>;

export const syncResponseSchema = z.object({
  version: z.literal(GATEWAY_PROTOCOL_VERSION),
  now_ms: z.int(),
  /** Version that the gateway should hold after this answer. */
  config_version: z.string(),
  /** Only when it differs from the one that the request held. */
  config: gatewayConfigSchema.optional(),
  key_revision: z.int(),
  /** Drop every key held. */
  keys_reset: z.boolean(),
  /** Keys whose policy changed since the revision held: drop them and ask again. */
  changed_keys: z.array(keyHashSchema),
  /** Answers to `keys`, in the order asked. */
  keys: z.array(keyPolicySchema),
  /** Every record 1..n of this (node, epoch) is durable; resend from n+1. */
  acknowledged: z.int().min(0),
  /** Records that could not be understood, at paths like `records[3].usage.prompt_tokens`; acknowledged all the same. */
  rejected: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
  leases: leaseAnswerSchema.optional(),
  /** The request's `operations` are in store. */
  opened: z.boolean().optional(),
  /**
   * Counters to report on now, with idle units returned: another gateway waits for them, or units came free for which
   * this one waits. A poll is answered at once when there are any.
   */
  limits: z.array(z.string()).optional(),
});
export type SyncResponse = z.infer<typeof syncResponseSchema>;
