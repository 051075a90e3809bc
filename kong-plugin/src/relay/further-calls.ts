import type { IncomingHttpHeaders } from "node:http";
import { type Attempt, HOLD, LONGEST_ANSWER, type ProviderRequest, retryAfterOf } from "@oneapi/core";
import type { Dispatcher } from "undici";
import { single } from "./credentials.ts";
import type { Host } from "./host.ts";
import { optionsOf } from "./outgoing.ts";

/** The calls that an attempt makes after its first one, for a whole answer that takes several. */
export class FurtherCalls {
  readonly #host: Host;
  readonly #attempt: Attempt;
  readonly #complete: (bytes: Uint8Array) => void;
  readonly #underWay = new Set<FurtherCall>();
  readonly #timers = new Set<NodeJS.Timeout>();

  /** `complete` gets the client's answer, good or bad, once. */
  constructor(host: Host, attempt: Attempt, complete: (bytes: Uint8Array) => void) {
    this.#host = host;
    this.#attempt = attempt;
    this.#complete = complete;
  }

  /** Makes the calls that the attempt names now. */
  make(): void {
    for (let request = this.#attempt.further(); request !== null; request = this.#attempt.further()) {
      if (request.waitMs === 0) this.#send(request);
      else this.#sendLater(request);
    }
  }

  #sendLater(request: ProviderRequest): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.#send(request);
    }, request.waitMs);
    this.#timers.add(timer);
  }

  #send(request: ProviderRequest): void {
    const call = new FurtherCall((status, body, retryAfter) => {
      this.#underWay.delete(call);
      this.#answered(request.part, status, body, retryAfter);
    });
    this.#underWay.add(call);
    const { provider } = this.#attempt.exchange;
    this.#host.providers.of(provider).dispatch(optionsOf(this.#attempt, request), call);
  }

  #answered(part: number, status: number, body: Uint8Array, retryAfter: string): void {
    const attempt = this.#attempt;
    if (attempt.complete) return;
    const out = this.#host.writer();
    const outcome = attempt.part(part, status, body, retryAfter, out, this.#host.clock());
    if (outcome === HOLD) this.make();
    else this.#complete(out.take());
  }

  /** Nobody waits for their answers any longer. */
  cancel(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    for (const call of this.#underWay) call.cancel();
    this.#underWay.clear();
  }
}

/** Gathers the whole answer to one call. */
class FurtherCall implements Dispatcher.DispatchHandler {
  readonly #answered: (status: number, body: Uint8Array, retryAfter: string) => void;
  readonly #parts: Buffer[] = [];
  #controller: Dispatcher.DispatchController | null = null;
  #status = 0;
  #retryAfter = "";
  #size = 0;
  #cancelled = false;

  /** `answered` is called once, with status 0 when no answer came. */
  constructor(answered: (status: number, body: Uint8Array, retryAfter: string) => void) {
    this.#answered = answered;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#cancelled) this.cancel();
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    this.#status = status;
    this.#retryAfter = retryAfterOf(headers["retry-after"] ?? "", single(headers["retry-after-ms"]));
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#parts.push(chunk);
    this.#size += chunk.length;
    if (this.#size > LONGEST_ANSWER) controller.abort(new Error("the answer is too long"));
  }

  onResponseEnd(): void {
    if (!this.#cancelled) this.#answered(this.#status, Buffer.concat(this.#parts), this.#retryAfter);
  }

  onResponseError(): void {
    if (!this.#cancelled) this.#answered(0, new Uint8Array(0), "");
  }

  cancel(): void {
    this.#cancelled = true;
    this.#controller?.abort(new Error("nobody waits for the answer"));
  }
}
