/** Chats: answers, streams, images, formats, reasoning. */
import { chat, type Exception, each, type Scenario } from "./scenario.ts";

const PIXEL =
  "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const see = (url: string) => [
  { type: "text", text: "what is this" },
  { type: "image_url", image_url: { url } },
];
const CITY = {
  type: "object",
  properties: { city: { type: "string" }, people: { type: "integer" } },
  required: ["city", "people"],
  additionalProperties: false,
};
const SCHEMA = { type: "json_schema", json_schema: { name: "city", strict: true, schema: CITY } };

const ONE_CHOICE: Exception = {
  expect: [{ error: { thrown: "BadRequestError", status: 400, code: "invalid_value", param: "n" } }],
  why: "The vendor gives one choice; `n` above 1 is answered 400.",
};
const NO_SCHEMA: Exception = {
  expect: [{ text: '{"echo":"Bern"}', finish: "stop" }],
  why: "The API holds the model to JSON but to no schema: the model is asked for it in words, and `unsupported: reject` answers 400.",
  worth: "partly",
};
const NOT_SHOWN =
  "The effort is passed on and reasoning tokens are counted; the vendor's chat API does not show what the model thought.";
const SILENT = ["openai", "azure", "azure v1"];

export const CHAT_SCENARIOS: Scenario[] = [
  {
    name: "an answer",
    cell: ["chat", "plain"],
    steps: [
      {
        call: "chat",
        with: {
          messages: [
            { role: "system", content: "be brief" },
            { role: "user", content: "hello wide world" },
          ],
          max_tokens: 50,
          temperature: 0.5,
        },
      },
    ],
    expect: [{ text: "hello wide world", finish: "stop", choices: 1, usage: [5, 3], calls: [] }],
  },
  {
    name: "a developer message, and the ends of the scales",
    cell: ["chat", "plain"],
    steps: [
      {
        call: "chat",
        with: {
          messages: [
            { role: "developer", content: "be brief" },
            { role: "user", content: [{ type: "text", text: "hello world" }] },
          ],
          temperature: 1,
        },
      },
      chat("hello world", { top_p: 1 }),
    ],
    expect: [
      { text: "hello world", finish: "stop", usage: [4, 2] },
      { text: "hello world", finish: "stop" },
    ],
  },
  {
    name: "an answer cut at its limit",
    cell: ["chat", "plain"],
    steps: [chat("one two three four", { max_completion_tokens: 2 })],
    expect: [{ text: "one two", finish: "length", usage: [4, 2] }],
  },
  {
    name: "an answer ended by a stop sequence",
    cell: ["chat", "plain"],
    steps: [chat("one two three four", { stop: ["three"] })],
    expect: [{ text: "one two ", finish: "stop" }],
  },
  {
    name: "a conversation",
    cell: ["chat", "plain"],
    steps: [
      chat("hello there"),
      { call: "chat", with: { messages: ["$asked", "$said", { role: "user", content: "and again" }] } },
    ],
    expect: [{ text: "hello there" }, { text: "and again", usage: [6, 2] }],
  },
  {
    name: "two choices",
    cell: ["chat", "plain"],
    steps: [chat("hello there", { n: 2 })],
    expect: [{ text: "hello there", choices: 2 }],
    except: each(["anthropic", "zhipu"], ONE_CHOICE),
  },
  {
    name: "a stream",
    cell: ["chat", "stream"],
    steps: [chat("one two three", { stream: true })],
    expect: [{ text: "one two three", finish: "stop", usage: null, usage_chunks: 0, calls: [] }],
  },
  {
    name: "a stream that tells usage",
    cell: ["chat", "stream"],
    steps: [chat("one two three", { stream: true, stream_options: { include_usage: true } })],
    expect: [{ text: "one two three", finish: "stop", usage: [3, 3], usage_chunks: 1 }],
  },
  {
    name: "an image by data URI",
    cell: ["chat", "vision"],
    role: "vision",
    steps: [chat(see(PIXEL))],
    expect: [{ text: "what is this [image image/png 70 bytes]", finish: "stop" }],
  },
  {
    name: "an image by address",
    cell: ["chat", "vision"],
    role: "vision",
    steps: [chat(see("https://images.example/cat.png"))],
    expect: [{ text: "what is this [image https://images.example/cat.png]", finish: "stop" }],
  },
  {
    name: "an answer that fills in a JSON schema",
    cell: ["chat", "json_schema"],
    steps: [chat("Bern", { response_format: SCHEMA })],
    expect: [{ text: '{"city":"Bern","people":1}', finish: "stop" }],
    except: { zhipu: NO_SCHEMA },
  },
  {
    name: "a streamed answer that fills in a JSON schema",
    cell: ["chat", "json_schema"],
    steps: [chat("Bern", { response_format: SCHEMA, stream: true })],
    expect: [{ text: '{"city":"Bern","people":1}', finish: "stop" }],
    except: { zhipu: NO_SCHEMA },
  },
  {
    name: "an effort, and what it came to",
    cell: ["chat", "reasoning"],
    role: "thinking",
    steps: [chat("why is the sky blue", { reasoning_effort: "low" })],
    expect: [{ text: "why is the sky blue", reasoning: "The user wants: why is the sky blue", usage: [5, 13] }],
    except: each(SILENT, {
      expect: [{ text: "why is the sky blue", reasoning: null, usage: [5, 13] }],
      why: NOT_SHOWN,
      worth: "yes",
    }),
  },
  {
    name: "a stream of what was thought",
    cell: ["chat", "reasoning"],
    role: "thinking",
    steps: [chat("why is the sky blue", { reasoning_effort: "high", stream: true })],
    expect: [{ text: "why is the sky blue", reasoning: "The user wants: why is the sky blue", finish: "stop" }],
    except: each(SILENT, {
      expect: [{ text: "why is the sky blue", reasoning: null, finish: "stop" }],
      why: NOT_SHOWN,
      worth: "yes",
    }),
  },
];
