import { Limit } from "../admission/limit.ts";
import { Reservation } from "../admission/reservation.ts";
import { asciiText, NO_BYTES } from "../bytes.ts";
import { ClientRequest } from "../exchange.ts";
import { hexValue } from "../json-scan.ts";
import { Problem } from "../problem.ts";
import { Attempt } from "./attempt.ts";
import { Model } from "./config.ts";
import { Demand } from "./demand.ts";
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

const ID_PREFIX: string = "req_";
const NUMBER_DIGITS: i32 = 8;

const digits: Uint8Array = new Uint8Array(NUMBER_DIGITS);

/** The number as eight hexadecimal digits. */
function hexNumber(number: i32): string {
  for (let i: i32 = 0; i < NUMBER_DIGITS; i++) {
    const digit = (number >>> (28 - (i << 2))) & 15;
    digits[i] = (digit < 10 ? 0x30 + digit : 0x57 + digit) as u8;
  }
  return asciiText(digits, 0, NUMBER_DIGITS);
}

/** The number at the end of an operation's id, `bytes[0, size)`; 0, which no operation has, when there is none. */
export function operationNumber(size: i32, bytes: Uint8Array): i32 {
  if (size <= NUMBER_DIGITS) return 0;
  let number: i32 = 0;
  for (let at: i32 = size - NUMBER_DIGITS; at < size; at++) {
    const digit = hexValue(bytes[at] as i32);
    if (digit < 0) return 0;
    number = (number << 4) | digit;
  }
  return number;
}

/** One client call, from its first header to its record. */
export class Operation {
  /** `req_`, the gateway's epoch, and the number; also the `x-request-id` that the client gets. */
  readonly id: string;
  /** Which operation of its gateway this is. */
  readonly number: i32;
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
  /** The request's `content-encoding`, set by the host; empty when it has none. */
  contentEncoding: string = "";
  /** The request's `content-type`, set by the host for a call whose body is no JSON: IMAGE_EDITS. */
  contentType: string = "";
  call: ClientRequest | null = null;
  model: Model | null = null;
  /** Indexes into the route's targets, in the order in which they may be tried. */
  order: Array<i32> = new Array<i32>();
  readonly attempts: Array<Attempt> = new Array<Attempt>();
  problem: Problem | null = null;
  /** What it takes of the limits that bind it; null when none does. */
  reservation: Reservation | null = null;
  /** Of the limits of the provider of the present attempt, if that is not the first. */
  furtherReservation: Reservation | null = null;
  demand: Demand | null = null;
  /** The limit that refused it. */
  limited: Limit | null = null;
  refusedByProvider: boolean = false;
  /** Providers whose limits had no room for it. */
  readonly fullProviders: Array<string> = new Array<string>();
  /** When it last asked for its reservation. */
  askedAt: f64 = 0;
  answer: Uint8Array = NO_BYTES;
  /** The control service has it in store, as `accounting: strict` wants. */
  opened: boolean = false;
  /** Until when it waits for that; 0 while it does not. */
  openUntil: f64 = 0;
  /** The record has been written. */
  closed: boolean = false;
  closedAt: f64 = 0;
  /** The record's sequence number; 0 while there is none. */
  sequence: f64 = 0;

  constructor(epoch: string, number: i32, now: f64) {
    this.number = number;
    this.id = ID_PREFIX + epoch + hexNumber(number);
    this.startedAt = now;
  }

  /** The attempt that was begun last, or null. */
  last(): Attempt | null {
    const count = this.attempts.length;
    return count === 0 ? null : this.attempts[count - 1]!;
  }
}
