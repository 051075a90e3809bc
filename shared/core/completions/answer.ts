import { Json, OBJECT, STRING } from "../json.ts";
import { JsonWriter } from "../json-writer.ts";

/**
 * Writes a chat completion, or a chunk of one, as the completion of a prompt: `text` in the place of the message (or
 * delta). What else a message holds - reasoning, a refusal's words - has no place there.
 * @see https://platform.openai.com/docs/api-reference/completions/object
 */
export function writeAnswer(chat: Json, w: JsonWriter): void {
  w.object();
  let member = chat.first();
  while (member != null) {
    if (member.isKey("object")) w.keyOf(member).string("text_completion");
    else if (member.isKey("choices")) writeChoices(member, w.keyOf(member));
    else w.keyOf(member).json(member);
    member = member.next;
  }
  w.end();
}

function writeChoices(choices: Json, w: JsonWriter): void {
  w.array();
  let choice = choices.first();
  while (choice != null) {
    if (choice.kind === OBJECT) {
      w.object().key("index").int(choice.count32("index", 0)).key("text");
      const text = textOf(choice);
      if (text == null) w.string("");
      else w.json(text);
      w.key("logprobs").nil().key("finish_reason");
      const reason = choice.value("finish_reason");
      if (reason == null) w.nil();
      else w.json(reason);
      w.end();
    }
    choice = choice.next;
  }
  w.end();
}

/** The text of a choice's message or delta, or null when it has none. */
function textOf(choice: Json): Json | null {
  let message = choice.value("delta");
  if (message == null) message = choice.value("message");
  if (message == null) return null;
  const content = message.value("content");
  return content == null || content.kind !== STRING ? null : content;
}

/** Whether a chunk holds choices of which none tells a client of completions anything: a role, or a piece of reasoning. */
export function isSilent(chunk: Json): boolean {
  const choices = chunk.value("choices");
  if (choices == null) return false;
  let choice = choices.first();
  if (choice == null) return false;
  while (choice != null) {
    const text = textOf(choice);
    if ((text != null && !text.isEmpty()) || choice.value("finish_reason") != null) return false;
    choice = choice.next;
  }
  return true;
}
