import { ByteWriter } from "../byte-writer.ts";
import { CHAT, ClientRequest } from "../exchange.ts";
import { ARRAY, FALSE, Json, STRING } from "../json.ts";
import { JsonWriter } from "../json-writer.ts";
import { invalidRequest, Problem } from "../problem.ts";

/** Fields that mean the same in a chat. */
const SHARED: Array<string> = [
  "model",
  "max_tokens",
  "temperature",
  "top_p",
  "n",
  "stop",
  "seed",
  "presence_penalty",
  "frequency_penalty",
  "logit_bias",
  "user",
  "stream",
  "stream_options",
  // Not OpenAI's, but taken by those who serve other models.
  "top_k",
  "reasoning_effort",
];

/** The prompt of the call when it is one text: a string, or an array with one string. */
function promptOf(request: Json): Json | null {
  const prompt = request.value("prompt");
  if (prompt == null || prompt.kind !== ARRAY) return prompt;
  const only = prompt.first();
  return only == null || only.next != null ? null : only;
}

/**
 * Why a call for a completion cannot be made a chat, or null when it can. A chat model answers a message: it cannot repeat
 * its prompt, fill a gap before a suffix, or show the probabilities of several candidates.
 * @see https://platform.openai.com/docs/api-reference/completions/create
 */
export function refusalOf(request: Json, strict: boolean): Problem | null {
  const prompt = promptOf(request);
  if (prompt == null || prompt.kind !== STRING) {
    return request.value("prompt") == null
      ? invalidRequest("You must provide `prompt`.", "prompt", "missing_required_parameter")
      : unsupported(
          "prompt",
          "`prompt` must be one text: this model takes neither tokens nor several prompts at once.",
        );
  }
  if (prompt.isEmpty()) return invalidRequest("`prompt` must not be empty.", "prompt", "invalid_value");
  const suffix = request.value("suffix");
  if (suffix != null && !(suffix.kind === STRING && suffix.isEmpty())) {
    return unsupported("suffix", "`suffix` is not supported by this model: it cannot fill a gap in a text.");
  }
  const echo = request.value("echo");
  if (echo != null && echo.kind !== FALSE) {
    return unsupported("echo", "`echo` is not supported by this model.");
  }
  if (request.value("logprobs") != null) {
    return unsupported("logprobs", "`logprobs` is not supported by this model.");
  }
  const best = request.value("best_of");
  if (best != null && (best.int(0) === 0 || best.int(0) > request.count32("n", 1))) {
    return unsupported("best_of", "`best_of` above `n` is not supported by this model.");
  }
  return strict ? unknownField(request) : null;
}

function unsupported(field: string, message: string): Problem {
  return invalidRequest(message, field, "unsupported_parameter");
}

/** A field that has no place in the chat, when such a field is not to be left out. */
function unknownField(request: Json): Problem | null {
  let member = request.first();
  while (member != null) {
    if (!isShared(member) && !isJudged(member)) {
      const field = member.key();
      return unsupported(field, "`" + field + "` is not supported by this model.");
    }
    member = member.next;
  }
  return null;
}

/** Whether `refusalOf` has looked at the field, and found it to ask for nothing. */
function isJudged(member: Json): boolean {
  return (
    member.isKey("prompt") ||
    member.isKey("suffix") ||
    member.isKey("echo") ||
    member.isKey("logprobs") ||
    member.isKey("best_of")
  );
}

function isShared(member: Json): boolean {
  for (let i: i32 = 0; i < SHARED.length; i++) {
    if (member.isKey(SHARED[i]!)) return true;
  }
  return false;
}

/** The call for a completion as a chat of one message: the prompt, as the user's. */
export function asChat(call: ClientRequest): ClientRequest {
  const out = new ByteWriter(call.body.length + 64);
  const w = new JsonWriter(out).object();
  let member = call.json.first();
  while (member != null) {
    if (isShared(member)) w.keyOf(member).json(member);
    member = member.next;
  }
  w.key("messages").array().object().key("role").string("user").key("content");
  const prompt = promptOf(call.json);
  if (prompt == null || prompt.kind !== STRING) w.string("");
  else w.json(prompt);
  w.end().end().end();
  const body = out.take();
  const json = Json.parse(body);
  return new ClientRequest(CHAT, body, json == null ? call.json : json, call.created);
}
