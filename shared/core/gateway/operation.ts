import { ClientRequest } from "../exchange.ts";
import { Problem } from "../problem.ts";
import { Attempt } from "./attempt.ts";
import { Model } from "./config.ts";
import { NO_ENDPOINT } from "./endpoint.ts";
import { KeyPolicy } from "./keys.ts";

/** The host may go on: with the body after `authorize`, with the first attempt after `submit`. */
export const READY: i32 = 0;
/** The host waits for the next sync and asks again. */
export const WAIT: i32 = 1;
/** `problem` is the answer. */
export const REFUSED: i32 = 2;
/** `answer` is the answer, with status 200: no provider is asked. */
export const ANSWERED: i32 = 3;
/** The client's address is wanted: set `address` and ask again. */
export const NEED_ADDRESS: i32 = 4;

/** One client call, from its first header to its record. */
export class Operation {
  /** Also the `x-request-id` that the client gets. */
  readonly id: string;
  readonly startedAt: f64;
  /** An `ENDPOINT` of `endpoint.ts` or `exchange.ts`. */
  endpoint: i32 = NO_ENDPOINT;
  /** The model of `GET /v1/models/{id}`. */
  path: string = "";
  /** SHA-256 of the key. */
  hash: string = "";
  key: KeyPolicy | null = null;
  /** The client's address, set when the host was asked for it. */
  address: string = "";
  call: ClientRequest | null = null;
  model: Model | null = null;
  /** Indexes into the route's targets, in the order in which they may be tried. */
  order: Array<i32> = new Array<i32>();
  readonly attempts: Array<Attempt> = new Array<Attempt>();
  problem: Problem | null = null;
  answer: Uint8Array = new Uint8Array(0);
  /** The record has been written. */
  closed: boolean = false;

  constructor(id: string, now: f64) {
    this.id = id;
    this.startedAt = now;
  }

  /** The attempt that was begun last, or null. */
  last(): Attempt | null {
    const count = this.attempts.length;
    return count === 0 ? null : this.attempts[count - 1]!;
  }
}
