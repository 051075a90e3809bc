import { chat, events, type JsonObject } from "./harness.ts";

// Events of Anthropic's streams for the tests of this folder. No part of the core imports it.

/** What the start of a stream tells. */
const opening = { input_tokens: 318, cache_creation_input_tokens: 0, cache_read_input_tokens: 0, output_tokens: 4 };
export const start = (members: JsonObject = {}) => ({
  type: "message_start",
  message: {
    id: "msg_01",
    type: "message",
    role: "assistant",
    model: "claude-sonnet-4-6",
    content: [],
    stop_reason: null,
    usage: opening,
    ...members,
  },
});
export const open = (index: number, block: JsonObject) => ({
  type: "content_block_start",
  index,
  content_block: block,
});
export const delta = (index: number, added: JsonObject) => ({ type: "content_block_delta", index, delta: added });
export const text = (value: string, index = 0) => delta(index, { type: "text_delta", text: value });
export const json = (value: string, index: number) => delta(index, { type: "input_json_delta", partial_json: value });
export const close = (index: number) => ({ type: "content_block_stop", index });
export const ending = (reason: string | null, members: JsonObject = {}) => ({
  type: "message_delta",
  delta: { stop_reason: reason, stop_sequence: null },
  usage: { output_tokens: 61 },
  ...members,
});
export const stop = { type: "message_stop" };
export const ping = { type: "ping" };
export const textBlock = { type: "text", text: "" };
export const toolBlock = (id: string, name: string, input: JsonObject = {}) => ({ type: "tool_use", id, name, input });
export const role = { role: "assistant", content: "", refusal: null };

/** A client that asks for usage too. */
export const asking = chat({ stream: true, stream_options: { include_usage: true } });

/** One of each: thinking, text, two calls, one of them without arguments. */
export const full = events(
  start(),
  open(0, { type: "thinking", thinking: "", signature: "" }),
  ping,
  delta(0, { type: "thinking_delta", thinking: "The user wants" }),
  delta(0, { type: "signature_delta", signature: "RXhhbXBsZQ" }),
  close(0),
  open(1, textBlock),
  text("Let me ", 1),
  text('see 😀 "now"\n', 1),
  delta(1, { type: "citations_delta", citation: { cited_text: "x" } }),
  close(1),
  open(2, toolBlock("toolu_02", "get_weather")),
  json("", 2),
  json('{"city": "Bo', 2),
  json('gotá"}', 2),
  close(2),
  open(3, toolBlock("toolu_03", "get_time")),
  json("", 3),
  close(3),
  ending("tool_use", {
    usage: { input_tokens: 318, cache_read_input_tokens: 300, cache_creation_input_tokens: null, output_tokens: 61 },
  }),
  stop,
);
