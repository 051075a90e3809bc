import { describe, expect, it } from "vitest";
import { ByteWriter } from "../../byte-writer.ts";
import { EMBEDDINGS } from "../../exchange.ts";
import { writeFloat32 } from "../../float32.ts";
import { Random } from "../../random.ts";
import { encodeUtf8 } from "../../text.ts";
import { USAGE_ESTIMATE, USAGE_PROVIDER } from "../../usage.ts";
import { type JsonObject, receive, send } from "./harness.ts";

const setting = { endpoint: EMBEDDINGS, model: "gemini-embedding-001" };
const asked = (members: JsonObject) => send({ model: "demo", ...members }, setting);
const answered = (body: unknown, members: JsonObject) => receive(body, { model: "demo", ...members }, setting);

describe("embeddings", () => {
  it("of one text and of several are different methods", () => {
    const one = asked({ input: "a\n", dimensions: 768, encoding_format: "base64", user: "ada" });
    expect(one.path).toBe("/v1beta/models/gemini-embedding-001:embedContent");
    const content = { parts: [{ text: "a\n" }] };
    const request = { model: "models/gemini-embedding-001", content, outputDimensionality: 768 };
    expect(one.body).toEqual(request);
    const several = asked({ input: ["a\n", "a\n"], dimensions: 768 });
    expect(several.path).toBe("/v1beta/models/gemini-embedding-001:batchEmbedContents");
    expect(several.body).toEqual({ requests: [request, request] });
  });

  it.each<[JsonObject, string]>([
    [{}, "input"],
    [{ input: "" }, "input"],
    [{ input: [] }, "input"],
    [{ input: ["a", ""] }, "input[1]"],
    [{ input: [1, 2] }, "input"],
    [{ input: [[1], [2]] }, "input"],
    [{ input: { a: 1 } }, "input"],
    [{ input: "a", dimensions: 0 }, "dimensions"],
    [{ input: "a", encoding_format: "int8" }, "encoding_format"],
  ])("of %j are refused", (members, param) => {
    expect(asked(members).problem).toMatchObject({ status: 400, param });
  });

  it("of more texts than OpenAI takes are refused", () => {
    expect(asked({ input: Array(2049).fill("a") }).problem).toMatchObject({ status: 400, param: "input" });
  });

  it("keep the spelling of their numbers, in order", () => {
    const received = answered('{"embeddings":[{"values":[0.10,-1e-3]},{"values":[2]}]}', { input: ["a", "b"] });
    expect(received.text).toContain('"embedding":[0.10,-1e-3]');
    expect(JSON.parse(received.text)).toMatchObject({
      object: "list",
      data: [{ index: 0 }, { index: 1, embedding: [2] }],
      model: "demo",
    });
    expect(received.usage).toMatchObject({ source: USAGE_ESTIMATE, completion: 0 });
  });

  it("are base64 of float32 for a client that asks", () => {
    const values = [1, -2.5, 0.1, 0, 3.4e38, 1e-45, 0.0123456789];
    const body = { embedding: { values }, usageMetadata: { promptTokenCount: 3 } };
    const received = answered(body, { input: "a", encoding_format: "base64" });
    const bytes = Buffer.from(JSON.parse(received.text).data[0].embedding, "base64");
    const floats = Array.from(values, (_, i) => bytes.readFloatLE(4 * i));
    expect(floats).toEqual(Array.from(Float32Array.from(values)));
    expect(received.usage).toMatchObject({ prompt: 3, source: USAGE_PROVIDER });
  });

  it.each<[unknown]>([
    [{}],
    [{ embedding: {} }],
    [{ embedding: { values: ["1"] } }],
    [{ embeddings: [] }],
    [{ embeddings: [{ values: [1] }, { values: [1] }] }],
  ])("%j are none", (body) => {
    expect(answered(body, { input: "a" }).problem).toMatchObject({ status: 502, retryable: true });
  });
});

describe("a float32", () => {
  const bits = (text: string) => {
    const out = new ByteWriter(4);
    writeFloat32(encodeUtf8(text), 0, text.length, out);
    return Buffer.from(out.take()).readInt32LE();
  };
  const expected = (text: string) => {
    const bytes = Buffer.alloc(4);
    bytes.writeFloatLE(Math.fround(Number(text)));
    return bytes.readInt32LE();
  };

  it.each([
    ...["0", "-0", "-0.0", "1", "16777217", "16777219", "0.1", "1e0", "1E+2", "1e-2", "3.4028235e38", "3.4028236e38"],
    ...["1e39", "-1e99", "1e999999999", "1e-999999999", "1.17549435e-38", "1e-40", "1.4e-45", "7e-46", "0.7e-45"],
    ...["123456789012345678901234567890", "0.000000000000000000000000123456789012345678", "1.99999999", "0.99999999"],
  ])("of %s has the bits that JavaScript gives it", (text) => {
    expect(bits(text)).toBe(expected(text));
  });

  it("of any number has the bits that JavaScript gives it", () => {
    const random = new Random(7);
    for (let i = 0; i < 20_000; i++) {
      const value = (random.next() / 2 ** 31) * 10 ** (random.below(24) - 12);
      const text = i % 2 === 0 ? value.toPrecision(9) : String(Math.fround(value));
      expect(bits(text), text).toBe(expected(text));
    }
  });
});
