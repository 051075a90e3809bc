/** How DashScope's own protocol says a chat: whole, in increments, or each time all so far. */
import type { Answer, JsonObject } from "./answer.ts";
import { HEADERS } from "./dashscope-error.ts";
import { toolCall } from "./openai-shape.ts";
import { whole } from "./openai-wire.ts";
import { pieces, type Reply } from "./reply.ts";

export interface SpokenChat {
  said: Reply;
  finish: string;
  /** Choices. */
  count: number;
  multimodal: boolean;
  usage: JsonObject;
  id: string;
  /** `result_format: "message"`; else old models answer with bare text. */
  whole: boolean;
}

/** `stream`: null for a whole answer. */
export function spokenBy(chat: SpokenChat, stream: { incremental: boolean } | null): Answer {
  const { usage, id } = chat;
  if (stream === null) {
    const output = outputOf(chat, allOf(chat), chat.finish);
    return whole(200, { output, usage, request_id: id }, HEADERS, usage);
  }
  const told = Number(usage.output_tokens);
  const steps = [...deltasOf(chat), {}];
  let soFar: JsonObject = {};
  const events = steps.map((delta, index) => {
    const last = index === steps.length - 1;
    soFar = grown(soFar, delta);
    const spent = last ? told : Math.min(index + 1, told);
    const used = { ...usage, output_tokens: spent, total_tokens: Number(usage.input_tokens) + spent };
    const output = outputOf(chat, stream.incremental ? delta : soFar, last ? chat.finish : "null");
    return event(index + 1, { output, usage: last ? usage : used, request_id: id });
  });
  return { kind: "stream", headers: { ...HEADERS, "content-type": "text/event-stream;charset=UTF-8" }, events, usage };
}

function event(id: number, data: JsonObject): string {
  return `id:${id}\nevent:result\n:HTTP_STATUS/200\ndata:${JSON.stringify(data)}\n\n`;
}

/** What is said of a message, in plain text and whole calls. */
function allOf({ said }: SpokenChat): JsonObject {
  return {
    content: said.text,
    ...(said.reasoning === "" ? {} : { reasoning_content: said.reasoning }),
    ...(said.calls.length === 0 ? {} : { tool_calls: said.calls.map(indexed) }),
  };
}

function indexed(call: Reply["calls"][number], index: number): JsonObject {
  return { ...toolCall(call, index), index };
}

/** Of a call the id and the name come first and are empty afterwards. */
function deltasOf({ said }: SpokenChat): JsonObject[] {
  const later = (index: number, piece: string): JsonObject => ({
    index,
    id: "",
    type: "function",
    function: { name: "", arguments: piece },
  });
  return [
    ...pieces(said.reasoning).map((reasoning_content) => ({ reasoning_content })),
    ...pieces(said.text).map((content) => ({ content })),
    ...said.calls.flatMap((call, index) => [
      { tool_calls: [indexed({ name: call.name, arguments: "" }, index)] },
      ...pieces(call.arguments).map((piece) => ({ tool_calls: [later(index, piece)] })),
    ]),
  ];
}

/** All so far, with one delta more. */
function grown(soFar: JsonObject, delta: JsonObject): JsonObject {
  const text = (name: string): JsonObject =>
    delta[name] === undefined && soFar[name] === undefined
      ? {}
      : { [name]: `${soFar[name] ?? ""}${delta[name] ?? ""}` };
  const calls = callsWith((soFar.tool_calls ?? []) as Call[], ((delta.tool_calls ?? []) as Call[])[0]);
  return { ...text("content"), ...text("reasoning_content"), ...(calls.length === 0 ? {} : { tool_calls: calls }) };
}

interface Call extends JsonObject {
  id: string;
  function: { name: string; arguments: string };
}

function callsWith(calls: Call[], next: Call | undefined): Call[] {
  if (next === undefined) return calls;
  if (next.id !== "") return [...calls, next];
  const last = calls.at(-1);
  if (last === undefined) return calls;
  const grownArguments = last.function.arguments + next.function.arguments;
  return [...calls.slice(0, -1), { ...last, function: { ...last.function, arguments: grownArguments } }];
}

function outputOf(chat: SpokenChat, said: JsonObject, finish: string): JsonObject {
  const content = String(said.content ?? "");
  if (!chat.whole) return { text: content, finish_reason: finish };
  const message = { role: "assistant", ...said, content: chat.multimodal ? partsOf(content) : content };
  return { choices: Array.from({ length: chat.count }, (_, index) => ({ index, finish_reason: finish, message })) };
}

function partsOf(content: string): JsonObject[] {
  return content === "" ? [] : [{ text: content }];
}
