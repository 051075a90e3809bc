import type { IncomingHttpHeaders } from "node:http";
import {
  type Attempt,
  HOLD,
  LONGEST_ANSWER,
  PASS,
  type ProviderRequest,
  providerError,
  retryAfterOf,
} from "@oneapi/core";
import type { Dispatcher } from "undici";
import { errorEvent } from "./answer.ts";
import { single } from "./credentials.ts";
import { FurtherCalls } from "./further-calls.ts";
import type { Host, Watched } from "./host.ts";
import { optionsOf } from "./outgoing.ts";

/** How long a provider may take to end a stream that is complete; its connection is given up then. */
const END_MS = 1000;
const NOTHING = new Uint8Array(0);

/** Where the answer of an attempt goes. */
export interface Receiver {
  /**
   * The next bytes for the client, `untouched` if they are the provider's own; with `attempt.complete` the last ones. False
   * when the client takes no more at the moment: `delivery.resume` must follow.
   */
  pass(bytes: Uint8Array, given: IncomingHttpHeaders, untouched: boolean): boolean;
  /** The attempt failed before the client got anything. */
  failed(): void;
}

/** One attempt under way: its calls of the provider, and their times. */
export class Delivery implements Dispatcher.DispatchHandler, Watched {
  readonly #host: Host;
  readonly #attempt: Attempt;
  readonly #receiver: Receiver;
  readonly #further: FurtherCalls;
  #controller: Dispatcher.DispatchController | null = null;
  #headers: IncomingHttpHeaders = {};
  /** Of an answer that is looked at once it is whole. */
  #held: Uint8Array[] = [];
  #size = 0;
  #lastAt: number;
  /** The client has its answer, or will have none from here. */
  #over = false;

  constructor(host: Host, attempt: Attempt, receiver: Receiver) {
    this.#host = host;
    this.#attempt = attempt;
    this.#receiver = receiver;
    this.#lastAt = attempt.startedAt;
    this.#further = new FurtherCalls(host, attempt, (bytes) => this.#deliver(bytes, false));
  }

  send(request: ProviderRequest): void {
    this.#host.watch(this);
    this.#host.providers.of(this.#attempt.exchange.provider).dispatch(optionsOf(this.#attempt, request), this);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#over) this.#abort();
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    const attempt = this.#attempt;
    // 1xx only tells that an answer will follow.
    if (status < 200 || this.#over) return;
    this.#headers = headers;
    this.#lastAt = this.#host.clock();
    const encoding = headers["content-encoding"];
    if (encoding !== undefined) attempt.encoded(single(encoding));
    const isStream = (headers["content-type"] ?? "").startsWith("text/event-stream");
    attempt.head(status, isStream, retryAfterOf(headers["retry-after"] ?? "", single(headers["retry-after-ms"])));
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#over) return;
    this.#lastAt = this.#host.clock();
    const attempt = this.#attempt;
    let bytes: Uint8Array = chunk;
    if (!attempt.isStream()) {
      this.#held.push(chunk);
      this.#size += chunk.length;
      if (attempt.isUnsure()) {
        const held = this.#takeHeld();
        attempt.sniff(held, held.length);
        this.#held = [held];
      }
      if (this.#size >= LONGEST_ANSWER) {
        this.#receive(this.#takeHeld(), true);
        this.#abort();
        return;
      }
      if (!attempt.isStream()) return;
      bytes = this.#takeHeld();
    }
    this.#receive(bytes, false);
  }

  onResponseEnd(): void {
    this.#controller = null;
    if (this.#over) this.#host.unwatch(this);
    else this.#receive(this.#attempt.isStream() ? NOTHING : this.#takeHeld(), true);
  }

  onResponseError(): void {
    this.#controller = null;
    if (this.#over) this.#host.unwatch(this);
    else
      this.#lose(
        this.#attempt.status === 0 ? "connection" : "reset",
        "The provider broke off in the middle of its answer.",
      );
  }

  #takeHeld(): Uint8Array {
    const [first = NOTHING] = this.#held;
    const bytes = this.#held.length > 1 ? Buffer.concat(this.#held) : first;
    this.#held = [];
    return bytes;
  }

  /** Hands bytes of the answer to the attempt and does what it says. */
  #receive(bytes: Uint8Array, last: boolean): void {
    const attempt = this.#attempt;
    const out = this.#host.writer();
    const outcome = attempt.data(bytes, bytes.length, last, out, this.#host.clock());
    if (outcome === HOLD) {
      if (!attempt.isStream() && last) this.#further.make();
      return;
    }
    this.#deliver(outcome === PASS ? bytes : out.take(), outcome === PASS);
  }

  #deliver(bytes: Uint8Array, untouched: boolean): void {
    const attempt = this.#attempt;
    if (attempt.failed) {
      this.#fail();
      return;
    }
    if (attempt.complete) this.#end();
    else if (bytes.length === 0) return;
    if (!this.#receiver.pass(bytes, this.#headers, untouched) && !this.#over) this.#controller?.pause();
  }

  #fail(): void {
    this.#end();
    this.#receiver.failed();
  }

  /** The provider is gone, or is given up; a client that has a part of its answer is told. */
  #lose(error: string, message: string): void {
    const attempt = this.#attempt;
    attempt.lost(error, this.#host.clock());
    if (attempt.truncated) {
      this.#end();
      this.#receiver.pass(errorEvent(providerError(message)), this.#headers, false);
    } else this.#fail();
  }

  #end(): void {
    this.#over = true;
    this.#further.cancel();
    if (this.#controller === null) this.#host.unwatch(this);
  }

  /** The client takes more. */
  resume(): void {
    this.#lastAt = this.#host.clock();
    if (this.#controller?.paused === true) this.#controller.resume();
  }

  /** The rest of a stream does not come: the client is told so. */
  breakOff(message: string): void {
    if (this.#over) return;
    this.#lose("gateway stopped", message);
    this.#abort();
  }

  /** Nobody waits for the answer any longer: the provider's work stops at once. */
  cancel(): void {
    this.#end();
    this.#abort();
  }

  #abort(): void {
    this.#host.unwatch(this);
    this.#controller?.abort(new Error("nobody waits for the answer"));
  }

  watch(now: number): void {
    if (this.#over) {
      if (isOver(this.#lastAt, END_MS, now)) this.#abort();
      return;
    }
    if (!this.#isLate(now)) return;
    this.#lose("timeout", "The provider fell silent in the middle of its answer.");
    this.#abort();
  }

  #isLate(now: number): boolean {
    const attempt = this.#attempt;
    const { provider, call } = attempt.exchange;
    if (!attempt.decided) return isOver(attempt.startedAt, provider.patienceMs(call), now);
    // A provider that is told to wait is not silent.
    const idle = this.#controller?.paused !== true && isOver(this.#lastAt, provider.idleMs, now);
    return idle || isOver(attempt.startedAt, provider.totalMs, now);
  }
}

/** Whether `limit` milliseconds (0: no limit) since `from` are over. */
function isOver(from: number, limit: number, now: number): boolean {
  return limit > 0 && now - from >= limit;
}
