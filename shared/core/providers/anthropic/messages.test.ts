import { describe, expect, it } from "vitest";
import { chat, send, turns } from "./harness.ts";

const hi = { role: "user", content: "Hi" };
const text = (value: string) => ({ type: "text", text: value });

function call(id: string, args: string | null, name = "get_time") {
  return { id, type: "function", function: { name, arguments: args } };
}

describe("system messages", () => {
  it("go to `system`, one block each, whatever their spelling, with their cache marks", () => {
    const mark = { type: "ephemeral" };
    const { system, messages } = turns([
      { role: "system", content: "Be kind." },
      { role: "developer", content: [{ ...text("Be brief."), cache_control: mark }, text("  ")] },
      hi,
    ]);
    expect(system).toEqual([text("Be kind."), { ...text("Be brief."), cache_control: mark }]);
    expect(messages).toEqual([{ role: "user", content: [text("Hi")] }]);
  });

  it("are left out when they are blank", () => {
    expect(turns([{ role: "system", content: " \n" }, hi]).system).toBeUndefined();
  });

  it("that come later are put to the others on models that take none in place", () => {
    const { system, messages } = turns([hi, { role: "system", content: "Now in French." }]);
    expect(system).toEqual([text("Now in French.")]);
    expect(messages).toEqual([{ role: "user", content: [text("Hi")] }]);
  });

  it("keep their place between a user's turn and the assistant's, or at the end, on models that take them", () => {
    const later = { role: "developer", content: "Now in French." };
    const salut = { role: "assistant", content: "Salut" };
    const { system, messages } = turns(
      [{ role: "system", content: "Be kind." }, hi, later, { role: "system", content: "Briefly." }, salut, hi, later],
      "claude-opus-4-8",
    );
    expect(system).toEqual([text("Be kind.")]);
    expect(messages).toEqual([
      { role: "user", content: [text("Hi")] },
      { role: "system", content: [text("Now in French."), text("Briefly.")] },
      { role: "assistant", content: [text("Salut")] },
      { role: "user", content: [text("Hi")] },
      { role: "system", content: [text("Now in French.")] },
    ]);
  });

  it.each([
    ["after the assistant", [hi, { role: "assistant", content: "A" }, { role: "system", content: "S" }, hi]],
    ["before a user", [hi, { role: "system", content: "S" }, hi]],
    [
      "before an assistant that says nothing",
      [hi, { role: "system", content: "S" }, { role: "assistant", content: " " }, hi],
    ],
  ])("go to `system` where no model takes them: %s", (_where, messages) => {
    const translated = turns(messages, "claude-opus-5");
    expect(translated.system).toEqual([text("S")]);
    expect(JSON.stringify(translated.messages)).not.toContain("system");
  });

  it("alone make the last of them what the user says", () => {
    const { system, messages } = turns([
      { role: "system", content: "You are a poet." },
      { role: "system", content: "Write a line." },
    ]);
    expect(system).toEqual([text("You are a poet.")]);
    expect(messages).toEqual([{ role: "user", content: [text("Write a line.")] }]);
  });
});

describe("turns", () => {
  it("of one side in a row become one", () => {
    const { messages } = turns([hi, { role: "user", content: "You?" }, { role: "assistant", content: "A" }, hi]);
    expect(messages).toEqual([
      { role: "user", content: [text("Hi"), text("You?")] },
      { role: "assistant", content: [text("A")] },
      { role: "user", content: [text("Hi")] },
    ]);
  });

  it("without text say so if they are the user's, and are left out if the assistant's", () => {
    const { messages } = turns([
      hi,
      { role: "assistant", content: "" },
      { role: "assistant", content: "A" },
      { role: "user", content: "" },
    ]);
    expect(messages).toEqual([
      { role: "user", content: [text("Hi")] },
      { role: "assistant", content: [text("A")] },
      { role: "user", content: [text("(empty)")] },
    ]);
  });

  it("start with the user's", () => {
    const { messages } = turns([{ role: "assistant", content: "Hello!" }, hi]);
    expect(messages).toEqual([
      { role: "user", content: [text("(empty)")] },
      { role: "assistant", content: [text("Hello!")] },
      { role: "user", content: [text("Hi")] },
    ]);
  });

  it("are never none", () => {
    expect(turns([{ role: "assistant", content: null }], "claude-haiku-4-5").messages).toEqual([
      { role: "user", content: [text("(empty)")] },
    ]);
  });

  it("that the model is to go on with end without white space, where the model goes on", () => {
    const start = [hi, { role: "assistant", content: "It is \\ \u00a0\u3000\n\t" }];
    expect(turns(start, "claude-haiku-4-5").messages).toEqual([
      { role: "user", content: [text("Hi")] },
      { role: "assistant", content: [text("It is \\")] },
    ]);
    const spelled = '{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"a\\\\n\\u0020\\n"}]}';
    expect(send(spelled, { model: "claude-haiku-4-5" }).text).toContain('{"type":"text","text":"a\\\\n"}');
    expect(send({ messages: start }, { model: "claude-sonnet-4-6" }).problem).toMatchObject({
      status: 400,
      param: "messages[1]",
    });
    expect(send({ messages: [...start, { role: "system", content: "S" }] }).problem?.param).toBe("messages[1]");
  });

  it("of the assistant keep its refusals as text and drop its reasoning, which has no signature", () => {
    const { messages } = turns([
      hi,
      { role: "assistant", content: [{ type: "refusal", refusal: "No." }], reasoning_content: "Hm" },
      { role: "assistant", content: null, refusal: "Never." },
      hi,
    ]);
    expect(messages).toEqual([
      { role: "user", content: [text("Hi")] },
      { role: "assistant", content: [text("No."), text("Never.")] },
      { role: "user", content: [text("Hi")] },
    ]);
  });
});

describe("text", () => {
  it("stays in the client's spelling, lone surrogates and odd escapes too", () => {
    const content = '"\\ud83d \\u00e9\\/ \\ude00 é"';
    expect(send(`{"messages":[{"role":"user","content":${content}}]}`).text).toContain(`"text":${content}`);
  });

  it("is found under keys and roles that are spelled with escapes", () => {
    const spelled =
      '{"m\\u0065ssages":[{"r\\u006fle":"us\\u0065r","content":[{"type":"te\\u0078t","t\\u0065xt":"Hi"}]}]}';
    expect(send(spelled).body.messages).toEqual([{ role: "user", content: [text("Hi")] }]);
  });

  it("of the last duplicate counts, as in JSON.parse", () => {
    expect(send('{"messages":[{"role":"user","content":"a","content":"b"}]}').body.messages).toEqual([
      { role: "user", content: [text("b")] },
    ]);
  });
});

describe("tool calls", () => {
  it("follow the text; their results make one user's turn, with what the user says next", () => {
    const { messages } = turns([
      hi,
      {
        role: "assistant",
        content: "Let me see.",
        tool_calls: [call("toolu_1", '{"tz": "UTC"}'), call("toolu_2", "")],
      },
      { role: "tool", tool_call_id: "toolu_1", content: "12:00" },
      { role: "tool", tool_call_id: "toolu_2", content: [text("13:00"), text("")] },
      { role: "user", content: "And?" },
    ]);
    expect(messages).toEqual([
      { role: "user", content: [text("Hi")] },
      {
        role: "assistant",
        content: [
          text("Let me see."),
          { type: "tool_use", id: "toolu_1", name: "get_time", input: { tz: "UTC" } },
          { type: "tool_use", id: "toolu_2", name: "get_time", input: {} },
        ],
      },
      {
        role: "user",
        content: [
          { type: "tool_result", tool_use_id: "toolu_1", content: "12:00" },
          { type: "tool_result", tool_use_id: "toolu_2", content: [text("13:00")] },
          text("And?"),
        ],
      },
    ]);
  });

  it("keep the digits and escapes of their arguments", () => {
    const args = '{"n":12345678901234567890,"s":"\\"\\u00e9\\n\\ud83d\\ude00","e":1e400}';
    const request = {
      messages: [hi, { role: "assistant", tool_calls: [call("a", args)] }, { role: "tool", tool_call_id: "a" }],
    };
    expect(send(request).text).toContain(`"input":${args}`);
    // The outer string's own escapes are taken off: a pair and a half of one.
    const spelled = JSON.stringify(request).replace("\\\\ud83d\\\\ude00", "\\ud83d\\ude00\\ud83d");
    expect(send(spelled).text).toContain('\\n😀\ufffd"');
  });

  it("without arguments, or with blank ones, have an empty input", () => {
    const { body } = send({
      messages: [
        hi,
        { role: "assistant", tool_calls: [call("a", null), call("b", " \n")] },
        { role: "tool", tool_call_id: "a", content: "" },
      ],
    });
    expect(JSON.stringify(body.messages).match(/"input":\{\}/g)).toHaveLength(2);
    expect(JSON.stringify(body.messages)).toContain('{"type":"tool_result","tool_use_id":"a"}');
  });

  it.each(["{", "[]", '"x"', "1", "null", '{"a":1}}', "{'a':1}"])("with the arguments %s are refused", (args) => {
    const refused = send({
      messages: [hi, { role: "assistant", tool_calls: [call("a", "{}"), call("b", args)] }],
    });
    // The last turn is refused first on models without prefill: ask one that has it.
    expect(refused.problem?.status).toBe(400);
    const { problem } = send(
      { messages: [hi, { role: "assistant", tool_calls: [call("a", "{}"), call("b", args)] }] },
      { model: "claude-haiku-4-5" },
    );
    expect(problem).toMatchObject({
      status: 400,
      type: "invalid_request_error",
      param: "messages[1].tool_calls[1].function.arguments",
    });
  });

  it("get the same id as their result when theirs holds what the API refuses, and never another's", () => {
    const ids = ["call|1", "call:1", "call_1", "ü", 'q"\\'];
    const { messages } = turns([
      hi,
      { role: "assistant", tool_calls: ids.map((id) => call(id, "{}")) },
      ...ids.map((id) => ({ role: "tool", tool_call_id: id, content: "x" })),
    ]) as { messages: { content: { id?: string; tool_use_id?: string }[] }[] };
    const called = messages[1]!.content.map((block) => block.id);
    expect(called).toEqual(["call_7c1", "call_3a1", "call_1", "_c3_bc", "q_22_5c"]);
    expect(messages[2]!.content.map((block) => block.tool_use_id)).toEqual(called);
  });

  it("in the old way are paired by their order", () => {
    const { messages } = turns([
      hi,
      { role: "assistant", content: null, function_call: { name: "f", arguments: '{"a":1}' } },
      { role: "function", name: "f", content: "one" },
      { role: "assistant", content: null, function_call: { name: "f", arguments: "" } },
      { role: "function", name: "f", content: "two" },
    ]);
    expect(messages).toEqual([
      { role: "user", content: [text("Hi")] },
      { role: "assistant", content: [{ type: "tool_use", id: "function_1", name: "f", input: { a: 1 } }] },
      { role: "user", content: [{ type: "tool_result", tool_use_id: "function_1", content: "one" }] },
      { role: "assistant", content: [{ type: "tool_use", id: "function_2", name: "f", input: {} }] },
      { role: "user", content: [{ type: "tool_result", tool_use_id: "function_2", content: "two" }] },
    ]);
  });
});

describe("messages of a wrong shape are refused by name", () => {
  const user = (content: unknown) => [hi, { role: "user", content }];
  const calls = (toolCalls: unknown) => [hi, { role: "assistant", tool_calls: toolCalls }, hi];
  it.each<[string, unknown]>([
    ["messages", undefined],
    ["messages", null],
    ["messages", []],
    ["messages", "Hi"],
    ["messages", { role: "user", content: "Hi" }],
    ["messages[1]", [hi, "Hi"]],
    ["messages[1].role", [hi, { content: "Hi" }]],
    ["messages[1].role", [hi, { role: null, content: "Hi" }]],
    ["messages[1].role", [hi, { role: 1, content: "Hi" }]],
    ["messages[1].role", [hi, { role: "narrator", content: "Hi" }]],
    ["messages[1].content", user(null)],
    ["messages[1].content", user(1)],
    ["messages[1].content", user({ type: "text", text: "Hi" })],
    ["messages[1].content[0].type", user(["Hi"])],
    ["messages[1].content[1].type", user([text("a"), { type: "video" }])],
    ["messages[1].content[0].text", user([{ type: "text" }])],
    ["messages[1].content[0].text", user([{ type: "text", text: 1 }])],
    ["messages[1].content[0]", user([{ type: "input_audio", input_audio: { data: "", format: "wav" } }])],
    ["messages[0].content", [{ role: "system", content: 1 }, hi]],
    ["messages[0].content[0].type", [{ role: "system", content: [{ type: "image_url" }] }, hi]],
    ["messages[0].content", [{ role: "system" }, hi]],
    ["messages[1].content", [hi, { role: "assistant", content: 1 }, hi]],
    ["messages[1].content[0].text", [hi, { role: "assistant", content: [1] }, hi]],
    ["messages[1].audio", [hi, { role: "assistant", audio: { id: "audio_1" } }, hi]],
    ["messages[1].tool_calls", calls("x")],
    ["messages[1].tool_calls[0].id", calls(["x"])],
    ["messages[1].tool_calls[0].id", calls([call("", "{}")])],
    ["messages[1].tool_calls[0].type", calls([{ id: "a", type: "custom", custom: { name: "c", input: "x" } }])],
    ["messages[1].tool_calls[0].function", calls([{ id: "a", type: "function" }])],
    ["messages[1].tool_calls[0].function.name", calls([{ id: "a", function: { arguments: "{}" } }])],
    ["messages[1].tool_calls[0].function.name", calls([call("a", "{}", "")])],
    ["messages[1].tool_calls[0].function.arguments", calls([{ id: "a", function: { name: "f", arguments: {} } }])],
    ["messages[1].function_call.name", [hi, { role: "assistant", function_call: "f" }, hi]],
    ["messages[1].tool_call_id", [hi, { role: "tool", content: "x" }]],
    ["messages[1].tool_call_id", [hi, { role: "tool", tool_call_id: 7, content: "x" }]],
    ["messages[1].content", [hi, { role: "tool", tool_call_id: "a", content: 7 }]],
  ])("%s", (param, messages) => {
    const { problem } = send(chat({ messages }));
    expect(problem).toMatchObject({ status: 400, type: "invalid_request_error", param });
    expect(problem?.message).not.toBe("");
  });
});
