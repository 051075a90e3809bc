/** What the filter does over time and in trouble: what no vector can show. */
import { beforeEach, describe, expect, test } from "vitest";
import { ControlStandIn } from "../../shared/vectors/control.ts";
import { asEvents } from "../../shared/vectors/shape.ts";
import { Envoy, type ProviderAnswer, type ProviderCall } from "./envoy.ts";
import type { Exchange } from "./exchange.ts";
import type { Headers } from "./host.ts";
import { loadModule } from "./module.ts";
import { requestHeaders } from "./wasm-runner.ts";

const module = loadModule();
const MEBIBYTE = 1024 * 1024;

const TARGET = { kind: "openai", model: "demo", credential: "provider-secret", options: {} };
const TARGETS = [
  { ...TARGET, name: "first", baseUrl: "https://first.example/v1" },
  { ...TARGET, name: "second", baseUrl: "https://second.example/v1" },
];

const EVENT_STREAM: Headers = [["content-type", "text/event-stream"]];
const FIRST = Buffer.from('data: {"choices":[{"index":0,"delta":{"role":"assistant","content":"Once upon"}}]}\n\n');
const SECOND = Buffer.from('data: {"choices":[{"index":0,"delta":{"content":" a time"}}]}\n\n');
const END = Buffer.from('data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n');

const STREAM_CALL = { model: "demo", stream: true, messages: [{ role: "user", content: "Hi" }] };
const PLAIN_CALL = { ...STREAM_CALL, stream: false };
const PLAIN_ANSWER = { object: "chat.completion", choices: [], usage: { prompt_tokens: 2, completion_tokens: 3 } };

let control: ControlStandIn;
/** The control service answers. */
let reachable: boolean;
let answers: (ProviderAnswer | null)[];
let envoy: Envoy;

beforeEach(() => {
  control = new ControlStandIn({ targets: TARGETS, unsupported: "drop" });
  reachable = true;
  answers = [];
  envoy = new Envoy(module, {
    provider: (call: ProviderCall) => {
      const answer = answers.shift();
      if (answer === undefined) throw new Error(`${call.provider} was called and has no answer`);
      return answer;
    },
    control: (message) => (reachable ? control.answer(message) : null),
  });
});

function call(body: object): Exchange {
  const bytes = Buffer.from(JSON.stringify(body));
  return envoy.send(requestHeaders({ method: "POST", path: "/v1/chat/completions", headers: {}, body: bytes }), [
    bytes,
  ]);
}

function streaming(...pieces: Buffer[]): ProviderAnswer {
  return { status: 200, headers: EVENT_STREAM, pieces, end: "open" };
}

function plain(body: object): ProviderAnswer {
  const bytes = Buffer.from(JSON.stringify(body));
  const headers: Headers = [
    ["content-type", "application/json"],
    ["content-length", String(bytes.length)],
  ];
  return { status: 200, headers, pieces: [bytes], end: "end" };
}

function provide(exchange: Exchange, pieces: Buffer[], end: ProviderAnswer["end"]): void {
  exchange.provide(pieces, end);
  envoy.settle();
}

function textOf(exchange: Exchange): string {
  return Buffer.concat(exchange.client.chunks).toString();
}

function records(): Record<string, unknown>[] {
  envoy.tick(1000);
  return control.records.splice(0);
}

describe("streams", () => {
  test("a stream labelled as JSON comes once, though its first chunk is empty", () => {
    const whole = Buffer.concat([FIRST, END]);
    const pieces = [Buffer.alloc(0), whole.subarray(0, 9), whole.subarray(9)];
    answers.push({ status: 200, headers: [["content-type", "application/json"]], pieces, end: "end" });
    expect(textOf(call(STREAM_CALL))).toBe(whole.toString());
  });

  test("headers wait for the first event, and every event goes on as it comes", () => {
    answers = [streaming()];
    const exchange = call(STREAM_CALL);
    expect(exchange.client.status).toBe(0);
    provide(exchange, [FIRST.subarray(0, 20)], "open");
    expect(exchange.client.status).toBe(0);
    provide(exchange, [FIRST.subarray(20)], "open");
    expect(exchange.client.status).toBe(200);
    expect(textOf(exchange)).toBe(FIRST.toString());
    provide(exchange, [SECOND], "open");
    expect(textOf(exchange)).toBe(FIRST.toString() + SECOND.toString());
    provide(exchange, [END], "end");
    expect(textOf(exchange)).toBe(FIRST.toString() + SECOND.toString() + END.toString());
    expect(exchange.client.ended).toBe(true);
  });

  test("a provider that stays silent is left for the next one", () => {
    answers = [streaming(), streaming(FIRST, END)];
    const exchange = call(STREAM_CALL);
    envoy.tick(990);
    expect(exchange.calls.map(({ provider }) => provider)).toEqual(["first"]);
    envoy.tick(20);
    expect(exchange.calls.map(({ provider }) => provider)).toEqual(["first", "second"]);
    provide(exchange, [], "end");
    expect(exchange.client).toMatchObject({ status: 200, ended: true });
    expect(records()).toMatchObject([{ outcome: "ok", provider: "second", attempts: [{ error: "timeout" }, {}] }]);
  });

  test("when all stay silent the client gets 504", () => {
    answers = [streaming(), streaming()];
    const exchange = call(STREAM_CALL);
    envoy.tick(1010);
    envoy.tick(1010);
    expect(exchange.client.status).toBe(504);
    expect(JSON.parse(textOf(exchange))).toMatchObject({ error: { code: "provider_timeout" } });
    expect(records()).toMatchObject([{ outcome: "provider_error", attempts: [{}, { error: "timeout" }] }]);
  });

  test("a connection that breaks in the middle ends with an error event, and no [DONE]", () => {
    answers = [streaming(FIRST, SECOND)];
    const exchange = call(STREAM_CALL);
    provide(exchange, [], "reset");
    const events = asEvents(Buffer.concat(exchange.client.chunks));
    expect(events).toHaveLength(3);
    expect(events[2]).toMatchObject({ data: { error: { type: "provider_error" } } });
    expect(records()).toMatchObject([
      { outcome: "truncated", usage_source: "estimate", usage: { completion_tokens: 4 } },
    ]);
  });

  test("a provider that falls silent in the middle is ended, with an error event", () => {
    answers = [streaming(FIRST, SECOND)];
    const exchange = call(STREAM_CALL);
    for (let waited = 0; waited < 1500 && !exchange.client.broken; waited += 20) envoy.tick();
    expect(exchange.client.broken).toBe(true);
    expect(asEvents(Buffer.concat(exchange.client.chunks)).at(-1)).toMatchObject({ data: { error: {} } });
    expect(records()).toMatchObject([{ outcome: "truncated", attempts: [{ error: "timeout" }] }]);
  });

  test("a client that leaves pays for what was produced", () => {
    answers = [streaming(FIRST, SECOND)];
    const exchange = call(STREAM_CALL);
    exchange.leave();
    expect(records()).toMatchObject([
      { outcome: "client_closed", usage_source: "estimate", usage: { prompt_tokens: 8, completion_tokens: 4 } },
    ]);
  });

  test("a client that leaves before the provider answers pays for the prompt", () => {
    answers = [streaming()];
    call(STREAM_CALL).leave();
    expect(records()).toMatchObject([
      { outcome: "client_closed", usage: { prompt_tokens: 8, completion_tokens: 0 }, ttft_ms: null },
    ]);
  });

  test("many at a time do not mix", () => {
    answers = Array.from({ length: 50 }, () => streaming());
    const exchanges = Array.from({ length: 50 }, () => call(STREAM_CALL));
    const events = exchanges.map((_, index) => FIRST.toString().replace("Once upon", `stream ${index}`));
    for (const [index, exchange] of exchanges.entries()) exchange.provide([Buffer.from(events[index] ?? "")], "open");
    for (const exchange of exchanges.toReversed()) exchange.provide([END], "end");
    envoy.settle();
    expect(exchanges.map(textOf)).toEqual(events.map((event) => event + END.toString()));
    expect(records()).toHaveLength(50);
  });
});

describe("the control service", () => {
  test("is asked once for a key that many calls bring at the same time", () => {
    const waiting = Array.from({ length: 3 }, () => {
      answers.push(plain(PLAIN_ANSWER));
      reachable = false;
      return call(PLAIN_CALL);
    });
    expect(waiting.map(({ client }) => client.status)).toEqual([0, 0, 0]);
    const asked = envoy.host.calls
      .map(({ body }) => JSON.parse(body.toString()).keys)
      .filter((keys) => keys.length > 0);
    expect(asked).toHaveLength(1);
    expect(asked[0]).toHaveLength(1);
    reachable = true;
    envoy.settle();
    expect(waiting.map(({ client }) => client.status)).toEqual([200, 200, 200]);
  });

  test("not answering for an unknown key: 503, in OpenAI's shape, and nothing is sent to a provider", () => {
    reachable = false;
    const exchange = call(PLAIN_CALL);
    for (const asked of envoy.host.calls.splice(0)) envoy.answer(asked, 0, Buffer.alloc(0));
    expect(exchange.client.status).toBe(503);
    expect(JSON.parse(textOf(exchange))).toMatchObject({ error: { code: "control_unavailable" } });
    expect(exchange.calls).toEqual([]);
  });

  test("gone for a while: known keys keep working, and no record is lost or counted twice", () => {
    answers = Array.from({ length: 4 }, () => plain(PLAIN_ANSWER));
    call(PLAIN_CALL);
    envoy.tick(1000);
    reachable = false;
    for (let i = 0; i < 3; i++) {
      expect(call(PLAIN_CALL).client.status).toBe(200);
      envoy.tick(1000);
      for (const asked of envoy.host.calls.splice(0)) envoy.answer(asked, 503, Buffer.from("no"));
    }
    reachable = true;
    for (let i = 0; i < 5; i++) envoy.tick(1000);
    const sequences = control.records.map(({ sequence }) => sequence);
    expect(sequences).toEqual([1, 2, 3, 4]);
  });

  test("taking the records but losing the answer: they come again under the same numbers", () => {
    answers = [plain(PLAIN_ANSWER)];
    call(PLAIN_CALL);
    reachable = false;
    envoy.tick(1000);
    const [first] = envoy.host.calls.filter(({ body }) => JSON.parse(body.toString()).records.length > 0);
    for (const asked of envoy.host.calls.splice(0)) envoy.answer(asked, 0, Buffer.alloc(0));
    reachable = true;
    envoy.tick(3000);
    const again = control.records.map((record) => JSON.stringify(record));
    expect(again).toEqual(
      JSON.parse(first?.body.toString() ?? "{}").records.map((record: unknown) => JSON.stringify(record)),
    );
  });
});

describe("a configuration that changes under way", () => {
  test("serves the next call", () => {
    control.configure({ targets: TARGETS.slice(1), unsupported: "drop" });
    envoy.settle();
    answers = [plain(PLAIN_ANSWER)];
    const exchange = call(PLAIN_CALL);
    expect(exchange.client.status).toBe(200);
    expect(exchange.calls.map(({ provider }) => provider)).toEqual(["second"]);
  });

  test("never sends a client's own request to a provider that is no target any more", () => {
    answers = [streaming()];
    const exchange = call(STREAM_CALL);
    control.configure({ targets: TARGETS.slice(0, 1), unsupported: "drop" });
    envoy.settle();
    provide(exchange, [], "reset");
    expect(exchange.calls.map(({ provider }) => provider)).toEqual(["first"]);
    expect(exchange.client.status).toBe(502);
    expect(JSON.parse(textOf(exchange))).toMatchObject({ error: { code: "provider_error" } });
    expect(records()).toMatchObject([{ outcome: "provider_error", attempts: [{ provider: "first" }] }]);
  });
});

describe("the module", () => {
  test("refuses a configuration that it cannot use", () => {
    expect(() => envoy.host.call("proxy_on_configure", 1, 0)).not.toThrow();
    expect(envoy.host.call("proxy_on_configure", 1, 0)).toBe(0);
  });

  test("takes calls in the name of contexts that are gone", () => {
    for (const name of ["proxy_on_request_headers", "proxy_on_response_body", "proxy_on_delete", "proxy_on_tick"]) {
      expect(() => envoy.host.call(name, 999, 0, 1)).not.toThrow();
    }
  });

  test("tells its counts in Envoy's statistics", () => {
    answers = [plain(PLAIN_ANSWER), streaming(FIRST, END)];
    call(PLAIN_CALL);
    provide(call(STREAM_CALL), [], "end");
    envoy.tick(2000);
    expect(envoy.host.metrics.get("oneapi.operations.ok")).toBe(2n);
    expect(envoy.host.metrics.get("oneapi.attempts")).toBe(2n);
    const memory = [...envoy.host.metrics].find(([name]) => name.endsWith("memory_bytes"));
    expect(memory?.[1]).toBe(BigInt(envoy.host.memorySize));
  });

  test("keeps its memory over thousands of calls, large ones among them", { timeout: 60_000 }, () => {
    const text = "x".repeat(200_000);
    const long = { ...PLAIN_CALL, messages: [{ role: "user", content: text }] };
    const large = { ...PLAIN_ANSWER, choices: [{ index: 0, message: { role: "assistant", content: text } }] };
    const round = (count: number) => {
      for (let i = 0; i < count; i++) {
        answers = [plain(PLAIN_ANSWER), streaming(FIRST, SECOND, END)];
        call(PLAIN_CALL);
        provide(call(STREAM_CALL), [], "end");
        if (i % 10 === 0) {
          answers = [plain(large)];
          call(long);
          envoy.tick();
        }
      }
      records();
    };
    // Memory grows by doubling, so where it settles depends on a few bytes; a leak of 200 bytes a call would pass this.
    round(10_000);
    expect(envoy.host.memorySize).toBeLessThanOrEqual(4 * MEBIBYTE);
  });

  test("takes a body of 20 MB and gives the memory to the next one", { timeout: 60_000 }, () => {
    const long = { ...PLAIN_CALL, messages: [{ role: "user", content: "x".repeat(20_000_000) }] };
    for (let i = 0; i < 3; i++) {
      answers = [plain(PLAIN_ANSWER)];
      expect(call(long).client.status).toBe(200);
    }
    expect(envoy.host.memorySize).toBeLessThanOrEqual(200 * MEBIBYTE);
  });

  test("takes long strings where short ones belong", { timeout: 60_000 }, () => {
    const name = "漢".repeat(3_000_000);
    expect(call({ ...PLAIN_CALL, model: name }).client.status).toBe(404);
    answers = [plain(PLAIN_ANSWER)];
    expect(call({ ...PLAIN_CALL, [name]: 1, [`${name}2`]: 1 }).client.status).toBe(200);
    const [rejected] = records();
    expect(String(rejected?.requested_model).length).toBeLessThan(4096);
    expect(envoy.host.memorySize).toBeLessThanOrEqual(400 * MEBIBYTE);
  });
});
