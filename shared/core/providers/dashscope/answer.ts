import { ByteWriter } from "../../byte-writer.ts";
import { ARRAY, Json, STRING } from "../../json.ts";
import { escapeJson, unescapeJson } from "../../json-text.ts";

/** What answers and streams have in common: how a choice tells its parts. */

/** The text of a content, a string or parts `{"text"}`, as it stands in JSON strings. */
export function copyText(content: Json | null, out: ByteWriter): void {
  if (content == null) return;
  if (content.kind === STRING) {
    out.copy(content.source, content.start, content.end);
    return;
  }
  if (content.kind !== ARRAY) return;
  let part = content.first();
  while (part != null) {
    const text = part.value("text");
    if (text != null && text.kind === STRING) out.copy(text.source, text.start, text.end);
    part = part.next;
  }
}

/** As `copyText`, in plain UTF-8. */
export function decodeText(content: Json | null, out: ByteWriter): void {
  if (content == null) return;
  if (content.kind === STRING) {
    unescapeJson(content.source, content.start, content.end, out);
    return;
  }
  if (content.kind !== ARRAY) return;
  let part = content.first();
  while (part != null) {
    const text = part.value("text");
    if (text != null && text.kind === STRING) unescapeJson(text.source, text.start, text.end, out);
    part = part.next;
  }
}

/** The content of a choice; `result_format: text` puts it into the output itself. */
export function contentOf(choice: Json): Json | null {
  const message = choice.value("message");
  return message == null ? choice.value("text") : message.value("content");
}

/** OpenAI's finish reason; empty while there is none, for which DashScope says `"null"`, a string. */
export function finishReason(choice: Json): string {
  const reason = choice.value("finish_reason");
  if (reason == null || reason.kind !== STRING || reason.isEmpty() || reason.is("null")) return "";
  if (reason.is("length") || reason.is("tool_calls") || reason.is("content_filter")) return reason.text();
  return "stop";
}

/** Writes a call's arguments, a string, as the inside of one; some models give an object. */
export function writeArguments(given: Json | null, out: ByteWriter): void {
  if (given == null) return;
  if (given.kind === STRING) out.copy(given.source, given.start, given.end);
  else escapeJson(given.source, given.start, given.end, out);
}
