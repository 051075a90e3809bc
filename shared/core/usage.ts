import { NO_BYTES } from "./bytes.ts";

export const USAGE_NONE: i32 = 0;
/** The provider said so. */
export const USAGE_PROVIDER: i32 = 1;
/** Counted here, without the model's vocabulary: the client left, or the provider said nothing. */
export const USAGE_ESTIMATE: i32 = 2;

/** What an operation used, in tokens (and images). Cached and written tokens are part of `prompt`, reasoning of `completion`. */
export class Usage {
  prompt: i32 = 0;
  cached: i32 = 0;
  cacheWrite: i32 = 0;
  completion: i32 = 0;
  reasoning: i32 = 0;
  images: i32 = 0;
  source: i32 = USAGE_NONE;
  /** The provider's own usage object, as JSON; empty when it gave none. */
  raw: Uint8Array = NO_BYTES;
}

export function usageSourceName(source: i32): string {
  if (source === USAGE_PROVIDER) return "provider";
  if (source === USAGE_ESTIMATE) return "estimate";
  return "none";
}
