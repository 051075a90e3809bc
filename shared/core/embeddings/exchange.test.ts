import { describe, expect, test } from "vitest";
import { ByteWriter } from "../byte-writer.ts";
import {
  ClientRequest,
  EMBEDDINGS,
  type Exchange,
  FAILED,
  MORE,
  Provider,
  ProviderRequest,
  REPLACED,
} from "../exchange.ts";
import { Json } from "../json.ts";
import { openExchange } from "../providers/registry.ts";
import { decodeUtf8, encodeUtf8 } from "../text.ts";

const TEXTS = Array.from({ length: 25 }, (_, index) => `t${index}`);

/** The exchange after its first request, and the texts of each batch. */
function begin(kind: string, model: string, members: object) {
  const body = encodeUtf8(JSON.stringify({ model: "demo", ...members }));
  const call = new ClientRequest(EMBEDDINGS, body, Json.parse(body) as Json, 1);
  const exchange = openExchange(call, new Provider("p", kind, "p.example", "", ""), model) as Exchange;
  const requests: ProviderRequest[] = [new ProviderRequest()];
  const expressed = exchange.request("secret", requests[0] as ProviderRequest);
  for (let out = new ProviderRequest(); expressed && exchange.further("secret", out); out = new ProviderRequest()) {
    requests.push(out);
  }
  return {
    exchange,
    batches: requests.map(({ part, body }) => ({ part, texts: body.length === 0 ? [] : textsOf(body) })),
  };
}

function textsOf(body: Uint8Array): string[] {
  return JSON.parse(decodeUtf8(body, 0, body.length)).input.texts;
}

function answer(exchange: Exchange, part: number, embeddings: object[], usage: object = { total_tokens: 1 }) {
  const out = new ByteWriter(0);
  const outcome = exchange.part(part, encodeUtf8(JSON.stringify({ output: { embeddings }, usage })), out);
  return { outcome, text: decodeUtf8(out.bytes, 0, out.length) };
}

const vectors = (first: number, count: number) =>
  Array.from({ length: count }, (_, index) => ({ text_index: index, embedding: [first + index] }));

describe("batches", () => {
  test("hold as many texts as the provider takes, in order", () => {
    const { batches } = begin("dashscope", "text-embedding-v4", { input: TEXTS });
    expect(batches).toEqual([
      { part: 0, texts: TEXTS.slice(0, 10) },
      { part: 1, texts: TEXTS.slice(10, 20) },
      { part: 2, texts: TEXTS.slice(20) },
    ]);
  });

  test("are none when the call cannot be expressed", () => {
    const { exchange, batches } = begin("dashscope", "text-embedding-v4", { input: [...TEXTS, ""] });
    expect(batches).toEqual([{ part: 0, texts: [] }]);
    expect(exchange.problem).toMatchObject({ status: 400, param: "input[25]" });
  });

  test.each([[[0, 1, 2]], [[2, 1, 0]], [[1, 0, 2]]])(
    "answered in the order %j are joined in that of the texts",
    (order) => {
      const { exchange } = begin("dashscope", "text-embedding-v4", { input: TEXTS });
      const answers = order.map((part) => answer(exchange, part, vectors(part * 10, part === 2 ? 5 : 10)));
      expect(answers.map(({ outcome }) => outcome)).toEqual([MORE, MORE, REPLACED]);
      const { data, usage } = JSON.parse(answers[2]?.text ?? "");
      expect(data).toEqual(TEXTS.map((_, index) => ({ object: "embedding", index, embedding: [index] })));
      expect(usage).toEqual({ prompt_tokens: 3, total_tokens: 3 });
      expect(exchange.usage.prompt).toBe(3);
    },
  );

  test("of a count that no integer holds add up to the largest", () => {
    const { exchange } = begin("dashscope", "text-embedding-v4", { input: TEXTS.slice(0, 11) });
    answer(exchange, 0, vectors(0, 10), { total_tokens: 2_000_000_000 });
    answer(exchange, 1, vectors(10, 1), { total_tokens: 2_000_000_000 });
    expect(exchange.usage.prompt).toBe(2 ** 31 - 1);
  });

  test.each([
    ["of a text that is not there", [{ text_index: 9, embedding: [1] }]],
    [
      "twice for one text",
      [
        { text_index: 0, embedding: [1] },
        { text_index: 0, embedding: [2] },
      ],
    ],
    [
      "that is no vector",
      [
        { text_index: 0, embedding: ["1"] },
        { text_index: 1, embedding: [1] },
      ],
    ],
    [
      "that is null",
      [
        { text_index: 0, embedding: null },
        { text_index: 1, embedding: [1] },
      ],
    ],
  ])("with a vector %s are no answer", (_what, embeddings) => {
    const { exchange } = begin("dashscope", "text-embedding-v4", { input: ["a", "b"] });
    expect(answer(exchange, 0, embeddings).outcome).toBe(FAILED);
    expect(exchange.problem).toMatchObject({ status: 502, retryable: true });
    expect(exchange.usage.prompt).toBe(0);
  });
});
