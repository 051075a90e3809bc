/** What the SDK throws when something is wrong, whatever words the provider has for it. */
import { CONTEXT } from "./kinds.ts";
import { chat, type Scenario } from "./scenario.ts";

const TOO_LONG = Array.from({ length: CONTEXT + 1 }, (_, index) => `w${index}`).join(" ");

const OWN_TYPE = "The server's own name for the type of an error is passed on.";

export const ERROR_SCENARIOS: Scenario[] = [
  {
    name: "a field of a wrong type",
    cell: ["chat", "error"],
    steps: [chat("hi", { stream: true, stream_options: "yes" })],
    expect: [
      { error: { thrown: "BadRequestError", status: 400, type: "invalid_request_error", param: "stream_options" } },
    ],
  },
  {
    name: "a value out of its range",
    cell: ["chat", "error"],
    steps: [chat("hi", { temperature: -1 })],
    expect: [
      { error: { thrown: "BadRequestError", status: 400, type: "invalid_request_error", param: "temperature" } },
    ],
    except: {
      gemini: {
        expect: [{ error: { thrown: "BadRequestError", status: 400, param: null, message: /temperature/ } }],
        why: "The vendor names the field in its message alone.",
        worth: "yes",
      },
      vllm: {
        expect: [{ error: { thrown: "BadRequestError", status: 400, type: "BadRequestError", param: "temperature" } }],
        why: OWN_TYPE,
        worth: "yes",
      },
      llamacpp: { expect: [{ text: "hi" }], why: "The server takes any temperature.", worth: "yes" },
    },
  },
  {
    name: "a request that the provider refuses",
    cell: ["chat", "error"],
    script: [{ status: 400, message: "no such thing" }],
    steps: [chat("hi")],
    expect: [
      { error: { thrown: "BadRequestError", status: 400, type: "invalid_request_error", message: /no such thing/ } },
    ],
    except: {
      vllm: {
        expect: [
          { error: { thrown: "BadRequestError", status: 400, type: "BadRequestError", message: /no such thing/ } },
        ],
        why: OWN_TYPE,
        worth: "yes",
      },
    },
  },
  {
    name: "a key of the gateway's that the provider refuses is not the client's fault",
    cell: ["chat", "error"],
    script: [{ status: 401 }],
    steps: [chat("hi")],
    expect: [{ error: { thrown: "InternalServerError", status: 502, code: "provider_error" } }],
  },
  {
    name: "a provider that slows down",
    cell: ["chat", "error"],
    script: [{ status: 429, headers: { "retry-after": "7" } }],
    steps: [chat("hi")],
    expect: [{ error: { thrown: "RateLimitError", status: 429, code: "rate_limit_exceeded", retry_after: "7" } }],
  },
  {
    name: "a provider that is overloaded",
    cell: ["chat", "error"],
    script: [{ status: 503 }],
    steps: [chat("hi")],
    expect: [{ error: { thrown: "InternalServerError", status: 503 } }],
    except: {
      zhipu: {
        expect: [{ error: { thrown: "InternalServerError", status: 500 } }],
        why: "The vendor's business code counts, not the status: its code for a broken network is a server error (500).",
        worth: "yes",
      },
    },
  },
  {
    name: "a prompt that is too long",
    cell: ["chat", "error"],
    steps: [chat(TOO_LONG)],
    expect: [{ error: { thrown: "BadRequestError", status: 400, code: "context_length_exceeded" } }],
  },
  {
    name: "a stream that is refused before it starts",
    cell: ["chat", "error"],
    steps: [chat(TOO_LONG, { stream: true })],
    expect: [{ error: { thrown: "BadRequestError", status: 400, code: "context_length_exceeded" } }],
  },
  {
    name: "an error in the middle of a stream",
    cell: ["chat", "error"],
    script: [{ error_event: { after_events: 5, message: "it broke" } }],
    steps: [chat("one two three four five six seven eight", { stream: true })],
    expect: [{ text: /^one two/, finish: null, error: { thrown: "APIError" } }],
  },
  {
    name: "a stream that breaks off",
    cell: ["chat", "error"],
    script: [{ cut: { how: "close", after_events: 5 } }],
    steps: [chat("one two three four five six seven eight", { stream: true })],
    expect: [{ text: /^one two/, finish: null, error: { thrown: "APIError" } }],
  },
];
