import { describe, expect, it } from "vitest";
import { chat, type JsonObject, type Setting, send } from "./harness.ts";

const body = (members: JsonObject, model?: string) => send(chat(members), model === undefined ? {} : { model }).body;
const config = (members: JsonObject, model?: string) => body(members, model).generationConfig as JsonObject | undefined;
const refused = (members: JsonObject, setting?: Setting) => send(chat(members), setting).problem;
const tool = (name: string, parameters?: JsonObject) => ({ type: "function", function: { name, parameters } });
const f = tool("f", { type: "object", properties: { a: { type: "string" } } });

describe("the call", () => {
  it("has the method's path, the key in a header, and nothing that was not asked for", () => {
    const sent = send(chat(), { credential: "AIza-1" });
    expect(sent.path).toBe("/v1beta/models/gemini-2.5-flash:generateContent");
    expect(sent.headers).toEqual({
      "content-type": "application/json",
      accept: "application/json",
      "x-goog-api-key": "AIza-1",
    });
    expect(sent.text).toBe('{"contents":[{"role":"user","parts":[{"text":"Hi"}]}]}');
  });

  it.each([
    ["", "", "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse"],
    ["/v1beta", "", "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse"],
    ["/v1", "a=b", "/v1/models/gemini-2.5-flash:streamGenerateContent?alt=sse&a=b"],
    ["/proxy", "", "/proxy/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse"],
    ["/proxy/v1beta", "", "/proxy/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse"],
  ])("streams below the base URL's path %j and query %j", (path, query, expected) => {
    const sent = send(chat({ stream: true }), { path, query, credential: "" });
    expect(sent.path).toBe(expected);
    expect(sent.headers).toEqual({ "content-type": "application/json", accept: "text/event-stream" });
  });

  it("takes a model by its resource's name", () => {
    const { path } = send(chat(), { model: "tunedModels/mine" });
    expect(path).toBe("/v1beta/tunedModels/mine:generateContent");
  });

  it("of another endpoint cannot be made", () => {
    expect(send(chat(), { endpoint: 99 }).problem).toMatchObject({ status: 400, code: "unsupported_endpoint" });
  });
});

describe("generationConfig", () => {
  it("has what both APIs know", () => {
    const members = {
      temperature: 0.4,
      top_p: 0.9,
      top_k: 3,
      presence_penalty: 0.5,
      frequency_penalty: -0.5,
      max_tokens: 9,
      stop: ["END", ""],
      n: 2,
      seed: 7,
      logprobs: true,
      top_logprobs: 3,
    };
    expect(config(members)).toEqual({
      temperature: 0.4,
      topP: 0.9,
      topK: 3,
      presencePenalty: 0.5,
      frequencyPenalty: -0.5,
      maxOutputTokens: 9,
      stopSequences: ["END"],
      candidateCount: 2,
      seed: 7,
      responseLogprobs: true,
      logprobs: 3,
    });
    expect(config({ max_tokens: 5, max_completion_tokens: 6, stop: "E" })).toEqual({
      maxOutputTokens: 6,
      stopSequences: ["E"],
    });
    expect(config({ n: 1, presence_penalty: 0, user: "ada", stop: [], seed: -1 })).toBeUndefined();
  });

  it("has no penalties from Gemini 3 on", () => {
    expect(config({ presence_penalty: 1 }, "gemini-3-pro-preview")).toBeUndefined();
    const strict = { strict: true, model: "gemini-3-pro-preview" };
    expect(refused({ presence_penalty: 1 }, strict)).toMatchObject({ param: "presence_penalty" });
    expect(refused({ presence_penalty: 0 }, strict)).toBeNull();
  });

  it.each<[JsonObject, string]>([
    [{ max_tokens: 0 }, "max_tokens"],
    [{ max_completion_tokens: 1.5 }, "max_completion_tokens"],
    [{ temperature: "hot" }, "temperature"],
    [{ stop: 5 }, "stop"],
    [{ stop: ["a", "b", "c", "d", "e", "f"] }, "stop"],
    [{ n: 0 }, "n"],
    [{ n: 9 }, "n"],
    [{ logprobs: true, top_logprobs: 21 }, "top_logprobs"],
    [{ response_format: { type: "xml" } }, "response_format.type"],
    [{ response_format: { type: "json_schema" } }, "response_format.json_schema.schema"],
    [{ reasoning_effort: "hard" }, "reasoning_effort"],
    [{ modalities: ["text", "audio"] }, "modalities"],
    [{ web_search_options: {} }, "web_search_options"],
    [{ tool_choice: "required" }, "tool_choice"],
  ])("refuses %j", (members, param) => {
    expect(refused(members)).toMatchObject({ status: 400, param });
  });

  it.each<[string, string, JsonObject | undefined]>([
    ["gemini-2.5-flash", "none", { thinkingBudget: 0 }],
    ["gemini-2.5-flash", "low", { thinkingBudget: 1024, includeThoughts: true }],
    ["gemini-2.5-flash", "medium", { thinkingBudget: 8192, includeThoughts: true }],
    ["gemini-2.5-flash", "max", { thinkingBudget: 24576, includeThoughts: true }],
    ["gemini-2.5-pro", "none", { thinkingBudget: 128 }],
    ["gemini-2.5-pro", "max", { thinkingBudget: 32768, includeThoughts: true }],
    ["gemini-3-pro-preview", "minimal", { thinkingLevel: "low", includeThoughts: true }],
    ["gemini-3-pro-preview", "medium", { thinkingLevel: "high", includeThoughts: true }],
    ["gemini-3.6-flash", "none", { thinkingLevel: "minimal" }],
    ["models/gemini-3.6-flash", "medium", { thinkingLevel: "medium", includeThoughts: true }],
    ["gemini-flash-latest", "xhigh", { thinkingLevel: "high", includeThoughts: true }],
    ["gemini-2.0-flash", "high", undefined],
    ["gemma-3-27b-it", "high", undefined],
  ])("%s thinks at effort %s: %j", (model, effort, expected) => {
    expect(config({ reasoning_effort: effort }, model)?.thinkingConfig).toEqual(expected);
  });

  const schema = { type: "object", properties: { a: { const: "x" } } };
  const asked = { response_format: { type: "json_schema", json_schema: { name: "n", schema } } };
  const known = { type: "object", properties: { a: { enum: ["x"], type: "string" } } };

  it("asks for JSON, by schema where the model takes one", () => {
    expect(config({ response_format: { type: "text" } })).toBeUndefined();
    expect(config({ response_format: { type: "json_object" } })).toEqual({ responseMimeType: "application/json" });
    expect(config(asked)).toEqual({ responseMimeType: "application/json", responseJsonSchema: known });
    const older = body(asked, "gemini-1.5-pro");
    expect(older.generationConfig).toEqual({ responseMimeType: "application/json" });
    expect(JSON.stringify(older.systemInstruction)).toContain("JSON Schema");
  });

  it("asks in words for JSON beside tools before Gemini 3", () => {
    const sent = body({ ...asked, tools: [f] });
    expect(sent.generationConfig).toBeUndefined();
    expect(JSON.stringify(sent.systemInstruction)).toContain("JSON Schema");
    expect(refused({ ...asked, tools: [f] }, { strict: true })).toMatchObject({ param: "response_format" });
    expect(config({ ...asked, tools: [f] }, "gemini-3.1-pro")).toMatchObject({ responseJsonSchema: known });
  });
});

describe("tools", () => {
  const tools = (list: unknown[]) => (body({ tools: list }).tools as JsonObject[])[0]?.functionDeclarations;

  it("are declarations with JSON Schema; one without parameters has no schema", () => {
    const described = { type: "function", function: { name: "g", description: "D", parameters: { type: "object" } } };
    const empty = tool("h", { type: "object", properties: {} });
    expect(tools([f, described, empty])).toEqual([
      { name: "f", parametersJsonSchema: { type: "object", properties: { a: { type: "string" } } } },
      { name: "g", description: "D" },
      { name: "h" },
    ]);
  });

  it("have the schema that the API knows: references alone, no const, no OpenAPI nullable", () => {
    const parameters = {
      $schema: "https://json-schema.org/draft/2020-12/schema",
      type: "object",
      properties: {
        kind: { const: "a" },
        nothing: { const: null, type: "null" },
        always: { const: true },
        level: { const: 3, type: "integer" },
        name: { type: "string", nullable: true },
        maybe: { anyOf: [{ $ref: "#/definitions/Node", description: "D" }, { type: "null" }] },
        node: { allOf: [{ $ref: "#/definitions/Node" }], description: "D" },
        both: { type: ["string", "null"] },
        list: { type: "array", items: { const: "b" } },
        const: { type: "string" },
        enum: { enum: ["a", 2] },
        unit: { type: ["string", "null"], enum: ["C", null] },
        side: { enum: ["L", "R", null] },
        on: { enum: [true] },
      },
      additionalProperties: false,
      definitions: { Node: { type: "object", properties: { next: { $ref: "#/definitions/Node" } } } },
    };
    const declared = tools([tool("f", parameters)]) as JsonObject[];
    expect(declared[0]?.parametersJsonSchema).toEqual({
      type: "object",
      properties: {
        kind: { enum: ["a"], type: "string" },
        nothing: { type: "null" },
        always: { type: "boolean" },
        level: { enum: [3], type: "integer" },
        name: { type: ["string", "null"] },
        maybe: { anyOf: [{ $ref: "#/$defs/Node" }, { type: "null" }] },
        node: { $ref: "#/$defs/Node" },
        both: { type: ["string", "null"] },
        list: { type: "array", items: { enum: ["b"], type: "string" } },
        const: { type: "string" },
        enum: { enum: ["a", 2] },
        unit: { type: ["string", "null"], enum: ["C"] },
        side: { type: ["string", "null"], enum: ["L", "R"] },
        on: { type: "boolean" },
      },
      additionalProperties: false,
      $defs: { Node: { type: "object", properties: { next: { $ref: "#/$defs/Node" } } } },
    });
  });

  it.each<[unknown, unknown]>([
    [undefined, undefined],
    ["auto", { mode: "AUTO" }],
    ["none", { mode: "NONE" }],
    ["required", { mode: "ANY" }],
    [
      { type: "function", function: { name: "1f" } },
      { mode: "ANY", allowedFunctionNames: ["_1f"] },
    ],
  ])("are chosen by %j: %j", (choice, expected) => {
    const sent = body({ tools: [f, tool("1f")], tool_choice: choice });
    expect((sent.toolConfig as JsonObject | undefined)?.functionCallingConfig).toEqual(expected);
  });

  it("that are not allowed are not declared", () => {
    const allowed_tools = { mode: "required", tools: [{ type: "function", function: { name: "f" } }] };
    const sent = body({ tools: [f, tool("g")], tool_choice: { type: "allowed_tools", allowed_tools } });
    expect(sent.tools).toEqual([
      { functionDeclarations: [{ name: "f", parametersJsonSchema: f.function.parameters }] },
    ]);
    expect(sent.toolConfig).toEqual({ functionCallingConfig: { mode: "ANY" } });
  });

  it("may be functions of the old way", () => {
    const sent = body({ functions: [f.function], function_call: { name: "f" } });
    expect(sent.tools).toEqual(body({ tools: [f] }).tools);
    expect(sent.toolConfig).toEqual({ functionCallingConfig: { mode: "ANY", allowedFunctionNames: ["f"] } });
  });

  it.each<[unknown, string]>([
    [[{ type: "custom" }], "tools[0].type"],
    [[{ type: "function" }], "tools[0].function"],
    [[tool("a b")], "tools[0].function.name"],
    [[{ function: { name: "f", parameters: [] } }], "tools[0].function.parameters"],
  ])("%j are refused", (list, param) => {
    expect(refused({ tools: list })).toMatchObject({ status: 400, param });
  });
});
