/** Tools: calls at once, and a second turn of nothing but what the SDK gave. */
import type { JsonObject } from "../../upstream/answer.ts";
import type { Step } from "./job.ts";
import { chat, type Exception, each, type Scenario } from "./scenario.ts";

const WEATHER = {
  type: "function",
  function: {
    name: "get_weather",
    description: "The weather of a city",
    parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  },
};
const TIME = { type: "function", function: { name: "get_time" } };
const tools = [WEATHER, TIME];

const TWO_CALLS = [
  { name: "get_weather", arguments: { city: "Bogotá" } },
  { name: "get_time", arguments: {} },
];
const ask = (given: JsonObject = {}) =>
  chat('call get_weather {"city":"Bogotá"}\ncall get_time {}', { tools, ...given });
const goOn = (given: JsonObject = {}): Step => ({
  call: "chat",
  with: { messages: ["$asked", "$said", "$results"], tools, ...given },
});
const again = { role: "user", content: 'call get_weather {"city":"Bern"}' };

const NOT_FORCED: Exception = {
  expect: [{ text: "Bern", finish: "stop", calls: [] }],
  why: "`tool_choice` knows only `auto`: a forced choice is left to the model, and `unsupported: reject` answers 400.",
  worth: "partly",
};
const refused = (param: string | null, why: string): Exception => ({
  expect: [{ error: { thrown: "BadRequestError", status: 400, param } }],
  why,
});

export const TOOL_SCENARIOS: Scenario[] = [
  {
    name: "calls at once, and a turn with their results",
    cell: ["chat", "tools"],
    steps: [ask(), goOn()],
    expect: [
      { finish: "tool_calls", calls: TWO_CALLS },
      { text: "The tools said: r0; r1", finish: "stop", calls: [] },
    ],
  },
  {
    name: "streamed calls, and a streamed turn with their results",
    cell: ["chat", "tools"],
    steps: [ask({ stream: true }), goOn({ stream: true })],
    expect: [
      { finish: "tool_calls", calls: TWO_CALLS },
      { text: "The tools said: r0; r1", finish: "stop", calls: [] },
    ],
  },
  {
    name: "a second round of calls after the first",
    cell: ["chat", "tools"],
    steps: [ask(), goOn(), { call: "chat", with: { messages: ["$asked", "$said", again], tools } }, goOn()],
    expect: [
      { finish: "tool_calls" },
      { finish: "stop" },
      { finish: "tool_calls", calls: [{ name: "get_weather", arguments: { city: "Bern" } }] },
      { text: "The tools said: r0" },
    ],
  },
  {
    name: "a tool that must be called",
    cell: ["chat", "tools"],
    steps: [chat("Bern", { tools: [WEATHER], tool_choice: "required" })],
    expect: [{ finish: "tool_calls", calls: [{ name: "get_weather", arguments: { city: "Bern" } }] }],
    except: {
      "dashscope compatible": {
        expect: [{ calls: [{ name: "get_weather", arguments: { city: "Bern" } }], finish: "stop" }],
        why: "The mode knows no `tool_choice: required`: the only tool is called by name, which ends with `stop`, as with OpenAI.",
        worth: "yes",
      },
      zhipu: NOT_FORCED,
    },
  },
  {
    name: "one of several tools must be called",
    cell: ["chat", "tools"],
    steps: [chat("Bern", { tools, tool_choice: "required" })],
    expect: [{ finish: "tool_calls", calls: [{ name: "get_weather", arguments: { city: "Bern" } }] }],
    except: {
      ...each(
        ["dashscope", "dashscope compatible"],
        refused("tool_choice", "Qwen's models cannot be made to call any of several tools; that is answered 400."),
      ),
      zhipu: NOT_FORCED,
    },
  },
  {
    name: "a tool called by name",
    cell: ["chat", "tools"],
    steps: [chat("Bern", { tools, tool_choice: { type: "function", function: { name: "get_weather" } } })],
    expect: [{ calls: [{ name: "get_weather", arguments: { city: "Bern" } }] }],
    except: { zhipu: NOT_FORCED },
  },
  {
    name: "tools that must not be called",
    cell: ["chat", "tools"],
    steps: [ask({ tool_choice: "none" })],
    expect: [{ finish: "stop", calls: [] }],
  },
];
