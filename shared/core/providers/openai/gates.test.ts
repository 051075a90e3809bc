import { describe, expect, it } from "vitest";
import { Capabilities } from "../../capabilities.ts";
import { CHAT, ClientRequest, Provider, ProviderRequest } from "../../exchange.ts";
import { Json } from "../../json.ts";
import { capabilitiesFor } from "../../testing.ts";
import { decodeUtf8, encodeUtf8 } from "../../text.ts";
import { OpenAiExchange } from "./exchange.ts";

const messages = [{ role: "user", content: "Hi" }];
const tools = [{ type: "function", function: { name: "f" } }];

function exchangeOf(text: string, capabilities: Capabilities, strict: boolean): OpenAiExchange {
  const body = encodeUtf8(text);
  const call = new ClientRequest(CHAT, body, Json.parse(body) as Json, 1790000000);
  const exchange = new OpenAiExchange(call, new Provider("p", "openai", "api.test", "/v1", ""), "m");
  exchange.capabilities = capabilities;
  exchange.strict = strict;
  return exchange;
}

/** The members that a model sees beside `model` and `messages`, or the field that the client is told of. */
function sent(model: string, members: object, strict = false): unknown {
  const text = JSON.stringify({ model: "m", messages, ...members });
  const exchange = exchangeOf(text, capabilitiesFor("openai", model), strict);
  const out = new ProviderRequest();
  if (!exchange.request("sk", out)) return [exchange.problem?.status, exchange.problem?.param, exchange.problem?.code];
  const { model: _, messages: __, ...rest } = JSON.parse(decodeUtf8(out.body, 0, out.body.length));
  return rest;
}

describe("a model of the OpenAI family", () => {
  it.each([
    ["gpt-5.4", { max_tokens: 5 }, { max_completion_tokens: 5 }],
    ["gpt-5.4", { max_tokens: 5, max_completion_tokens: 9 }, { max_completion_tokens: 9 }],
    ["gpt-5.4", { max_tokens: null, max_completion_tokens: 9 }, { max_completion_tokens: 9 }],
    ["gpt-4o", { max_tokens: 5, temperature: 0.2, stop: "x" }, { max_tokens: 5, temperature: 0.2, stop: "x" }],
    // It reasons only when it is told to, and takes sampling until then.
    ["gpt-5.4", { temperature: 0.2, top_p: 0.5 }, { temperature: 0.2, top_p: 0.5 }],
    ["gpt-5.4", { temperature: 0.2, reasoning_effort: "low" }, { reasoning_effort: "low" }],
    ["gpt-5.5", { temperature: 0.2, logprobs: true, top_logprobs: 2 }, {}],
    ["gpt-5.5", { temperature: 0.2, reasoning_effort: "none" }, { temperature: 0.2, reasoning_effort: "none" }],
    ["gpt-5", { temperature: 0.2, reasoning_effort: "none" }, { reasoning_effort: "minimal" }],
    ["gpt-5", { stop: ["a"], presence_penalty: 1, seed: 3 }, { seed: 3 }],
    ["o4-mini", { stop: "a", parallel_tool_calls: false, logit_bias: { 1: 2 } }, {}],
    ["o3-mini", { stop: "a" }, { stop: "a" }],
    ["gpt-6.1-sol", { reasoning_effort: "none" }, { reasoning_effort: "low" }],
    ["gpt-5.4", { reasoning_effort: "max" }, { reasoning_effort: "xhigh" }],
    ["gpt-5.1", { reasoning_effort: "minimal" }, { reasoning_effort: "low" }],
    ["gpt-4o", { reasoning_effort: "high", verbosity: "low" }, {}],
    // Tools and reasoning together are for the Responses API.
    ["gpt-6-sol", { tools }, { tools, reasoning_effort: "none" }],
    ["gpt-6-sol", { tools, reasoning_effort: "high" }, { tools, reasoning_effort: "none" }],
    ["gpt-6-sol", { tools: [], reasoning_effort: "high" }, { tools: [], reasoning_effort: "high" }],
    ["gpt-6-astra", { tools }, { tools }],
    ["gpt-4o-search-preview", { n: 1, temperature: 1 }, {}],
    // What is wrong in itself is for the provider to say.
    ["gpt-5.4", { reasoning_effort: "utmost" }, { reasoning_effort: "utmost" }],
    ["gpt-5.4", { reasoning_effort: 3 }, { reasoning_effort: 3 }],
  ])("%s gets %j as %j", (model, members, expected) => {
    expect(sent(model, members)).toEqual(expected);
  });

  it.each([
    ["gpt-5", { stop: "a" }, "stop", "unsupported_parameter"],
    ["gpt-5.5", { temperature: 0.2 }, "temperature", "unsupported_parameter"],
    ["o3", { parallel_tool_calls: false }, "parallel_tool_calls", "unsupported_parameter"],
    ["gpt-5", { reasoning_effort: "xhigh" }, "reasoning_effort", "unsupported_value"],
    ["gpt-6-sol", { tools, reasoning_effort: "high" }, "reasoning_effort", "unsupported_value"],
  ])("unsupported: reject: %s refuses %j, naming %s", (model, members, param, code) => {
    expect(sent(model, members, true)).toEqual([400, param, code]);
  });

  it("is never served fewer answers than were asked for", () => {
    expect(sent("gpt-4o-search-preview", { n: 2 })).toEqual([400, "n", "unsupported_parameter"]);
  });

  it.each([
    ["gpt-5", { temperature: 1, top_p: 1, logprobs: false, presence_penalty: 0, stop: null }],
    ["o3", { parallel_tool_calls: true, frequency_penalty: 0, stop: [] }],
    ["gpt-4o", { reasoning_effort: "none", verbosity: "medium" }],
  ])("unsupported: reject: %s loses nothing of %j", (model, members) => {
    expect(sent(model, members, true)).toEqual({});
  });

  it("gets a body without gated fields byte for byte", () => {
    const text = '{ "model":"m" ,"messages": [{"role":"user","content":"\\u0048i"}], "max_completion_tokens": 5e0 }';
    const exchange = exchangeOf(text, capabilitiesFor("openai", "gpt-6-sol"), false);
    const out = new ProviderRequest();
    expect(exchange.request("sk", out)).toBe(true);
    expect(out.body).toBe(exchange.call.body);
  });

  it("knows a gated field by any spelling of its name", () => {
    const text = '{"model":"m","messages":[],"st\\u006fp":"a","max\\u005ftokens":5}';
    const exchange = exchangeOf(text, capabilitiesFor("openai", "gpt-5"), false);
    const out = new ProviderRequest();
    expect(exchange.request("sk", out)).toBe(true);
    expect(decodeUtf8(out.body, 0, out.body.length)).toBe('{"model":"m","messages":[],"max_completion_tokens":5}');
  });
});
