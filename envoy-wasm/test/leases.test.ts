/** Limits over several VMs of the shipped module, in simulated time: what test/admission shows of the core alone. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { windowOf, windowStart } from "../../shared/core/admission/window.ts";
import { ControlStandIn } from "../../shared/vectors/control.ts";
import { CountersModel } from "../../test/admission/counters-model.ts";
import { Envoy, type ProviderAnswer } from "./envoy.ts";
import type { Exchange } from "./exchange.ts";
import type { HttpCall } from "./host.ts";
import { loadModule } from "./module.ts";
import { requestHeaders } from "./wasm-runner.ts";

const module = loadModule();
const TICK_MS = 20;
const LIMIT = "project:vectors:requests:minute";
const SETTING = {
  targets: [
    { name: "p", kind: "openai", baseUrl: "https://p.example/v1", model: "demo", credential: "secret", options: {} },
  ],
  unsupported: "drop" as const,
};
const BODY = Buffer.from(JSON.stringify({ model: "demo", messages: [{ role: "user", content: "Hi" }] }));
const ANSWER = Buffer.from(JSON.stringify({ object: "chat.completion", choices: [] }));
const ANSWERED: ProviderAnswer = {
  status: 200,
  headers: [
    ["content-type", "application/json"],
    ["content-length", String(ANSWER.length)],
  ],
  pieces: [ANSWER],
  end: "end",
};

type Fate = "arrives" | "lost" | "twice";

/** Four VMs and the counters that they share; messages take their time, get lost, come twice. */
class Fleet {
  readonly counters: CountersModel;
  readonly exchanges: Exchange[] = [];
  readonly #envoys: Envoy[];
  readonly #controls: ControlStandIn[];
  readonly #polls: (HttpCall | null)[];
  #fate: () => Fate;
  #delay: () => number;
  #due: { at: number; run: () => void }[] = [];

  constructor(amount: number, fate: () => Fate = () => "arrives", delay: () => number = () => 1) {
    this.counters = new CountersModel({ [LIMIT]: amount });
    this.counters.gateways = 4;
    this.#fate = () => "arrives";
    this.#delay = () => 1;
    this.#controls = [1, 2, 3, 4].map(() => new ControlStandIn(SETTING));
    this.#envoys = this.#controls.map(
      (_, index) => new Envoy(module, { provider: () => ANSWERED, control: () => null }, index + 1),
    );
    this.#polls = this.#envoys.map(() => null);
    // All have their configuration before anything happens to messages.
    this.run(200);
    this.#fate = fate;
    this.#delay = delay;
  }

  get now(): number {
    return Number((this.#envoys[0] as Envoy).host.time / 1_000_000n);
  }

  at(ms: number, run: () => void): void {
    this.#due.push({ at: this.now + ms, run });
  }

  call(gateway: number): void {
    const headers = requestHeaders({ method: "POST", path: "/v1/chat/completions", headers: {}, body: BODY });
    this.exchanges.push((this.#envoys[gateway] as Envoy).send(headers, [BODY]));
  }

  run(ms: number): void {
    for (let passed = 0; passed < ms; passed += TICK_MS) {
      for (const envoy of this.#envoys) envoy.tick(TICK_MS);
      const due = this.#due.filter(({ at }) => at <= this.now);
      this.#due = this.#due.filter(({ at }) => at > this.now);
      for (const { run } of due) run();
      for (const index of this.#envoys.keys()) this.#carry(index);
    }
  }

  count(status: number): number {
    return this.exchanges.filter(({ client }) => client.status === status).length;
  }

  granted(): number {
    return this.counters.granted(LIMIT, windowStart(windowOf("minute"), this.now));
  }

  #carry(index: number): void {
    const envoy = this.#envoys[index] as Envoy;
    const answer = (call: HttpCall, status: number, body: object = {}) => {
      envoy.answer(call, status, Buffer.from(JSON.stringify(body)));
      envoy.settle();
    };
    for (const call of envoy.host.calls.splice(0)) {
      const request = JSON.parse(call.body.toString());
      const base = this.#controls[index]?.answer(call.body) ?? null;
      if (base === null) this.#polls[index] = call;
      else if (request.wait_ms > 0) answer(call, 200, JSON.parse(base.toString()));
      else this.#push(index, request, JSON.parse(base.toString()), (status, body) => answer(call, status, body));
    }
    const poll = this.#polls[index];
    const notes = this.counters.notes.get(String(index));
    if (poll == null || notes === undefined) return;
    this.#polls[index] = null;
    this.counters.notes.delete(String(index));
    answer(poll, 200, { version: 1, now_ms: this.now, config_version: "1", key_revision: 1, limits: [...notes] });
  }

  #push(
    index: number,
    request: { leases?: object },
    base: object,
    answer: (status: number, body: object) => void,
  ): void {
    const there = this.#fate();
    const back = this.#fate();
    const fail = () => this.at(3 * TICK_MS, () => answer(0, {}));
    if (there === "lost") {
      fail();
      return;
    }
    const deliver = () => {
      const leases = request.leases as Parameters<CountersModel["answer"]>[1] | undefined;
      const windowFor = () => windowStart(windowOf("minute"), this.now);
      return leases && this.counters.answer(String(index), leases, windowFor);
    };
    // The same message once more, later than others of the gateway.
    if (there === "twice") this.at(300, deliver);
    this.at(this.#delay(), () => {
      const leases = deliver();
      if (back === "lost") return fail();
      const limits = [{ id: LIMIT, metric: "requests", window: "minute", amount: this.counters.amounts[LIMIT] }];
      const { keys } = base as { keys: object[] };
      this.at(this.#delay(), () =>
        answer(200, {
          ...base,
          now_ms: this.now,
          keys: keys.map((key) => ({ ...key, limits })),
          ...(leases && { leases }),
        }),
      );
    });
  }
}

describe("over four VMs", () => {
  test("of 200 calls at once exactly as many pass as the limit has, wherever they arrive", () => {
    const fleet = new Fleet(100);
    for (let i = 0; i < 200; i++) fleet.call((i * i) % 4 === 0 ? i % 4 : (i + 1) % 4);
    fleet.run(2000);
    expect([fleet.count(200), fleet.count(429)]).toEqual([100, 100]);
    expect(fleet.granted()).toBe(100);
  });

  test("no message that is lost, late or doubled lets more pass, and in the end all of the limit can be had", () => {
    const calls = fc.array(fc.record({ gateway: fc.nat(3), at: fc.nat(2000) }), { minLength: 1, maxLength: 50 });
    const arrives = ["arrives", "arrives", "arrives"] as const;
    const fates = fc.infiniteStream(fc.constantFrom<Fate>(...arrives, "lost", "twice"));
    const delays = fc.infiniteStream(fc.integer({ min: 1, max: 60 }));
    fc.assert(
      fc.property(calls, fates, delays, fc.integer({ min: 0, max: 30 }), (list, fate, delay, amount) => {
        let steady = false;
        const fleet = new Fleet(
          amount,
          () => (steady ? "arrives" : (fate.next().value as Fate)),
          () => (steady ? 1 : (delay.next().value as number)),
        );
        for (const { gateway, at } of list) fleet.at(at, () => fleet.call(gateway));
        fleet.run(5000);
        expect(fleet.exchanges.every(({ client }) => [200, 429, 503].includes(client.status))).toBe(true);
        const passed = fleet.count(200);
        expect(passed).toBeLessThanOrEqual(amount);
        expect(fleet.granted()).toBeLessThanOrEqual(amount);
        steady = true;
        // Who got no answer waits a little longer each time before it asks again.
        fleet.run(3000);
        for (let i = passed; i < amount + 4; i++) fleet.call(i % 4);
        fleet.run(2000);
        expect(fleet.count(200)).toBe(amount);
      }),
      { numRuns: 60, seed: 17 },
    );
  });
});
