/** Further calls of an answer, where Envoy or the client does what no vector can show. */
import { beforeEach, describe, expect, test } from "vitest";
import { ControlStandIn } from "../../shared/vectors/control.ts";
import { Envoy, type ProviderAnswer } from "./envoy.ts";
import type { Exchange } from "./exchange.ts";
import { loadModule } from "./module.ts";
import { requestHeaders } from "./wasm-runner.ts";

const module = loadModule();
const TARGET = { name: "qwen", kind: "dashscope", baseUrl: "https://dashscope.example/api/v1", options: {} };
const TARGETS = [{ ...TARGET, model: "text-embedding-v4", credential: "provider-secret" }];
const TEXTS = Array.from({ length: 31 }, (_, index) => `text ${index}`);

let control: ControlStandIn;
let envoy: Envoy;
/** Called when a provider is; the answer to an embedding call has as many vectors as texts. */
let onCall: (count: number) => void;
let count: number;

beforeEach(() => {
  control = new ControlStandIn({ targets: TARGETS, unsupported: "drop" });
  onCall = () => {};
  count = 0;
  envoy = new Envoy(module, {
    provider: ({ body }) => {
      onCall(++count);
      return vectors(JSON.parse(body.toString()).input.texts.length);
    },
    control: (message) => control.answer(message),
  });
});

function vectors(length: number): ProviderAnswer {
  const embeddings = Array.from({ length }, (_, text_index) => ({ text_index, embedding: [1] }));
  const body = Buffer.from(JSON.stringify({ output: { embeddings }, usage: { total_tokens: length } }));
  return { status: 200, headers: [["content-type", "application/json"]], pieces: [body], end: "end" };
}

function embed(): Exchange {
  const body = Buffer.from(JSON.stringify({ model: "demo", input: TEXTS }));
  return envoy.send(requestHeaders({ method: "POST", path: "/v1/embeddings", headers: {}, body }), [body]);
}

function records(): Record<string, unknown>[] {
  envoy.tick(1000);
  return control.records.splice(0);
}

describe("further calls", () => {
  test("go to the provider's own cluster, in time for the attempt", () => {
    const sent: [string, number][] = [];
    const push = envoy.host.calls.push.bind(envoy.host.calls);
    envoy.host.calls.push = (...calls) => {
      for (const { cluster, timeoutMs } of calls) if (cluster !== "oneapi-control") sent.push([cluster, timeoutMs]);
      return push(...calls);
    };
    expect(embed().client.status).toBe(200);
    // The stand-in's providers have ten seconds in all.
    expect(sent).toEqual([...Array(3).fill(["oneapi-provider:qwen", 10_000])]);
  });

  test("that Envoy does not take are a failure of the attempt, at the next tick", () => {
    envoy.host.clusters = (cluster) => !cluster.startsWith("oneapi-provider:");
    const { client } = embed();
    expect(client.status).toBe(0);
    envoy.tick();
    expect(client.status).toBe(502);
    expect(JSON.parse(Buffer.concat(client.chunks).toString()).error.code).toBe("provider_error");
    expect(records()).toMatchObject([{ outcome: "provider_error", attempts: [{ error: "connection" }] }]);
  });

  test("whose client has left are told to nobody", () => {
    onCall = (call) => {
      // The answers to calls under way are events that follow.
      if (call === 2) envoy.host.events.push(() => envoy.leaveAll());
    };
    const { client } = embed();
    expect(client).toMatchObject({ status: 0, broken: true });
    expect(count).toBe(4);
    expect(records()).toMatchObject([{ outcome: "client_closed", attempts: [{ status: 200 }] }]);
  });

  test("leave no memory behind over thousands of operations", { timeout: 60_000 }, () => {
    const round = (operations: number) => {
      for (let i = 1; i <= operations; i++) {
        expect(embed().client.status).toBe(200);
        if (i % 50 === 0) records();
      }
    };
    round(1500);
    const settled = envoy.host.memorySize;
    round(1500);
    expect(envoy.host.memorySize).toBe(settled);
  });
});
