import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import { ANSWERED, IMAGE_EDITS, NEED_ADDRESS, type Operation, Problem, READY, unavailable, WAIT } from "@oneapi/core";
import { addProviderHeaders, addUsageHeaders, explain, operationHeaders, sendJson, sendProblem } from "./answer.ts";
import { keyOf, single } from "./credentials.ts";
import { Delivery, type Receiver } from "./delivery.ts";
import type { Ending, Host, Waiting } from "./host.ts";
import type { Wishes } from "./tickets.ts";

/** Largest request body (bytes); what is larger gets 413. */
const MOST_BODY = 50 * 1024 * 1024;

/** One client's call: from its headers to the last byte of its answer. */
export class Call implements Waiting, Ending, Receiver {
  readonly #host: Host;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #wishes: Wishes;
  readonly #operation: Operation;
  #parts: Buffer[] = [];
  #size = 0;
  /** The body is here. */
  #complete = false;
  /** Key and headers are in order: only the body is missing. */
  #admitted = false;
  #answered = false;
  /** The place in the operation's order of targets that is tried next. */
  #place = 0;
  #delivery: Delivery | null = null;
  /** The last bytes of an answer whose record must be safe first. */
  #heldEnd: Uint8Array | null = null;

  constructor(host: Host, request: IncomingMessage, response: ServerResponse, wishes: Wishes) {
    this.#host = host;
    this.#request = request;
    this.#response = response;
    this.#wishes = wishes;
    this.#operation = host.gateway.open(host.clock());
  }

  start(): void {
    const { headers, method = "", url = "" } = this.#request;
    const operation = this.#operation;
    this.#host.calls.add(this);
    this.#request.on("data", (part: Buffer) => this.#take(part));
    this.#request.on("end", () => this.#bodyEnded());
    // What is wrong with the client's connection shows as its end.
    this.#request.on("error", () => {});
    this.#response.on("close", () => this.#closed());
    this.#response.on("drain", () => this.#delivery?.resume());
    operation.contentEncoding = headers["content-encoding"] ?? "";
    const key = Buffer.from(this.#wishes.key ?? keyOf(headers), "latin1");
    const now = this.#host.clock();
    const outcome = this.#host.gateway.authorize(operation, method, pathOf(url), key, 0, key.length, now);
    if (operation.endpoint === IMAGE_EDITS) operation.contentType = headers["content-type"] ?? "";
    this.#advance(outcome, now);
  }

  #take(part: Buffer): void {
    if (this.#answered) return;
    this.#size += part.length;
    this.#parts.push(part);
    if (this.#size > MOST_BODY) this.#refuse(tooLarge());
  }

  #bodyEnded(): void {
    this.#complete = true;
    if (this.#admitted) this.#submit();
  }

  wake(now: number): void {
    const operation = this.#operation;
    const outcome = this.#host.gateway.resume(operation, now);
    if (operation.order.length > 0) this.#decided(outcome);
    else this.#advance(outcome, now);
  }

  /** Acts on what the gateway decided of the headers. */
  #advance(outcome: number, now: number): void {
    const operation = this.#operation;
    let decided = outcome;
    if (decided === NEED_ADDRESS) {
      // Kong knows whom to trust with forwarded addresses, and tells here which one is the client's.
      operation.address = single(this.#request.headers["x-real-ip"]) || (this.#request.socket.remoteAddress ?? "");
      decided = this.#host.gateway.resume(operation, now);
    }
    if (decided === WAIT) this.#host.wait(this);
    else if (decided === ANSWERED) this.#answer();
    else if (decided !== READY) this.#refuse(explain(operation));
    else {
      this.#admitted = true;
      if (Number(this.#request.headers["content-length"] ?? 0) > MOST_BODY) this.#refuse(tooLarge());
      else if (this.#complete) this.#submit();
    }
  }

  #submit(): void {
    if (this.#answered) return;
    const [first = Buffer.alloc(0)] = this.#parts;
    const body = this.#parts.length > 1 ? Buffer.concat(this.#parts, this.#size) : first;
    this.#parts = [];
    this.#decided(this.#host.gateway.submit(this.#operation, body, this.#host.clock()));
  }

  /** Acts on what the gateway decided of the body and the limits. */
  #decided(outcome: number): void {
    if (outcome === WAIT) this.#host.wait(this);
    else if (outcome === READY) this.#tryNext();
    else this.#refuse(explain(this.#operation));
  }

  /** Begins the attempt with the next target that there is; when there is none, the client is told. */
  #tryNext(): void {
    const operation = this.#operation;
    const targets = operation.model?.route.targets ?? [];
    while (this.#place < operation.order.length) {
      const target = targets[operation.order[this.#place++] as number];
      const attempt = this.#host.gateway.attempt(operation, target?.provider ?? "", this.#host.clock());
      // Its provider has no room, or is gone.
      if (attempt === null) continue;
      operation.problem = null;
      const request = attempt.request();
      // The target cannot express the call: the client is told, and no other target is asked.
      if (request === null) break;
      this.#delivery = new Delivery(this.#host, attempt, this);
      this.#delivery.send(request);
      return;
    }
    this.#refuse(explain(operation));
  }

  failed(): void {
    const problem = this.#operation.last()?.problem ?? null;
    this.#delivery = null;
    if (problem === null || problem.retryable) this.#tryNext();
    else this.#refuse(problem);
  }

  pass(bytes: Uint8Array, given: IncomingHttpHeaders, untouched: boolean): boolean {
    const attempt = this.#operation.last();
    if (this.#response.destroyed || attempt === null) return true;
    if (!this.#answered) this.#sendHead(bytes, given, untouched);
    if (!attempt.complete) return this.#response.write(bytes);
    this.#delivery = null;
    if (attempt.truncated || !this.#mustHold()) this.#finish(bytes);
    else {
      this.#heldEnd = bytes;
      this.#host.waitForStore(this);
    }
    return true;
  }

  #sendHead(bytes: Uint8Array, given: IncomingHttpHeaders, untouched: boolean): void {
    const attempt = this.#operation.last();
    if (attempt === null) return;
    const headers = this.#headers();
    addProviderHeaders(headers, attempt, given, untouched);
    if (this.#wishes.modelHeader) {
      headers["x-kong-llm-model"] = `${attempt.exchange.provider.name}/${attempt.exchange.model}`;
    }
    if (!attempt.answersStream()) {
      headers["content-length"] = bytes.length;
      if (this.#wishes.usageHeaders) addUsageHeaders(headers, attempt.exchange.usage);
    }
    this.#answered = true;
    this.#response.writeHead(attempt.shownStatus(), headers);
  }

  #headers() {
    const { leases } = this.#host.gateway.admission;
    return operationHeaders(this.#operation, leases.time(this.#host.clock()));
  }

  /** Whether the record must be safe before the client has the end of its answer. */
  #mustHold(): boolean {
    if (!this.#host.holdsEnd(this.#operation)) return false;
    this.#host.close(this.#operation, false);
    return !this.#host.mayEnd(this.#operation, this.#host.clock());
  }

  end(now: number): boolean {
    if (!this.#host.mayEnd(this.#operation, now)) return false;
    this.#finish(this.#heldEnd ?? new Uint8Array(0));
    return true;
  }

  #finish(bytes: Uint8Array): void {
    this.#host.close(this.#operation, false);
    this.#response.end(bytes);
  }

  /** The gateway's own answer. */
  #answer(): void {
    this.#answered = true;
    this.#host.close(this.#operation, false);
    sendJson(this.#response, 200, this.#operation.answer, this.#headers());
  }

  #refuse(problem: Problem): void {
    if (this.#answered) return;
    this.#answered = true;
    this.#parts = [];
    if (this.#operation.last() === null) this.#operation.problem = problem;
    this.#host.close(this.#operation, false);
    sendProblem(this.#response, problem, this.#headers());
  }

  /** The gateway ends before the call does: the client is told, and the record says how far it came. */
  breakOff(): void {
    const message = "The gateway is being restarted; try again.";
    if (this.#operation.last()?.decided === true)
      this.#delivery?.breakOff("The gateway was restarted in the middle of its answer.");
    else {
      this.#delivery?.cancel();
      this.#operation.last()?.lost("gateway stopped", this.#host.clock());
      this.#refuse(unavailable(message, "gateway_restarting"));
    }
  }

  /** The client's connection is done with this call, or gone. */
  #closed(): void {
    this.#host.calls.delete(this);
    this.#host.leave(this);
    const answered = this.#response.writableFinished || (this.#operation.last()?.complete ?? false);
    this.#host.close(this.#operation, !answered);
    this.#delivery?.cancel();
    this.#delivery = null;
  }
}

function tooLarge(): Problem {
  return new Problem(413, "invalid_request_error", "request_too_large", "", "The request body is larger than 50 MiB.");
}

/** The path without its query, a slash at a time. */
function pathOf(url: string): string {
  return url.replace(/\?.*/s, "").replace(/\/{2,}/g, "/");
}
