import { ByteWriter } from "../../byte-writer.ts";
import { ARRAY, Json, OBJECT } from "../../json.ts";
import { firstOf } from "../../json-path.ts";
import { JsonWriter } from "../../json-writer.ts";
import { firstPart } from "./answer.ts";
import { MOST_CANDIDATES } from "./generation.ts";

/**
 * The whole answer of a body: what it holds or, when that is an array of pieces, these joined. A stream is such an array
 * where `alt=sse` was lost on the way. Null when there is no answer; one with an error is that error.
 * @see https://ai.google.dev/api/generate-content#method:-models.streamgeneratecontent
 */
export function wholeAnswer(body: Json | null): Json | null {
  if (body == null || body.kind !== ARRAY) return body;
  let last: Json | null = null;
  let piece = body.first();
  while (piece != null) {
    if (piece.kind !== OBJECT) return null;
    if (piece.value("error") != null) return piece;
    last = piece;
    piece = piece.next;
  }
  return last == null ? null : joined(body, last);
}

function joined(pieces: Json, last: Json): Json | null {
  const out = new ByteWriter(pieces.end - pieces.start);
  const w = new JsonWriter(out).object().key("candidates").array();
  for (let index: i32 = 0; index < MOST_CANDIDATES; index++) {
    if (!writeCandidate(pieces, index, w)) return null;
  }
  w.end();
  // Counts are running totals, the names are the same in all pieces; only a prompt that is blocked at once has feedback.
  let member = last.first();
  while (member != null) {
    if (!member.isKey("candidates")) w.keyOf(member).json(member);
    member = member.next;
  }
  w.end();
  return Json.parse(out.take());
}

/** Writes the candidate of this number, if there is one: all its parts and the reason for its end; false when it has none. */
function writeCandidate(pieces: Json, index: i32, w: JsonWriter): boolean {
  let reason: Json | null = null;
  let found = false;
  let piece = pieces.first();
  while (piece != null) {
    let position: i32 = 0;
    let candidate = firstOf(piece.value("candidates"));
    while (candidate != null) {
      if (candidate.count32("index", position) === index) {
        if (!found) w.object().key("index").int(index).key("content").object().key("parts").array();
        found = true;
        const told = candidate.value("finishReason");
        if (told != null) reason = told;
        let part = firstPart(candidate);
        while (part != null) {
          w.json(part);
          part = part.next;
        }
      }
      position++;
      candidate = candidate.next;
    }
    piece = piece.next;
  }
  if (!found) return true;
  if (reason == null) return false;
  w.end().end().key("finishReason").json(reason).end();
  return true;
}
