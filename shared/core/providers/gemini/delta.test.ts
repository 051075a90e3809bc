import { describe, expect, it } from "vitest";
import { decodeUtf8, encodeUtf8 } from "../../text.ts";
import { Delta } from "./delta.ts";
import { events, type JsonObject, stream } from "./harness.ts";

const USUAL =
  '{"candidates": [{"content": {"parts": [{"text": "Bon\\n\\u00e9 {\\"a\\": [1]}"}],"role": "model"},"index": 2}],' +
  '"usageMetadata": {"promptTokenCount": 6,"details": [{"a": "}"}]},"modelVersion": "m","responseId": "k"}';

function scan(text: string): Record<string, unknown> | null {
  const bytes = encodeUtf8(`xx${text}yy`);
  const delta = new Delta();
  if (!delta.scan(bytes, 2, bytes.length - 2)) return null;
  return {
    index: delta.index,
    thought: delta.thought,
    text: decodeUtf8(bytes, delta.start, delta.end),
    counts: decodeUtf8(bytes, delta.countsStart, delta.countsEnd),
  };
}

describe("a delta in the usual order", () => {
  it("is read without being built", () => {
    const counts = '{"promptTokenCount": 6,"details": [{"a": "}"}]}';
    expect(scan(USUAL)).toEqual({ index: 2, thought: false, text: 'Bon\\n\\u00e9 {\\"a\\": [1]}', counts });
  });

  it.each<[string, string, boolean]>([
    ['{"candidates":[{"content":{"parts":[{"text":"A"}]}}]}', "A", false],
    ['{"candidates":[{"content":{"parts":[{"text":"","thought":true}],"role":"model"}}],"responseId":"k"}', "", true],
    [' { "candidates" : [ { "content" : { "parts" : [ { "text" : "A" } ] } } ] } ', "A", false],
  ])("may be %s", (text, added, thought) => {
    expect(scan(text)).toEqual({ index: 0, thought, text: added, counts: "" });
  });

  it.each([
    ["a reason", USUAL.replace('"index"', '"finishReason": "STOP","index"')],
    ["two parts", USUAL.replace('"}],"role"', '"},{"text": "B"}],"role"')],
    ["a signature", USUAL.replace('"}],"role"', '","thoughtSignature": "s"}],"role"')],
    ["a call", USUAL.replace('"text"', '"functionCall"')],
    ["two candidates", USUAL.replace("2}],", '2},{"index": 0}],')],
    ["no thought", USUAL.replace('"}],"role"', '","thought": false}],"role"')],
    ["an index of two digits", USUAL.replace('"index": 2', '"index": 12')],
    ["an index that is none", USUAL.replace('"index": 2', '"index": -')],
    ["feedback", USUAL.replace('"modelVersion": "m"', '"promptFeedback": {}')],
    ["two counts", USUAL.replace('"modelVersion": "m"', '"usageMetadata": {}')],
    ["counts that are none", USUAL.replace(/"usageMetadata": \{.*\}\]\}/, '"usageMetadata": null')],
    ["members twice", USUAL.replace('"modelVersion"', '"candidates"')],
    ["another order", USUAL.replace('"parts": [{', '"role": "model","parts": [{')],
    ["something behind it", `${USUAL}{`],
  ])("is not one with %s", (_name, text) => {
    expect(text).not.toBe(USUAL);
    expect(scan(text)).toBeNull();
  });

  it("is not one that is cut", () => {
    for (let end = 0; end < USUAL.length; end++) expect(scan(USUAL.slice(0, end))).toBeNull();
  });

  it("gives the client what the long way gives", () => {
    const usual = (text: string, more: JsonObject, tokens: number): JsonObject => ({
      candidates: [{ content: { parts: [{ text, ...more }], role: "model" }, index: 0 }],
      usageMetadata: { promptTokenCount: 4, candidatesTokenCount: tokens, thoughtsTokenCount: tokens },
      responseId: "k",
    });
    const end: JsonObject = { candidates: [{ content: { parts: [] }, finishReason: "STOP", index: 0 }] };
    const list = [
      usual("T", { thought: true }, 1),
      usual("U", { thought: true }, 2),
      usual("", {}, 3),
      usual('"é\n', {}, 4),
      usual("B", {}, 10),
    ];
    // With the members turned round each event goes the long way.
    const turned = (event: JsonObject) => Object.fromEntries(Object.entries(event).reverse());
    const short = stream([events(...list, end)]);
    const long = stream([events(...list.map(turned), end)]);
    expect(short.problem).toBeNull();
    expect(short.text).toContain('"reasoning_content":"U"');
    expect(short.text).toBe(long.text);
    expect(short.usage).toMatchObject({ prompt: 4, completion: 20, reasoning: 10 });
    expect(long.usage).toMatchObject({ prompt: 4, completion: 20, reasoning: 10 });
    expect(short.exchange.producedBytes).toBe(long.exchange.producedBytes);
  });
});
