/** Request bodies of every size and shape: a right answer or a clear refusal, and the gateway stands. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Incoming } from "./http.ts";
import { type Sentinel, startSentinel } from "./sentinel.ts";
import { chat, KEYS, startWorld, type World } from "./world.ts";

let world: World;
let sentinel: Sentinel;
beforeAll(async () => {
  world = await startWorld();
  sentinel = await startSentinel(world);
});
afterAll(async () => {
  sentinel?.leave();
  await world?.stop();
});
beforeEach(() => world.reset());
afterEach(() => sentinel.check());

const MIB = 1024 * 1024;
const post = (body: unknown, headers: Record<string, string> = {}): Promise<Incoming> =>
  world.gateway.send("/chat/completions", KEYS.main, body, { headers });

function expectRefused(answer: Incoming, ...statuses: number[]): void {
  const text = answer.text.slice(0, 500);
  expect([answer.status, text]).toEqual([expect.toBeOneOf(statuses), text]);
  const { error } = JSON.parse(answer.text) as { error: Record<string, unknown> };
  expect(Object.keys(error).sort()).toEqual(["code", "message", "param", "type"]);
}

const MESSAGES = '"messages":[{"role":"user","content":"hi"}]';

describe("refused with 400", () => {
  it.each([
    ["nothing", ""],
    ["white space", " \n"],
    ["no JSON", "hello"],
    ["a JSON text", '"hello"'],
    ["a list", "[]"],
    ["null", "null"],
    ["half an object", '{"model":"solo"'],
    ["something after the object", `{"model":"solo",${MESSAGES}}x`],
    ["two objects", `{"model":"solo",${MESSAGES}}{"model":"solo",${MESSAGES}}`],
    ["a trailing comma", `{"model":"solo",${MESSAGES},}`],
    ["single quotes", "{'model':'solo'}"],
    ["a raw control character in a string", `{"model":"so\u0001lo",${MESSAGES}}`],
    ["a raw NUL", `{"model":"solo\u0000",${MESSAGES}}`],
    ["a NUL after the object", `{"model":"solo",${MESSAGES}}\u0000`],
    ["no model", `{${MESSAGES}}`],
    ["a model that is a number", `{"model":7,${MESSAGES}}`],
    ["a model that is null", `{"model":null,${MESSAGES}}`],
    ["a duplicate model", `{"model":"solo","model":"claude",${MESSAGES}}`],
    ["an escaped duplicate", `{"model":"solo","m\\u006fdel":"claude",${MESSAGES}}`],
    ["duplicate messages", `{"model":"solo",${MESSAGES},${MESSAGES}}`],
    ["a duplicate stream", `{"model":"solo",${MESSAGES},"stream":false,"stream":true}`],
    ["a deep nest", `{"model":"solo",${MESSAGES},"metadata":${"[".repeat(10_000)}${"]".repeat(10_000)}}`],
    [
      "a deep nest of objects",
      `{"model":"solo",${MESSAGES},"metadata":${'{"a":'.repeat(10_000)}1${"}".repeat(10_000)}}`,
    ],
    ["a number that is none", `{"model":"solo",${MESSAGES},"temperature":01}`],
    ["an escape that is none", `{"model":"so\\lo",${MESSAGES}}`],
    ["a bad unicode escape", `{"model":"so\\u00zzlo",${MESSAGES}}`],
  ])("%s", async (_, body) => {
    expectRefused(await post(body), 400);
    expect(world.primary.log()).toEqual([]);
    expect(world.claude.log()).toEqual([]);
  });

  it("a byte order mark, or it is taken for nothing", async () => {
    const answer = await post(`\ufeff{"model":"solo",${MESSAGES}}`);
    if (answer.status !== 200) expectRefused(answer, 400);
  });

  it.each([
    ["a bare continuation byte", [0x80]],
    ["an overlong slash", [0xc0, 0xaf]],
    ["a surrogate", [0xed, 0xa0, 0x80]],
    ["half a letter", [0xe4, 0xbd]],
    ["beyond Unicode", [0xf4, 0x90, 0x80, 0x80]],
  ])("or answered rightly: invalid UTF-8, %s", async (_, bytes) => {
    const [before, after] = [`{"model":"solo","messages":[{"role":"user","content":"a`, 'b"}]}'];
    const answer = await post(Buffer.concat([Buffer.from(before), Buffer.from(bytes), Buffer.from(after)]));
    if (answer.status !== 200) expectRefused(answer, 400);
  });
});

describe.each(["solo", "claude"])("answered by %s", (model) => {
  it("an escaped key and an escaped value", async () => {
    const answer = await post(
      `{"m\\u006fdel":"${model.replace("o", "\\u006f")}","messages":[{"role":"user","content":"hi"}]}`,
    );
    expect([answer.status, answer.text]).toEqual([200, answer.text]);
    expect(answer.text).toContain("hi");
  });

  it("a NUL and lone surrogates as escapes", async () => {
    const answer = await post(`{"model":"${model}","messages":[{"role":"user","content":"a\\u0000b \\ud83d\\ude00"}]}`);
    expect([answer.status, answer.text]).toEqual([200, answer.text]);
    const { choices } = JSON.parse(answer.text) as { choices: { message: { content: string } }[] };
    expect(choices[0]?.message.content).toBe("a\u0000b 😀");
  });

  it.each([
    ["33 KiB", 33 * 1024],
    ["1 MiB", MIB],
    ["20 MB", 20_000_000],
  ])("a body of %s", async (_, size) => {
    const messages = [
      { role: "system", content: "x".repeat(size) },
      { role: "user", content: "hello" },
    ];
    const answer = await post({ model, messages });
    expect([answer.status, answer.text.slice(0, 500)]).toEqual([200, answer.text.slice(0, 500)]);
    expect(JSON.parse(answer.text)).toMatchObject({ choices: [{ message: { content: "hello" } }] });
    const [seen] = model === "solo" ? world.primary.log() : world.claude.log();
    expect(seen?.raw_length).toBeGreaterThan(size);
  });

  it("a large body whose first provider fails", async () => {
    const failing = model === "solo" ? ("pair" as const) : ("claude-pair" as const);
    world[model === "solo" ? "primary" : "claude"].script({ status: 503 });
    const messages = [
      { role: "system", content: "y".repeat(5 * MIB) },
      { role: "user", content: "hello" },
    ];
    const answer = await post({ model: failing, messages });
    expect(JSON.parse(answer.text)).toMatchObject({ choices: [{ message: { content: "hello" } }] });
    expect(world.secondary.log().at(-1)?.raw_length).toBeGreaterThan(5 * MIB);
  });

  it("an answer of 8 MiB, whole and streamed", async () => {
    const long = "z".repeat(8 * MIB);
    const whole = await post(chat(model, long));
    expect(whole.text.length).toBeGreaterThan(8 * MIB);
    const streamed = await post(chat(model, "count 20000", { stream: true, max_tokens: 100_000 }));
    expect(streamed.text).toContain("20000");
    expect(streamed.text).toContain("[DONE]");
  });
});

describe("sizes and types", () => {
  it("over 50 MiB is 413, in JSON", async () => {
    expectRefused(await post(chat("solo", "x".repeat(51 * MIB))), 413);
    expect(world.primary.log()).toEqual([]);
  });

  it("over 50 MiB in chunks of unknown length is 413 too", async () => {
    const answer = await post(Buffer.from(JSON.stringify(chat("solo", "x".repeat(51 * MIB)))), {
      "transfer-encoding": "chunked",
    });
    expectRefused(answer, 413);
  });

  it.each(["text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-8", "nonsense"])(
    "content type %s",
    async (type) => {
      const answer = await post(chat("solo", "hi"), { "content-type": type });
      if (answer.status !== 200) expectRefused(answer, 400, 415);
    },
  );

  it.each(["gzip", "zstd", "identity, br"])("a body compressed with %s is 415", async (encoding) => {
    expectRefused(await post(Buffer.from([0x1f, 0x8b, 8, 0]), { "content-encoding": encoding }), 415);
  });
});
