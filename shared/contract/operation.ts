/** Operations of projects with `accounting: strict`: the control service has them in store before a provider is asked. */
import { z } from "zod";
import { MAX_COUNT, MAX_TIME_MS } from "./record.ts";

export const MAX_OPERATIONS_PER_SYNC = 500;

const name = z.string().min(1).max(256);

export const openOperationSchema = z.object({
  operation_id: name,
  created_at_ms: z.int().min(0).max(MAX_TIME_MS),
  key: name,
  project: name,
  user: name.nullable().default(null),
  endpoint: name,
  stream: z.boolean(),
  requested_model: z.string().max(4096),
  /** Of the target that is tried first. */
  served_model: z.string().max(1024),
  provider: name,
  /** By estimate. */
  prompt_tokens: z.int().min(0).max(MAX_COUNT),
});
export type OpenOperation = z.infer<typeof openOperationSchema>;
