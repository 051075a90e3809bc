import { Rates } from "../admission/price.ts";
import { ByteWriter } from "../byte-writer.ts";
import { contentCodingOf } from "../content-coding.ts";
import { IMAGE_EDITS } from "../exchange.ts";
import { hasValidChecksum, isPlausibleKey, isServiceKey } from "../key-format.ts";
import { controlUnavailable, modelNotFound, Problem, unauthorized, unavailable } from "../problem.ts";
import { openExchange } from "../providers/registry.ts";
import { Random } from "../random.ts";
import { detour, pick, Route } from "../route.ts";
import { sha256Hex } from "../sha256.ts";
import { Admission } from "./admission.ts";
import { Attempt } from "./attempt.ts";
import { readBody } from "./body.ts";
import { Config, Model } from "./config.ts";
import { CredentialPools } from "./credentials.ts";
import { endpointOf, MODEL, MODELS, modelOf, NO_ENDPOINT } from "./endpoint.ts";
import { readForm } from "./form-body.ts";
import { KeyCache, KeyPolicy } from "./keys.ts";
import { writeModel, writeModels } from "./models.ts";
import { Openings } from "./openings.ts";
import { ANSWERED, NEED_ADDRESS, Operation, READY, REFUSED, WAIT } from "./operation.ts";
import { Outbox } from "./outbox.ts";
import { estimateUsage, outcomeOf, writeRecord } from "./record.ts";
import { Tally } from "./tally.ts";

const LAST_NUMBER: i32 = 0x7fffffff;
/** How long known keys go on after the control service was lost, unless their project says for how long it may be. */
const LOSS_GRACE_MS: f64 = 10000;
/** How long an operation waits until the control service has it in store, and its end until the record is. */
const OPENING_WAIT_MS: f64 = 2000;
const END_WAIT_MS: f64 = 30000;

/**
 * One gateway process (an Envoy worker's VM, or a Kong plugin's process): what it knows of configuration and keys, and
 * every decision on a client's call. It does no I/O and has no clock: the host carries bytes and passes the time in
 * (Unix milliseconds).
 */
export class Gateway {
  config: Config | null = null;
  readonly keys: KeyCache = new KeyCache();
  readonly outbox: Outbox = new Outbox();
  readonly tally: Tally = new Tally();
  readonly admission: Admission = new Admission();
  readonly openings: Openings = new Openings();
  /** The control service did not answer the last time it was asked. */
  controlLost: boolean = false;
  /** Since when it has not, in Unix milliseconds; 0 while it does. */
  private lostAt: f64 = 0;
  private readonly epoch: string;
  private readonly random: Random;
  private operations: i32 = 0;
  private readonly credentials: CredentialPools = new CredentialPools();

  /** `epoch`: random hexadecimal digits, new with every start; `seed`: any number of the host's randomness. */
  constructor(epoch: string, seed: i32) {
    this.epoch = epoch;
    this.random = new Random(seed);
  }

  /** The control service has answered. */
  controlAnswered(): void {
    this.controlLost = false;
    this.lostAt = 0;
  }

  /** The control service has not answered. */
  controlFailed(now: f64): void {
    this.controlLost = true;
    if (this.lostAt === 0) this.lostAt = now;
  }

  /** A new operation. Its id is unique over all gateways as far as epochs are. */
  open(now: f64): Operation {
    this.operations = this.operations === LAST_NUMBER ? 1 : this.operations + 1;
    return new Operation(this.epoch, this.operations, now);
  }

  /**
   * Decides on a call by its request line and key, `bytes[start, end)` (empty for none). Answers READY, WAIT, REFUSED,
   * ANSWERED or NEED_ADDRESS; after WAIT and NEED_ADDRESS the host calls `resume`.
   */
  authorize(
    operation: Operation,
    method: string,
    path: string,
    bytes: Uint8Array,
    start: i32,
    end: i32,
    now: f64,
  ): i32 {
    const endpoint = endpointOf(path);
    operation.endpoint = endpoint;
    if (endpoint === NO_ENDPOINT) {
      const message = "Unknown request URL: " + method + " " + path + ".";
      return this.turnAway(operation, new Problem(404, "invalid_request_error", "unknown_url", "", message));
    }
    const wanted = endpoint === MODELS || endpoint === MODEL ? "GET" : "POST";
    if (method !== wanted) {
      const message = "Not allowed to " + method + " on " + path + " (use " + wanted + ").";
      return this.turnAway(operation, new Problem(405, "invalid_request_error", "method_not_allowed", "", message));
    }
    if (endpoint === MODEL) operation.path = path;
    if (start >= end) {
      return this.turnAway(
        operation,
        unauthorized("You didn't provide an API key: send it as `Authorization: Bearer YOUR_KEY`.", "invalid_api_key"),
      );
    }
    if (!isPlausibleKey(bytes, start, end)) return this.turnAway(operation, wrongKey());
    operation.hash = sha256Hex(bytes, start, end);
    if (this.keys.find(operation.hash, this.controlLost, now) == null && isServiceKey(bytes, start, end)) {
      if (!hasValidChecksum(bytes, start, end)) return this.turnAway(operation, wrongKey());
    }
    return this.resume(operation, now);
  }

  /** Goes on with a call that waited, for its key or for room in its limits, or whose address has been set. */
  resume(operation: Operation, now: f64): i32 {
    if (operation.order.length > 0) return this.admit(operation, now);
    if (this.config == null) {
      return this.controlLost ? this.turnAway(operation, controlUnavailable()) : WAIT;
    }
    let key = operation.key;
    if (key == null) {
      key = this.keys.find(operation.hash, this.controlLost, now);
      if (key == null) {
        if (this.keys.isUnknown(operation.hash, now)) return this.turnAway(operation, wrongKey());
        if (this.controlLost) return this.turnAway(operation, controlUnavailable());
        return this.keys.want(operation.hash) ? WAIT : this.turnAway(operation, tooManyUnknown());
      }
      // Nor is there room for the record of a refusal.
      if (this.outbox.isFull()) return this.turnAway(operation, noRoom());
      operation.key = key;
    }
    const problem = this.judge(operation, key, now);
    if (problem != null) return this.refuse(operation, problem);
    if (key.bound && operation.address.length === 0) return NEED_ADDRESS;
    if (key.bound && !key.allowsAddress(operation.address)) {
      const message = "This API key may not be used from your address.";
      return this.refuse(operation, new Problem(403, "permission_error", "address_not_allowed", "", message));
    }
    if (operation.endpoint === MODELS || operation.endpoint === MODEL) return this.answerModels(operation, key);
    if (contentCodingOf(operation.contentEncoding) != null) {
      const message = "The body is compressed (`content-encoding`): send it as it is.";
      const type = "invalid_request_error";
      return this.refuse(
        operation,
        new Problem(415, type, "unsupported_content_encoding", "content-encoding", message),
      );
    }
    return READY;
  }

  private judge(_operation: Operation, key: KeyPolicy, now: f64): Problem | null {
    if (!key.active) return unauthorized("This API key has been disabled.", "key_disabled");
    if (key.expiresAt > 0 && now >= key.expiresAt) return unauthorized("This API key has expired.", "key_expired");
    const lost = this.lostAt > 0 && now - this.lostAt >= LOSS_GRACE_MS;
    return lost && !key.failOpen ? controlUnavailable() : null;
  }

  private answerModels(operation: Operation, key: KeyPolicy): i32 {
    const config = this.config!;
    const out = new ByteWriter(1024);
    if (operation.endpoint === MODELS) writeModels(config, key, out);
    else {
      const name = modelOf(operation.path);
      const model = config.model(name);
      if (model == null || model.disabled || !key.allowsModel(name)) {
        operation.problem = modelNotFound(name);
        return REFUSED;
      }
      writeModel(model, out);
    }
    operation.answer = out.take();
    return ANSWERED;
  }

  /**
   * Takes the whole body of a call that is READY: READY to be sent in `operation.order`, REFUSED, or WAIT for room in its
   * limits; after WAIT the host calls `resume`, when the control service has answered and each time the clock ticks.
   */
  submit(operation: Operation, body: Uint8Array, now: f64): i32 {
    const created = Math.floor(now * 0.001) as i32;
    const read =
      operation.endpoint === IMAGE_EDITS
        ? readForm(body, operation.contentType, created)
        : readBody(operation.endpoint, body, created);
    const wrong = read.problem;
    if (wrong != null) return this.refuse(operation, wrong);
    const call = read.call!;
    operation.call = call;
    const model = this.config!.model(call.model);
    const key = operation.key!;
    if (model == null || model.disabled || !key.allowsModel(call.model)) {
      return this.refuse(operation, modelNotFound(call.model));
    }
    operation.model = model;
    operation.order = this.awake(model.route, pick(model.route, this.random), now);
    if (operation.order.length === 0) {
      const message = "No provider of the model `" + call.model + "` is in use.";
      return this.refuse(operation, unavailable(message, "no_target_available"));
    }
    return this.admit(operation, now);
  }

  private admit(operation: Operation, now: f64): i32 {
    const outcome = this.admission.decide(operation, this.config!, this.controlLost, now);
    return outcome === READY && operation.key!.strict && !operation.opened ? this.openInStore(operation, now) : outcome;
  }

  /** Lets no provider be asked before the control service has the operation in store. */
  private openInStore(operation: Operation, now: f64): i32 {
    if (operation.openUntil === 0 && !this.controlLost) {
      operation.openUntil = now + OPENING_WAIT_MS;
      this.openings.add(operation);
      return WAIT;
    }
    if (!this.controlLost && now < operation.openUntil) return WAIT;
    if (operation.key!.failOpen) return READY;
    this.admission.settle(operation, false, 0, 0);
    return this.refuse(operation, controlUnavailable());
  }

  /**
   * The order with the first target before all others that has a credential which does not rest. When there is none, the
   * one that has it soonest.
   */
  private awake(route: Route, order: Array<i32>, now: f64): Array<i32> {
    let first: i32 = 0;
    let soonest: f64 = 0;
    for (let place: i32 = 0; place < order.length; place++) {
      const provider = this.config!.provider(route.targets[order[place] as i32]!.provider);
      const until: f64 = provider == null ? 0 : this.credentials.restsUntil(provider, now);
      if (until === 0) return detour(route, order, place);
      if (place === 0 || until < soonest) {
        first = place;
        soonest = until;
      }
    }
    return detour(route, order, first);
  }

  /** The cluster that tries the operation's targets in their order. */
  cluster(operation: Operation): string {
    const model: Model = operation.model!;
    return model.cluster(operation.order);
  }

  /**
   * How long each of the operation's attempts may take until it is decided, in milliseconds; 0: for ever. Envoy knows one such time for
   * all attempts of a request: that of the first target's provider counts.
   */
  patience(operation: Operation): i32 {
    const first = operation.model!.route.targets[operation.order[0] as i32]!;
    const provider = this.config!.provider(first.provider);
    return provider == null ? 0 : provider.patienceMs(operation.call!);
  }

  /**
   * Begins the attempt with `provider` (empty: whichever is next), the first of the operation's targets with it that has
   * not been tried. Null when there is none.
   */
  attempt(operation: Operation, provider: string, now: f64): Attempt | null {
    const model = operation.model;
    const call = operation.call;
    const config = this.config;
    if (model == null || call == null || config == null) return null;
    const previous = operation.last();
    if (previous != null) {
      previous.lost("no answer", now);
      this.credentials.settle(previous);
    }
    const tried = operation.attempts.length;
    let place = tried < operation.order.length ? tried : -1;
    if (place < 0) return null;
    let target = model.route.targets[operation.order[place] as i32]!;
    if (provider.length > 0 && target.provider !== provider) {
      place = this.placeOf(operation, model, provider);
      if (place < 0) return null;
      target = model.route.targets[operation.order[place] as i32]!;
    }
    const settings = config.provider(target.provider);
    if (settings == null) return null;
    if (tried > 0 && !this.admission.next(operation, settings.limits, now)) {
      operation.problem = providerFull();
      return null;
    }
    const exchange = openExchange(call, settings, target.model);
    if (exchange == null) return null;
    exchange.strict = model.strict;
    exchange.capabilities = target.capabilities;
    const attempt = new Attempt(operation.id, exchange, this.credentials.next(settings, now, operation.attempts), now);
    attempt.rates = operation.key!.ratesOf(model.name, target.rates);
    operation.attempts.push(attempt);
    this.tally.attempts++;
    return attempt;
  }

  /** Envoy may have passed over a provider whose hosts are gone: the first place with `provider` that is not tried yet. */
  private placeOf(operation: Operation, model: Model, provider: string): i32 {
    for (let i: i32 = operation.attempts.length; i < operation.order.length; i++) {
      if (model.route.targets[operation.order[i] as i32]!.provider === provider) return i;
    }
    return -1;
  }

  /** The operation is over: writes its record, once. `clientLeft`: the client went before it had its whole answer. */
  close(operation: Operation, clientLeft: boolean, now: f64): void {
    if (operation.closed) return;
    operation.closed = true;
    operation.closedAt = now;
    const last = operation.last();
    if (last != null) this.credentials.settle(last);
    const outcome = outcomeOf(operation, clientLeft);
    if (last != null) estimateUsage(last, outcome);
    this.settle(operation, last);
    if (operation.key == null || operation.endpoint === MODELS || operation.endpoint === MODEL) return;
    operation.sequence = this.outbox.next();
    writeRecord(operation, outcome, operation.sequence, now, this.outbox.open());
    this.outbox.added();
    if (operation.key!.strict) this.outbox.urgent = true;
    this.tally.count(operation, outcome);
  }

  /**
   * Whether the end of the operation's answer may go to the client: with `accounting: strict` its record, which `close` has
   * written, must be stored before; but a client does not wait for a lost control service for ever.
   */
  mayEnd(operation: Operation, now: f64): boolean {
    const key = operation.key;
    if (key == null || !key.strict || operation.sequence === 0) return true;
    if (this.outbox.isStored(operation.sequence)) return true;
    if (this.controlLost && key.failOpen) return true;
    return now >= operation.closedAt + END_WAIT_MS;
  }

  private settle(operation: Operation, last: Attempt | null): void {
    if (operation.reservation == null) return;
    let tokens: f64 = 0;
    let spend: f64 = 0;
    if (last != null) {
      const usage = last.exchange.usage;
      const rates: Rates | null = last.rates;
      tokens = (usage.prompt as f64) + (usage.completion as f64);
      if (rates != null) spend = rates.cost(usage);
    }
    this.admission.settle(operation, last != null, tokens, spend);
  }

  /** Refuses for want of a known key, or of room for a record: counted, not recorded. */
  private turnAway(operation: Operation, problem: Problem): i32 {
    operation.problem = problem;
    if (problem.status === 401) {
      this.keys.refusals++;
      this.tally.unauthorized++;
    }
    return REFUSED;
  }

  private refuse(operation: Operation, problem: Problem): i32 {
    operation.problem = problem;
    return REFUSED;
  }
}

function wrongKey(): Problem {
  return unauthorized("Incorrect API key provided.", "invalid_api_key");
}

/** The next target's provider has no room either, and nobody can wait in the middle of an operation. */
function providerFull(): Problem {
  const message = "Rate limit reached for the model's providers; try again later.";
  const problem = new Problem(429, "requests", "rate_limit_exceeded", "", message);
  problem.retryAfter = 1;
  return problem;
}

/** The control service has not taken usage records for long. */
function noRoom(): Problem {
  const message = "Too many usage records wait for the gateway's control service; try again later.";
  const problem = unavailable(message, "control_unavailable");
  problem.retryAfter = 5;
  return problem;
}

function tooManyUnknown(): Problem {
  const problem = unavailable("Too many unknown API keys are being checked; try again later.", "too_many_unknown_keys");
  problem.retryAfter = 1;
  return problem;
}
