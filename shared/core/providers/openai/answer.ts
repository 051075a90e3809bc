import { CHAT, COMPLETIONS } from "../../exchange.ts";
import { ARRAY, Json, NULL, OBJECT, STRING } from "../../json.ts";
import { JsonWriter } from "../../json-writer.ts";

/** Whether the object tells of an error and not of an answer: in a member, or itself, as older releases of vLLM do. */
export function isError(root: Json): boolean {
  if (root.value("error") != null) return true;
  if (root.value("choices") != null || root.value("data") != null) return false;
  return root.value("message") != null || root.value("detail") != null;
}

/** Whether a whole answer has what its endpoint answers with. */
export function isAnswer(root: Json, endpoint: i32): boolean {
  const chosen = endpoint === CHAT || endpoint === COMPLETIONS;
  const answers = root.value(chosen ? "choices" : "data");
  return answers != null && answers.kind === ARRAY;
}

/** Whether a choice ended for a reason that is no end: the server gave the answer up. */
export function isGivenUp(root: Json): boolean {
  let choice = firstChoice(root);
  while (choice != null) {
    const reason = choice.value("finish_reason");
    if (reason != null && (reason.is("abort") || reason.is("error"))) return true;
    choice = choice.next;
  }
  return false;
}

/**
 * Whether an event of a chat holds choices that bring nothing: Azure's asynchronous filter tells of its findings so, and
 * clients look for a `delta` in them.
 * @see https://learn.microsoft.com/azure/ai-foundry/openai/concepts/content-streaming
 */
export function isAnnotation(chunk: Json): boolean {
  let choice = firstChoice(chunk);
  if (choice == null) return false;
  while (choice != null) {
    if (choice.value("finish_reason") != null || !lacksDelta(choice)) return false;
    choice = choice.next;
  }
  return true;
}

/** Whether a choice of a chat's event has no delta: such a one can only end the answer. */
export function isDeltaMissing(chunk: Json): boolean {
  let choice = firstChoice(chunk);
  while (choice != null) {
    if (lacksDelta(choice)) return true;
    choice = choice.next;
  }
  return false;
}

function lacksDelta(choice: Json): boolean {
  return choice.kind === OBJECT && choice.value("delta") == null && choice.value("message") == null;
}

function firstChoice(root: Json): Json | null {
  const choices = root.value("choices");
  return choices == null || choices.kind !== ARRAY ? null : choices.first();
}

/**
 * Writes an answer, or an event of one, as OpenAI's clients know it: reasoning under the name that most servers use, no
 * `stop_reason` beside the `finish_reason`, a delta in each choice of a chat's event (`chunk`), and usage unless it is
 * hidden.
 */
export function writeAnswer(answer: Json, chunk: boolean, hideUsage: boolean, w: JsonWriter): void {
  w.object();
  let member = answer.first();
  while (member != null) {
    if (member.isKey("choices") && member.kind === ARRAY) writeChoices(member, chunk, w.keyOf(member));
    else if (chunk && member.isKey("object") && member.kind === STRING && member.isEmpty())
      w.keyOf(member).string("chat.completion.chunk");
    else if (!hideUsage || !member.isKey("usage")) w.keyOf(member).json(member);
    member = member.next;
  }
  w.end();
}

function writeChoices(choices: Json, chunk: boolean, w: JsonWriter): void {
  w.array();
  let choice = choices.first();
  while (choice != null) {
    if (choice.kind === OBJECT) writeChoice(choice, chunk, w);
    else w.json(choice);
    choice = choice.next;
  }
  w.end();
}

function writeChoice(choice: Json, chunk: boolean, w: JsonWriter): void {
  w.object();
  let member = choice.first();
  while (member != null) {
    const message = member.kind === OBJECT && (member.isKey("delta") || member.isKey("message"));
    if (message) writeMessage(member, w.keyOf(member));
    else if (!member.isKey("stop_reason")) w.keyOf(member).json(member);
    member = member.next;
  }
  if (chunk && lacksDelta(choice)) w.key("delta").object().end();
  w.end();
}

function writeMessage(message: Json, w: JsonWriter): void {
  const known = message.get("reasoning_content") != null;
  w.object();
  let member = message.first();
  while (member != null) {
    // vLLM's name; some releases send both. What is no text is something else of that name.
    if (!member.isKey("reasoning") || member.kind === OBJECT || member.kind === ARRAY) w.keyOf(member).json(member);
    else if (!known) w.key("reasoning_content").json(member);
    member = member.next;
  }
  w.end();
}

/** Writes the event of usage alone that ends OpenAI's streams, under the id, time and model of the event that told it. */
export function writeUsageEvent(event: Json, chat: boolean, w: JsonWriter): void {
  w.object()
    .key("object")
    .string(chat ? "chat.completion.chunk" : "text_completion");
  let member = event.first();
  while (member != null) {
    if (member.kind !== NULL && (member.isKey("id") || member.isKey("created") || member.isKey("model")))
      w.keyOf(member).json(member);
    member = member.next;
  }
  w.key("choices").array().end();
  const usage = event.value("usage");
  if (usage != null) w.key("usage").json(usage);
  w.end();
}
