/** What a runner of an official SDK is given, and what it gives back: JSON, the same for every language. */
import type { JsonObject } from "../../upstream/answer.ts";
import type { Behaviour } from "../../upstream/script.ts";

export type Call = "chat" | "completion" | "embeddings" | "images" | "edit" | "models" | "model";

/**
 * One call of the SDK with these arguments. Among the messages `$asked` stands for those of the step before, `$said` for what
 * the SDK gave as its answer, `$results` for `r0`, `r1`… as the results of its calls, and nothing else is carried over.
 * An image that is to be edited is given as the base64 of a PNG.
 */
export interface Step {
  call: Call;
  with: JsonObject;
}

export interface Job {
  /** The fake provider; scripted for the time of the job. */
  upstream: string;
  script: Behaviour[];
  steps: Step[];
}

export interface Work {
  baseUrl: string;
  key: string;
  jobs: Job[];
}

/** What came of one step, as far as it can be compared. Absent: the call has no such thing. */
export interface Outcome {
  text?: string | null;
  reasoning?: string | null;
  finish?: string | null;
  /** How many. */
  choices?: number;
  calls?: { name: string; arguments: unknown }[];
  /** Tokens of the prompt and of the answer. */
  usage?: [prompt: number, completion: number] | null;
  /** Chunks of a stream that told usage. */
  usage_chunks?: number;
  /** Of every vector its first number and its length. */
  vectors?: [first: number, length: number][];
  /** `url` or `b64_json`; of a stream its events. */
  images?: string[];
  models?: string[];
  error?: Thrown;
}

/** What the SDK threw. */
export interface Thrown {
  /** Name of the SDK's exception. */
  thrown: string;
  status: number | null;
  type: string | null;
  code: string | null;
  param: string | null;
  message: string;
  retry_after: string | null;
}
