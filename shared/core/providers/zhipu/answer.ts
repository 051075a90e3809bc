import { ARRAY, Json, OBJECT, STRING } from "../../json.ts";
import { firstOf } from "../../json-path.ts";
import { JsonWriter } from "../../json-writer.ts";

/** Whether the member is an array of objects alone. */
export function areChoices(choices: Json): boolean {
  if (choices.kind !== ARRAY) return false;
  let choice = choices.first();
  while (choice != null) {
    if (choice.kind !== OBJECT) return false;
    choice = choice.next;
  }
  return true;
}

/** Whether the answer broke off inside a status of 200: the vendor tells so by a finish reason of its own. */
export function isBroken(answer: Json): boolean {
  let choice = firstOf(answer.value("choices"));
  while (choice != null) {
    const reason = choice.value("finish_reason");
    if (reason != null && reason.is("network_error")) return true;
    choice = choice.next;
  }
  return false;
}

/** Writes OpenAI's name of the choice's finish reason; `otherwise` when it has none. */
function writeFinish(choice: Json, otherwise: string, w: JsonWriter): void {
  const reason = choice.value("finish_reason");
  w.key("finish_reason");
  if (reason == null || reason.kind !== STRING || reason.isEmpty()) w.stringOrNull(otherwise);
  else if (reason.is("sensitive")) w.string("content_filter");
  else if (reason.is("model_context_window_exceeded")) w.string("length");
  else w.json(reason);
}

/** Writes a whole chat as OpenAI's `chat.completion`: what is the vendor's own in it stays. */
export function writeCompletion(answer: Json, w: JsonWriter): void {
  w.object().key("object").string("chat.completion");
  let member = answer.first();
  while (member != null) {
    if (member.isKey("choices")) {
      w.keyOf(member).array();
      let choice = member.first();
      while (choice != null) {
        writeChoice(choice, w);
        choice = choice.next;
      }
      w.end();
    } else if (!member.isKey("object")) w.keyOf(member).json(member);
    member = member.next;
  }
  w.end();
}

function writeChoice(choice: Json, w: JsonWriter): void {
  w.object();
  let member = choice.first();
  while (member != null) {
    if (member.isKey("message") && member.kind === OBJECT) writeMessage(w.keyOf(member), member);
    else if (!member.isKey("finish_reason")) w.keyOf(member).json(member);
    member = member.next;
  }
  writeFinish(choice, "stop", w);
  w.end();
}

function writeMessage(w: JsonWriter, message: Json): void {
  w.object();
  if (message.get("role") == null) w.key("role").string("assistant");
  if (message.get("content") == null) w.key("content").nil();
  let member = message.first();
  while (member != null) {
    w.keyOf(member).json(member);
    member = member.next;
  }
  w.end();
}

/**
 * Writes one event's JSON as OpenAI's `chat.completion.chunk`. The vendor repeats the role in every delta, which clients
 * would add up: only the `first` has it here. Usage is told apart (`writeUsageEvent`); `asked` that it will be.
 */
export function writeChunk(chunk: Json, first: boolean, asked: boolean, w: JsonWriter): void {
  w.object().key("object").string("chat.completion.chunk");
  let member = chunk.first();
  while (member != null) {
    if (member.isKey("choices")) {
      w.keyOf(member).array();
      let choice = member.first();
      while (choice != null) {
        writeChunkChoice(choice, first, w);
        choice = choice.next;
      }
      w.end();
    } else if (!member.isKey("object") && !member.isKey("usage")) w.keyOf(member).json(member);
    member = member.next;
  }
  if (asked) w.key("usage").nil();
  w.end();
}

function writeChunkChoice(choice: Json, first: boolean, w: JsonWriter): void {
  w.object();
  let member = choice.first();
  while (member != null) {
    if (member.isKey("delta") && member.kind === OBJECT) {
      w.keyOf(member).object();
      if (first) w.key("role").string("assistant");
      let part = member.first();
      while (part != null) {
        if (!part.isKey("role")) w.keyOf(part).json(part);
        part = part.next;
      }
      w.end();
    } else if (!member.isKey("finish_reason")) w.keyOf(member).json(member);
    member = member.next;
  }
  writeFinish(choice, "", w);
  w.end();
}
