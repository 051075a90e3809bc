import { describe, expect, test } from "vitest";
import { loadVectors, parseVector } from "./load.ts";
import { readBody } from "./notation.ts";
import { asEvents, asExpectation, asJson } from "./shape.ts";

const REQUEST = '--- client request\n{"model":"demo"}\n';
const SEEN = "--- client sees\n{}\n";

function parse(sections: string, name = "openai/case") {
  return parseVector(name, `What it shows.\n\n${sections}`);
}

describe("a vector's file", () => {
  test("is a call of the folder's kind, with all that is usual left out", () => {
    const vector = parse(`${REQUEST}--- provider answers\n{"a":1}\n\n${SEEN}`);
    expect(vector).toMatchObject({
      description: "What it shows.",
      targets: [{ kind: "openai", name: "openai", model: "demo", credential: "provider-secret", options: {} }],
      unsupported: "drop",
      request: { method: "POST", path: "/v1/chat/completions", headers: {} },
      client: { status: 200 },
      record: undefined,
    });
    expect(vector.attempts).toHaveLength(1);
    expect(vector.attempts[0]?.answers.body.toString()).toBe('{"a":1}');
  });

  test("may say each of these", () => {
    const target =
      '--- target\nkind: azure\nname: eu\nmodel: m\ncredential: none\noptions: {"x":1}\nunsupported: reject\n';
    const answers =
      "--- provider sees\nPOST /x?y=1\na: b: c\ngone: (absent)\n\n{}\n--- provider answers\n429\nretry-after: 7\n\nslow\n";
    const vector = parse(`${target}${REQUEST}${answers}${SEEN}--- record\n{"outcome":"ok"}\n`);
    expect(vector).toMatchObject({
      targets: [{ kind: "azure", name: "eu", model: "m", credential: "", options: { x: 1 } }],
      unsupported: "reject",
      record: { outcome: "ok" },
    });
    expect(vector.attempts[0]).toMatchObject({
      sees: { method: "POST", path: "/x?y=1", headers: { a: "b: c", gone: null } },
      answers: { status: 429, headers: { "retry-after": "7" } },
    });
  });

  test("tells a stream by its look or by its type, and keeps each of its bytes", () => {
    const [first, second] = parse(
      `${REQUEST}--- provider answers\ndata: 1\n\n--- provider answers\n200\ncontent-type: text/event-stream\n\n${SEEN}`,
    ).attempts;
    expect(first?.answers).toMatchObject({ stream: true, body: Buffer.from("data: 1\n\n") });
    expect(second?.answers).toMatchObject({ stream: true, body: Buffer.alloc(0) });
  });

  test("knows an answer that does not come, a body that is the same, and no record", () => {
    const vector = parse(
      `${REQUEST}--- provider answers\nno answer\n--- client sees\n(as the provider answered)\n--- record\nnone\n`,
    );
    expect(vector.attempts[0]?.answers.status).toBe(0);
    expect(vector.client.same).toBe(true);
    expect(vector.record).toBeNull();
  });

  test.each([
    ["an unknown section", `--- provider says\n{}\n${REQUEST}${SEEN}`],
    ["an unknown line of a target", `--- target\nmodle: x\n${REQUEST}${SEEN}`],
    ["a header that is none", `--- client request\nPOST /x\nno header\n\n{}\n${SEEN}`],
    ["nothing that the client sees", REQUEST],
    ["a request that nobody answers", `${REQUEST}--- provider sees\n{}\n${SEEN}`],
    ["a mark that means nothing", `--- client request\n{"a":"⟨oops⟩"}\n${SEEN}`],
    ["a record that is no JSON", `${REQUEST}${SEEN}--- record\noutcome: ok\n`],
  ])("is refused with %s", (_what, sections) => {
    expect(() => parse(sections)).toThrow();
  });

  test("must say what it shows", () => {
    expect(() => parseVector("openai/case", REQUEST + SEEN)).toThrow(/openai\/case/);
  });
});

test("marks stand for bytes, repetition and the end", () => {
  expect(readBody("a⟨0d⟩⟨ef bb bf⟩b")).toEqual(Buffer.from("a\r\ufeffb"));
  expect(readBody("⟨3 × [⟩⟨2 × ab⟩").toString()).toBe("[[[abab");
  expect(readBody("a⟨cut⟩\nb").toString()).toBe("a");
});

describe("shapes", () => {
  test("JSON is its value, but a number is its spelling", () => {
    const shape = (text: string) => asJson(Buffer.from(text));
    expect(shape('{ "b": 1, "a": [null] }')).toEqual(shape('{"a":[null],"b":1}'));
    expect(shape("1.0")).not.toEqual(shape("1"));
    expect(shape("12345678901234567890")).not.toEqual(shape("12345678901234567891"));
    expect(shape("no JSON")).toBe("no JSON");
  });

  test("a stream is its events and comments; what no blank line closes shows", () => {
    const shape = (text: string) => asEvents(Buffer.from(text));
    expect(shape("data: {\r\ndata: }\r\n\r\n: hi\n\nevent: x\ndata: [DONE]\n\n")).toEqual([
      { data: {} },
      ": hi",
      { event: "x", data: "[DONE]" },
    ]);
    expect(shape("data: 1\n")).not.toEqual(shape("data: 1\n\n"));
    expect(shape("data: 1\n\nda")).not.toEqual(shape("data: 1\n\n"));
  });

  test("an ellipsis stands for any text, and for nothing else", () => {
    expect({ error: { message: "a (b) c", n: 1 } }).toEqual(asExpectation({ error: { message: "a (…) c", n: 1 } }));
    expect({ message: "a [b] c" }).not.toEqual(asExpectation({ message: "a (…) c" }));
  });
});

test("every file is read, and says in a sentence what it shows", () => {
  const vectors = loadVectors();
  expect(vectors.length).toBeGreaterThan(100);
  for (const { name, description } of vectors) expect(description, name).toMatch(/[.?!:/\w]$/);
  expect(loadVectors("azure").every(({ name }) => name.startsWith("azure/"))).toBe(true);
});
