/** Many gateways and one control service in simulated time, for tests: messages take a while, get lost, come twice. */
import { createHash } from "node:crypto";
import "../../shared/core/target.ts";
import { windowOf, windowStart } from "../../shared/core/admission/window.ts";
import { ByteWriter } from "../../shared/core/byte-writer.ts";
import { Gateway } from "../../shared/core/gateway/gateway.ts";
import { type Operation, READY, REFUSED, WAIT } from "../../shared/core/gateway/operation.ts";
import { Sync } from "../../shared/core/gateway/sync.ts";
import { Json } from "../../shared/core/json.ts";
import { CountersModel } from "./counters-model.ts";

export const START = 1_790_000_000_000;
const KEY = Buffer.from("sk-of-a-fleet-0123456789");
const HASH = createHash("sha256").update(KEY).digest("hex");
const TICK_MS = 20;

export interface FleetSettings {
  gateways: number;
  /** By counter id; those of the key are its policy's limits. */
  amounts: Record<string, number>;
  /** Milliseconds of one way of a message. */
  latency?: () => number;
  /** What becomes of a message or an answer. */
  fate?: () => "arrives" | "lost" | "twice";
  policy?: object;
  target?: object;
}

export interface Outcome {
  at: number;
  gateway: number;
  operation: Operation;
  state: "admitted" | "refused";
  waitedMs: number;
}

export class Fleet {
  readonly control: CountersModel;
  readonly gateways: Gateway[] = [];
  readonly outcomes: Outcome[] = [];
  now = START;
  /** Pushes that the control service has answered. */
  pushes = 0;
  readonly #syncs: Sync[] = [];
  readonly #waiting: { operation: Operation; since: number }[][] = [];
  readonly #settings: FleetSettings;
  readonly #queue: { at: number; order: number; run: () => void }[] = [];
  #order = 0;

  constructor(settings: FleetSettings) {
    this.#settings = settings;
    this.control = new CountersModel(settings.amounts);
    this.control.gateways = settings.gateways;
    for (let index = 0; index < settings.gateways; index++) {
      const epoch = (index + 1).toString(16).padStart(8, "0");
      const gateway = new Gateway(epoch, index + 1);
      this.gateways.push(gateway);
      this.#syncs.push(new Sync(gateway, `node-${index}`, epoch, "envoy"));
      this.#waiting.push([]);
      this.at(START, () => this.#tick(index));
    }
  }

  at(time: number, run: () => void): void {
    const entry = { at: time, order: this.#order++, run };
    let low = 0;
    let high = this.#queue.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const other = this.#queue[middle] as typeof entry;
      if (other.at > time || (other.at === time && other.order > entry.order)) low = middle + 1;
      else high = middle;
    }
    this.#queue.splice(low, 0, entry);
  }

  run(until: number): void {
    for (let next = this.#queue.at(-1); next !== undefined && next.at <= until; next = this.#queue.at(-1)) {
      this.#queue.pop();
      this.now = next.at;
      next.run();
    }
    this.now = until;
  }

  /** A chat at a gateway; `use` tells the tokens that it turns out to take and how long it does. */
  call(index: number, body: object, use: { tokens?: number; lastsMs?: number } = {}): void {
    const gateway = this.gateways[index] as Gateway;
    const operation = gateway.open(this.now);
    if (gateway.authorize(operation, "POST", "/v1/chat/completions", KEY, 0, KEY.length, this.now) !== READY) {
      throw new Error("the key is not known");
    }
    const text = JSON.stringify({ model: "m", messages: [{ role: "user", content: "Hi" }], ...body });
    this.#uses.set(operation, use);
    this.#proceed(index, operation, gateway.submit(operation, Buffer.from(text), this.now), this.now);
    this.#talk(index);
  }

  readonly #uses = new Map<Operation, { tokens?: number; lastsMs?: number }>();

  /** Ends a gateway without a word. */
  kill(index: number): void {
    this.#dead.add(index);
  }

  readonly #dead = new Set<number>();

  count(state: Outcome["state"]): number {
    return this.outcomes.filter((outcome) => outcome.state === state).length;
  }

  #proceed(index: number, operation: Operation, state: number, since: number): void {
    const gateway = this.gateways[index] as Gateway;
    if (state === WAIT) {
      this.#waiting[index]?.push({ operation, since });
      return;
    }
    const admitted = state === READY;
    const waitedMs = this.now - since;
    this.outcomes.push({ at: this.now, gateway: index, operation, state: admitted ? "admitted" : "refused", waitedMs });
    if (state === REFUSED) {
      gateway.close(operation, false, this.now);
      return;
    }
    const { tokens = 0, lastsMs = 0 } = this.#uses.get(operation) ?? {};
    const attempt = gateway.attempt(operation, "", this.now);
    if (attempt === null) throw new Error("no attempt");
    this.at(this.now + lastsMs, () => {
      if (this.#dead.has(index)) return;
      const usage = attempt.exchange.usage;
      usage.source = 1;
      usage.completion = tokens;
      attempt.complete = true;
      gateway.close(operation, false, this.now);
      this.#talk(index);
    });
  }

  #tick(index: number): void {
    if (this.#dead.has(index)) return;
    this.at(this.now + TICK_MS, () => this.#tick(index));
    this.#wake(index);
    this.#talk(index);
  }

  #wake(index: number): void {
    const gateway = this.gateways[index] as Gateway;
    for (const { operation, since } of this.#waiting[index]?.splice(0) ?? []) {
      this.#proceed(index, operation, gateway.resume(operation, this.now), since);
    }
  }

  #talk(index: number): void {
    if (this.#dead.has(index)) return;
    const sync = this.#syncs[index] as Sync;
    const out = new ByteWriter(256);
    if (sync.poll(this.now, out)) this.#send(out, (request) => this.#poll(index, request));
    const push = new ByteWriter(256);
    if (sync.push(this.now, push)) this.#push(index, push);
  }

  #delay(): number {
    return (this.#settings.latency ?? (() => 1))();
  }

  #send(message: ByteWriter, arrived: (request: Record<string, unknown>) => void): void {
    const text = Buffer.from(message.take()).toString();
    this.at(this.now + this.#delay(), () => arrived(JSON.parse(text)));
  }

  #push(index: number, message: ByteWriter): void {
    const sync = this.#syncs[index] as Sync;
    const fate = this.#settings.fate ?? (() => "arrives");
    const there = fate();
    const back = fate();
    const deliver = (request: Record<string, unknown>, answered: (answer: object) => void) => {
      this.pushes += 1;
      answered(this.#answerPush(index, request));
    };
    const fail = () => {
      if (this.#dead.has(index)) return;
      sync.pushFailed(this.now);
      this.#wake(index);
    };
    if (there === "lost") {
      this.at(this.now + 50, fail);
      return;
    }
    this.#send(message, (request) => {
      deliver(request, (answer) => {
        if (back === "lost") return this.at(this.now + 50, fail);
        this.at(this.now + this.#delay(), () => {
          if (this.#dead.has(index)) return;
          sync.pushed(Buffer.from(JSON.stringify(answer)), this.now);
          this.#wake(index);
          this.#talk(index);
        });
      });
      // The same message once more, later than others of the gateway.
      if (there === "twice") this.at(this.now + 300, () => deliver(request, () => {}));
    });
  }

  #answerPush(index: number, request: Record<string, unknown>): object {
    const leases = request.leases as Parameters<CountersModel["answer"]>[1] | undefined;
    const windowFor = (id: string) => windowStart(windowOf(id.slice(id.lastIndexOf(":") + 1)), this.now);
    const records = request.records as { sequence: number }[];
    const answer = {
      version: 1,
      now_ms: this.now,
      key_revision: 0,
      acknowledged: records.at(-1)?.sequence ?? 0,
      ...(leases && { leases: this.control.answer(String(index), leases, windowFor) }),
    };
    this.#tellNotes();
    return answer;
  }

  readonly #held: ((ids: string[]) => void)[] = [];

  #poll(index: number, request: Record<string, unknown>): void {
    if (request.config_version === "") {
      this.#answerPoll(index, [], true);
      return;
    }
    this.#held[index] = (ids) => this.#answerPoll(index, ids, false);
    this.#tellNotes();
  }

  #tellNotes(): void {
    for (const [gateway, ids] of this.control.notes) {
      const index = Number(gateway);
      const tell = this.#held[index];
      if (tell === undefined) continue;
      delete this.#held[index];
      this.control.notes.delete(gateway);
      tell([...ids]);
    }
  }

  #answerPoll(index: number, limits: string[], first: boolean): void {
    const { amounts, policy = {}, target = {} } = this.#settings;
    const keyLimits = Object.entries(amounts).filter(([id]) => /^(key|user|project):/.test(id));
    const described = (list: [string, number][]) =>
      list.map(([id, amount]) => ({ id, metric: id.split(":").at(-2), window: id.split(":").at(-1), amount }));
    const provider = described(Object.entries(amounts).filter(([id]) => id.startsWith("provider:")));
    const config = {
      version: "1",
      providers: [{ name: "p", kind: "openai", authority: "p.example", path: "/v1", limits: provider }],
      models: [{ name: "m", targets: [{ provider: "p", model: "m", ...target }], retries: 0 }],
    };
    const answer = {
      version: 1,
      config_version: "1",
      key_revision: 0,
      limits,
      ...(first && { config }),
    };
    this.at(this.now + this.#delay(), () => {
      if (this.#dead.has(index)) return;
      const gateway = this.gateways[index] as Gateway;
      this.#syncs[index]?.polled(Buffer.from(JSON.stringify(answer)), this.now);
      if (first) {
        gateway.keys.want(HASH);
        gateway.keys.ask();
        const known = {
          hash: HASH,
          known: true,
          ttl_ms: 86_400_000,
          id: "k",
          project: "x",
          status: "active",
          models: [],
        };
        const keys = [{ ...known, limits: described(keyLimits), ...policy }];
        gateway.keys.answer(parse(keys), this.now);
      }
      this.#wake(index);
      this.#talk(index);
    });
  }
}

function parse(value: unknown): Json | null {
  return Json.parse(Buffer.from(JSON.stringify(value)));
}
