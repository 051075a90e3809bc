import { describe, expect, it } from "vitest";
import { answer, choiceOf, type JsonObject, send } from "./harness.ts";

const sent = (messages: unknown[], model?: string) =>
  send({ model: "m", messages }, model === undefined ? {} : { model });
const turns = (messages: unknown[], model?: string) => sent(messages, model).body.contents;
const user = (content: unknown) => ({ role: "user", content });
const calling = (...calls: [string, string, string][]) => ({
  role: "assistant",
  content: null,
  tool_calls: calls.map(([id, name, args]) => ({ id, type: "function", function: { name, arguments: args } })),
});
const result = (tool_call_id: string, content: unknown) => ({ role: "tool", tool_call_id, content });
const said = (...texts: string[]) => texts.map((text) => ({ text }));

describe("messages", () => {
  it("become turns, those of one side together, and instructions stand apart", () => {
    const { body } = sent([
      { role: "system", content: "S" },
      user("A"),
      user([{ type: "text", text: "B" }]),
      { role: "assistant", content: "C", reasoning_content: "not sent" },
      { role: "developer", content: [{ type: "text", text: "D" }] },
      { role: "assistant", content: [{ type: "refusal", refusal: "E" }] },
      user("F"),
    ]);
    expect(body).toEqual({
      systemInstruction: { parts: said("S", "D") },
      contents: [
        { role: "user", parts: said("A", "B") },
        { role: "model", parts: said("C", "E") },
        { role: "user", parts: said("F") },
      ],
    });
  });

  it("never leave a turn empty, nor the first to the model", () => {
    expect(turns([{ role: "assistant", content: "A" }, user("")])).toEqual([
      { role: "user", parts: said("(empty)") },
      { role: "model", parts: said("A") },
      { role: "user", parts: said("(empty)") },
    ]);
  });

  it("of the system alone are asked by the user", () => {
    const { body } = sent([
      { role: "system", content: "A" },
      { role: "system", content: "B" },
    ]);
    expect(body).toEqual({
      systemInstruction: { parts: said("A") },
      contents: [{ role: "user", parts: said("B") }],
    });
  });

  it("may hold images, audio and files", () => {
    const image = (url: string) => ({ type: "image_url", image_url: { url, detail: "low" } });
    const file = (file_data: string) => ({ type: "file", file: { file_data, filename: "a.pdf" } });
    const parts = [
      image("data:image/jpg;base64,AA+/="),
      image("data:image/png;charset=x;base64,A\nB"),
      image("https://a.test/b.png?c=d.gif"),
      image("https://a.test/b"),
      file("data:application/pdf;base64,JVBE"),
      file("JVBERi0="),
      { type: "input_audio", input_audio: { data: "UklG", format: "wav" } },
    ];
    expect(turns([user(parts)])).toEqual([
      {
        role: "user",
        parts: [
          { inlineData: { mimeType: "image/jpeg", data: "AA+/=" } },
          { inlineData: { mimeType: "image/png", data: "AB" } },
          { fileData: { mimeType: "image/png", fileUri: "https://a.test/b.png?c=d.gif" } },
          { fileData: { mimeType: "image/jpeg", fileUri: "https://a.test/b" } },
          { inlineData: { mimeType: "application/pdf", data: "JVBE" } },
          { inlineData: { mimeType: "application/pdf", data: "JVBERi0=" } },
          { inlineData: { mimeType: "audio/wav", data: "UklG" } },
        ],
      },
    ]);
  });

  it.each<[unknown[], string]>([
    [[], "messages"],
    [["x"], "messages[0]"],
    [[{ content: "x" }], "messages[0].role"],
    [[{ role: "robot" }], "messages[0].role"],
    [[{ role: "user" }], "messages[0].content"],
    [[user(7)], "messages[0].content"],
    [[user([{ type: "video" }])], "messages[0].content[0].type"],
    [
      [user([{ type: "image_url", image_url: { url: "http://a.test/b.png" } }])],
      "messages[0].content[0].image_url.url",
    ],
    [[user([{ type: "file", file: { file_id: "f" } }])], "messages[0].content[0].file.file_id"],
    [[user([{ type: "file", file: { file_data: "AA" } }])], "messages[0].content[0].file.file_data"],
    [[user("A"), result("x", "B")], "messages[1].role"],
    [[calling(["a", "f", "{}"]), result("b", "B")], "messages[1]"],
    [[calling(["a", "f", "{}"]), result("a", "B"), result("a", "C")], "messages[2]"],
    [[calling(["a", "f", "{}"]), user("B")], "messages[0].tool_calls[0]"],
    [[calling(["a", "f", "{}"], ["b", "f", "{}"]), result("b", "B"), user("C")], "messages[0].tool_calls[0]"],
    [[calling(["a", "f", "{}"], ["b", "f", "{}"]), result("b", "B")], "messages[0].tool_calls[0]"],
    [[calling(["a", "f", "[]"])], "messages[0].tool_calls[0].function.arguments"],
    [[calling(["", "f", "{}"])], "messages[0].tool_calls[0].id"],
  ])("%j are refused", (messages, param) => {
    expect(sent(messages).problem).toMatchObject({ status: 400, param });
  });

  it("that call very many tools are refused, not searched", () => {
    const calls = Array.from({ length: 129 }, (_, i): [string, string, string] => [`c${i}`, "f", "{}"]);
    expect(sent([calling(...calls)]).problem).toMatchObject({ status: 400, param: "messages[0].tool_calls" });
  });
});

describe("a round of tools", () => {
  const messages = [
    user("A"),
    calling(["a", "f", '{"n":12345678901234567890}'], ["b", "g", ""]),
    result("b", [
      { type: "text", text: "12:" },
      { type: "text", text: '"00"' },
    ]),
    result("a", ' {"ok": 1.50}'),
    user("B"),
  ];

  it("has its results in one turn, in the order of the calls, each under its function's name", () => {
    expect(sent(messages).text).toContain('"args":{"n":12345678901234567890}');
    expect(sent(messages).text).toContain('{"ok": 1.50}');
    expect(turns(messages)).toEqual([
      { role: "user", parts: said("A") },
      {
        role: "model",
        parts: [
          { functionCall: { name: "f", args: { n: Number("12345678901234567890") } } },
          { functionCall: { name: "g", args: {} } },
        ],
      },
      {
        role: "user",
        parts: [
          { functionResponse: { name: "f", response: { ok: 1.5 } } },
          { functionResponse: { name: "g", response: { output: '12:"00"' } } },
          { text: "B" },
        ],
      },
    ]);
  });

  it("has ids from Gemini 3 on, and a stand-in for the first call's lost signature", () => {
    const [, model, answered] = turns(messages, "gemini-3-pro-preview") as { parts: JsonObject[] }[];
    expect(model?.parts).toMatchObject([
      { functionCall: { id: "a", name: "f" }, thoughtSignature: "skip_thought_signature_validator" },
      { functionCall: { id: "b", name: "g" } },
    ]);
    expect(model?.parts[1]).not.toHaveProperty("thoughtSignature");
    expect(answered?.parts).toMatchObject([{ functionResponse: { id: "a" } }, { functionResponse: { id: "b" } }, {}]);
  });

  it.each(["CkQB+/==", "CkQB-_", "sig_2b", "é", "a\\b"])(
    "brings back the signature %j in the call's id",
    (signature) => {
      const given = answer([
        { functionCall: { id: "fc|1", name: "f", args: {} }, thoughtSignature: signature },
        { functionCall: { id: "fc-2", name: "f", args: {} } },
      ]);
      const message = choiceOf(given).message as { tool_calls: { id: string }[] };
      const ids = message.tool_calls.map((call) => call.id);
      expect(ids[0]).toMatch(/^fc\|1__thought__[A-Za-z0-9_-]+$/);
      const next = [user("A"), message, ...ids.map((id) => result(id, "R"))];
      const [, model, results] = turns(next, "gemini-3-pro-preview") as { parts: JsonObject[] }[];
      expect(model?.parts).toEqual([
        { functionCall: { id: "fc|1", name: "f", args: {} }, thoughtSignature: signature },
        { functionCall: { id: "fc-2", name: "f", args: {} } },
      ]);
      expect(results?.parts).toMatchObject([
        { functionResponse: { id: "fc|1" } },
        { functionResponse: { id: "fc-2" } },
      ]);
    },
  );

  it("takes the signature from where Google's OpenAI layer puts it, too", () => {
    const message = calling(["a", "f", "{}"]) as { tool_calls: JsonObject[] };
    const extra_content = { google: { thought_signature: "c2ln" } };
    message.tool_calls = message.tool_calls.map((call) => ({ ...call, extra_content }));
    const [, model] = turns([user("A"), message, result("a", "R")], "gemini-3-pro-preview") as {
      parts: JsonObject[];
    }[];
    expect(model?.parts).toMatchObject([{ thoughtSignature: "c2ln" }]);
  });

  it("may be of the old way", () => {
    const old = [
      user("A"),
      { role: "assistant", content: null, function_call: { name: "f", arguments: "{}" } },
      { role: "function", name: "f", content: "R" },
    ];
    expect(turns(old, "gemini-2.5-pro")).toMatchObject([
      {},
      { role: "model", parts: [{ functionCall: { name: "f", args: {} } }] },
      { role: "user", parts: [{ functionResponse: { name: "f", response: { output: "R" } } }] },
    ]);
  });
});
