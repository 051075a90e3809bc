import { describe, expect, it } from "vitest";
import { ByteWriter } from "../../byte-writer.ts";
import { Json } from "../../json.ts";
import { JsonWriter } from "../../json-writer.ts";
import { decodeUtf8, encodeUtf8 } from "../../text.ts";
import { chat, type JsonObject, type Setting, send } from "./harness.ts";
import { ToolNames } from "./tool-names.ts";

const schema = { type: "object", properties: { tz: { type: "string" } }, required: ["tz"] };
const tool = (members: JsonObject = {}) => ({
  type: "function",
  function: { name: "f", description: "D", parameters: schema, ...members },
});
const body = (members: JsonObject, setting?: Setting) => send(chat(members), setting).body;
const refused = (members: JsonObject, setting?: Setting) => send(chat(members), setting).problem;

describe("tools", () => {
  it("keep name, description and schema, the schema in the client's spelling", () => {
    expect(body({ tools: [tool()] }).tools).toEqual([{ name: "f", description: "D", input_schema: schema }]);
    const spelled =
      '{"messages":[{"role":"user","content":"Hi"}],"tools":[{"function":{"name":"f","parameters":{"type" : "object","x":1.0e2}}}]}';
    expect(send(spelled).text).toContain('"input_schema":{"type" : "object","x":1.0e2}');
  });

  it.each<[unknown, unknown]>([
    [undefined, { type: "object", properties: {} }],
    [null, { type: "object", properties: {} }],
    [{}, { type: "object", properties: {} }],
    [{ properties: { a: {} } }, { type: "object", properties: { a: {} } }],
    [
      { type: null, properties: {} },
      { type: "object", properties: {} },
    ],
  ])("with the parameters %j have the schema %j", (parameters, expected) => {
    expect(body({ tools: [tool({ parameters })] }).tools).toEqual([
      { name: "f", description: "D", input_schema: expected },
    ]);
  });

  it("may be described in the old way", () => {
    const sent = body({ functions: [{ name: "f", parameters: schema }], function_call: { name: "f" } });
    expect(sent.tools).toEqual([{ name: "f", input_schema: schema }]);
    expect(sent.tool_choice).toEqual({ type: "tool", name: "f", disable_parallel_tool_use: true });
    expect(body({ functions: [{ name: "f" }], function_call: "none" }).tool_choice).toEqual({ type: "none" });
    expect(body({ functions: [{ name: "f" }] }).tool_choice).toEqual({ type: "auto", disable_parallel_tool_use: true });
  });

  it("that are strict have a closed schema, where the model enforces it", () => {
    const strict = tool({ strict: true, parameters: { ...schema, additionalProperties: false } });
    expect(body({ tools: [strict] }).tools).toEqual([
      { name: "f", description: "D", input_schema: { ...schema, additionalProperties: false }, strict: true },
    ]);
    const old = { model: "claude-sonnet-4-20250514" };
    expect(body({ tools: [strict] }, old).tools).toEqual([
      { name: "f", description: "D", input_schema: { ...schema, additionalProperties: false } },
    ]);
    expect(refused({ tools: [strict] }, { ...old, strict: true })?.param).toBe("tools[0].function.strict");
    const open = tool({ strict: true, parameters: { type: "object", additionalProperties: { type: "string" } } });
    expect(body({ tools: [open] }).tools).toEqual([
      { name: "f", description: "D", input_schema: { type: "object", additionalProperties: { type: "string" } } },
    ]);
    const many = body({ tools: Array.from({ length: 22 }, () => strict) }).tools as JsonObject[];
    expect(many.filter((each) => each.strict === true)).toHaveLength(20);
  });

  it("get a name that the API takes, each its own", () => {
    const long = "a".repeat(200);
    const names = ["plain_1", "srv.tool", "srv/tool", "温度", "a".repeat(128), `${long}x`, `${long}y`];
    const sent = body({ tools: names.map((name) => tool({ name })), tool_choice: { function: { name: "srv.tool" } } });
    const told = (sent.tools as { name: string }[]).map(({ name }) => name);
    expect(told.slice(0, 5)).toEqual(["plain_1", "srv_2etool", "srv_2ftool", "_e6_b8_a9_e5_ba_a6", "a".repeat(128)]);
    for (const name of told) expect(name).toMatch(/^[a-zA-Z0-9_-]{1,128}$/);
    expect(new Set(told).size).toBe(names.length);
    expect(sent.tool_choice).toMatchObject({ name: "srv_2etool" });
    const request = Json.parse(encodeUtf8(JSON.stringify({ tools: names.map((name) => tool({ name })) }))) as Json;
    const known = new ToolNames(request);
    const shown = (name: unknown) => {
      const out = new ByteWriter(0);
      known.write(Json.parse(encodeUtf8(JSON.stringify(name))), new JsonWriter(out));
      return JSON.parse(decodeUtf8(out.bytes, 0, out.length)) as unknown;
    };
    expect(told.map(shown)).toEqual(names);
    expect([shown("other"), shown(7), shown(null)]).toEqual(["other", "", ""]);
  });

  it("keep their cache mark", () => {
    const mark = { type: "ephemeral" };
    expect(body({ tools: [{ ...tool(), cache_control: mark }] }).tools).toMatchObject([{ cache_control: mark }]);
  });

  it("that are none are left out", () => {
    const sent = body({ tools: [], tool_choice: "auto", parallel_tool_calls: false });
    expect(Object.keys(sent)).toEqual(["model", "max_tokens", "messages"]);
  });

  it.each<[string, JsonObject]>([
    ["tools", { tools: "f" }],
    ["tools", { tools: { a: 1 } }],
    ["tools[0].type", { tools: [{ type: "custom", custom: { name: "c" } }] }],
    ["tools[0].function", { tools: [{ type: "function" }] }],
    ["tools[1].function.name", { tools: [tool(), { type: "function", function: {} }] }],
    ["tools[0].function.name", { tools: [tool({ name: "" })] }],
    ["tools[0].function.parameters", { tools: [tool({ parameters: [] })] }],
    ["functions[0].name", { functions: ["f"] }],
    ["functions", { functions: true }],
  ])("of a wrong shape are refused: %s", (param, members) => {
    expect(refused(members)).toMatchObject({ status: 400, param });
  });
});

describe("tool_choice", () => {
  const tools = [tool(), tool({ name: "g" })];
  it.each<[unknown, unknown]>([
    ["auto", { type: "auto" }],
    ["none", { type: "none" }],
    ["required", { type: "any" }],
    [
      { type: "function", function: { name: "g" } },
      { type: "tool", name: "g" },
    ],
    [null, undefined],
  ])("%j becomes %j", (choice, expected) => {
    expect(body({ tools, tool_choice: choice }).tool_choice).toEqual(expected);
  });

  it.each<[unknown, unknown]>([
    [undefined, { type: "auto", disable_parallel_tool_use: true }],
    ["auto", { type: "auto", disable_parallel_tool_use: true }],
    ["required", { type: "any", disable_parallel_tool_use: true }],
    ["none", { type: "none" }],
  ])("%j without parallel calls becomes %j", (choice, expected) => {
    expect(body({ tools, tool_choice: choice, parallel_tool_calls: false }).tool_choice).toEqual(expected);
  });

  it("of some tools sends only these", () => {
    const named = (name: string) => ({ type: "function", function: { name } });
    const choice = { type: "allowed_tools", allowed_tools: { mode: "required", tools: [named("g")] } };
    const sent = body({ tools, tool_choice: choice });
    expect(sent.tools).toMatchObject([{ name: "g" }]);
    expect(sent.tool_choice).toEqual({ type: "any" });
    const many = { type: "allowed_tools", allowed_tools: { tools: Array.from({ length: 129 }, () => named("g")) } };
    expect(refused({ tools, tool_choice: many })?.param).toBe("tool_choice.allowed_tools.tools");
  });

  it.each(["claude-opus-5-5", "claude-sonnet-5-5", "claude-fable-5-1", "claude-mythos-5-1"])(
    "that forces a call is asked of %s in words, or refused when asked to be strict",
    (model) => {
      const any = body({ tools, tool_choice: "required" }, { model });
      expect(any.tool_choice).toEqual({ type: "auto" });
      expect(any.system).toEqual([{ type: "text", text: "You must answer with a call of at least one of the tools." }]);
      const one = body({ tools, tool_choice: { type: "function", function: { name: "g" } } }, { model });
      expect(one.tool_choice).toEqual({ type: "auto" });
      expect(one.system).toEqual([{ type: "text", text: "You must answer with a call of the tool `g`." }]);
      expect(refused({ tools, tool_choice: "required" }, { model, strict: true })?.param).toBe("tool_choice");
    },
  );

  it.each<[string, JsonObject]>([
    ["tool_choice", { tools, tool_choice: "always" }],
    ["tool_choice", { tools, tool_choice: 7 }],
    ["tool_choice", { tool_choice: "required" }],
    ["tool_choice", { tools: [], tool_choice: { type: "function", function: { name: "f" } } }],
    ["tool_choice.type", { tools, tool_choice: { type: "custom", custom: { name: "c" } } }],
    ["tool_choice.function", { tools, tool_choice: {} }],
    ["tool_choice.function.name", { tools, tool_choice: { function: "f" } }],
    ["tool_choice.allowed_tools.tools", { tools, tool_choice: { type: "allowed_tools" } }],
    [
      "tool_choice.allowed_tools.mode",
      { tools, tool_choice: { type: "allowed_tools", allowed_tools: { mode: "x", tools: [] } } },
    ],
    ["function_call", { functions: [{ name: "f" }], function_call: "always" }],
    ["function_call.name", { functions: [{ name: "f" }], function_call: {} }],
  ])("of a wrong shape is refused: %s", (param, members) => {
    expect(refused(members)).toMatchObject({ status: 400, param });
  });
});

describe("response_format", () => {
  const format = (given: unknown) => ({
    response_format: { type: "json_schema", json_schema: { name: "n", strict: true, schema: given } },
  });
  const sentSchema = (given: unknown) => {
    const config = body(format(given)).output_config as { format: { type: string; schema: unknown } };
    expect(config.format.type).toBe("json_schema");
    return config.format.schema;
  };

  it("json_object is asked for in words", () => {
    const sent = body({ response_format: { type: "json_object" } });
    expect(sent.system).toEqual([{ type: "text", text: expect.stringContaining("one valid JSON object") }]);
    expect(sent).not.toHaveProperty("output_config");
  });

  it("closes each object, and tells in words what constrained output does not know", () => {
    expect(
      sentSchema({
        $schema: "https://json-schema.org/draft/2020-12/schema",
        type: "object",
        properties: {
          age: { type: "integer", minimum: 0, maximum: 150, description: 'In "years".' },
          // Names of properties, not keywords.
          minimum: { type: "string", minLength: 1, format: "date" },
          if: { type: "string", format: "colour", pattern: "^(?=a)" },
          tags: {
            type: "array",
            items: { type: "object", properties: { t: { type: "string" } } },
            minItems: 2,
            maxItems: 3,
          },
          some: { type: "array", items: { type: "string", enum: ["a"], pattern: "^a+$" }, minItems: 1 },
          one: { oneOf: [{ type: "null" }, { $ref: "#/$defs/d" }] },
          not: {
            type: ["object", "null"],
            properties: { a: { const: { minimum: 1 } } },
            additionalProperties: true,
            not: { type: "null" },
          },
        },
        required: ["age"],
        $defs: { d: { type: "object", properties: { x: { type: "number", multipleOf: 0.5 } } } },
      }),
    ).toEqual({
      type: "object",
      properties: {
        age: { type: "integer", description: 'In "years".\nminimum: 0; maximum: 150' },
        minimum: { type: "string", format: "date", description: "minLength: 1" },
        if: { type: "string", description: 'format: "colour"; pattern: "^(?=a)"' },
        tags: {
          type: "array",
          items: { type: "object", properties: { t: { type: "string" } }, additionalProperties: false },
          description: "minItems: 2; maxItems: 3",
        },
        some: { type: "array", items: { type: "string", enum: ["a"], pattern: "^a+$" }, minItems: 1 },
        one: { anyOf: [{ type: "null" }, { $ref: "#/$defs/d" }] },
        not: {
          type: ["object", "null"],
          properties: { a: { const: { minimum: 1 } } },
          additionalProperties: false,
          description: 'not: {"type":"null"}',
        },
      },
      required: ["age"],
      $defs: {
        d: {
          type: "object",
          properties: { x: { type: "number", description: "multipleOf: 0.5" } },
          additionalProperties: false,
        },
      },
      additionalProperties: false,
    });
  });

  it.each<[string, unknown]>([
    ["a map", { type: "object", additionalProperties: { type: "string" } }],
    ["free-form JSON", { type: "object" }],
    [
      "a free-form part",
      { type: "object", properties: { a: { type: "array", items: { type: "object", properties: {} } } } },
    ],
    [
      "a map in a definition",
      { type: "object", properties: { a: { $ref: "#/$defs/m" } }, $defs: { m: { type: "object" } } },
    ],
    ["a map as an alternative", { anyOf: [{ type: "string" }, { type: "object", additionalProperties: true }] }],
    ["a map as one of some", { oneOf: [{ type: "string" }, { type: "object" }] }],
    ["a map as one of all", { allOf: [{ type: "object" }] }],
    ["anything", { type: "array", items: true }],
    ["itself", { type: "object", properties: { child: { $ref: "#" } } }],
  ])("with %s in its schema is asked for in words: closed, it would be another", (_what, given) => {
    const sent = body(format(given));
    expect(sent).not.toHaveProperty("output_config");
    expect(sent.system).toEqual([{ type: "text", text: expect.stringContaining(JSON.stringify(given)) }]);
    expect(refused(format(given), { strict: true })?.param).toBe("response_format");
  });

  it("with an object that may hold nothing is expressed", () => {
    expect(sentSchema({ type: "object", additionalProperties: false })).toEqual({
      type: "object",
      additionalProperties: false,
    });
  });

  it("is asked in words of models that enforce no schema", () => {
    const given = { type: "object", properties: { a: { type: "string" } } };
    const sent = body(format(given), { model: "claude-opus-4-1" });
    expect(sent).not.toHaveProperty("output_config");
    expect(sent.system).toEqual([{ type: "text", text: expect.stringContaining(JSON.stringify(given)) }]);
  });

  it("goes with an effort", () => {
    const sent = body({ ...format({ type: "object", properties: { a: {} } }), reasoning_effort: "low" });
    expect(sent.output_config).toMatchObject({ effort: "low", format: { type: "json_schema" } });
  });

  it.each<[string, unknown]>([
    ["response_format.type", "json_object"],
    ["response_format.type", {}],
    ["response_format.type", { type: "xml" }],
    ["response_format.json_schema.schema", { type: "json_schema" }],
    ["response_format.json_schema.schema", { type: "json_schema", json_schema: { schema: "x" } }],
  ])("of a wrong shape is refused: %s", (param, responseFormat) => {
    expect(refused({ response_format: responseFormat })).toMatchObject({ status: 400, param });
  });
});
