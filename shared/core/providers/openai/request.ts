import { ByteWriter } from "../../byte-writer.ts";
import { ClientRequest, IMAGES } from "../../exchange.ts";
import { Json, OBJECT } from "../../json.ts";
import { JsonWriter } from "../../json-writer.ts";
import { ChosenTools } from "./chosen-tools.ts";
import { DROP, Gates, RENAME, SET_EFFORT } from "./gates.ts";

/** How `stream_options` must leave. */
const KEEP: i32 = 0;
const ASK_USAGE: i32 = 1;
const OMIT: i32 = 2;

/**
 * The body for a provider of the OpenAI family: the client's own bytes, with the model's name and `stream_options` put
 * right, and through the model's gates, which are null when it passes them, as are its tools. Answers the client's body itself when nothing
 * changes.
 *
 * Usage is asked of every stream, as the bill needs it, but of images, which tell it unasked; `refusesUsage` is for servers
 * that know no `stream_options`.
 */
export function writeRequest(
  call: ClientRequest,
  model: string,
  refusesUsage: boolean,
  gates: Gates | null,
  tools: ChosenTools | null,
): Uint8Array {
  let streamOptions = KEEP;
  if (refusesUsage) streamOptions = OMIT;
  else if (call.stream && !call.includeUsage && call.endpoint !== IMAGES) streamOptions = ASK_USAGE;
  if (
    gates == null &&
    tools == null &&
    model === call.model &&
    (streamOptions === KEEP || (streamOptions === OMIT && call.json.get("stream_options") == null))
  )
    return call.body;

  const out = new ByteWriter(call.body.length + model.length + 48);
  const w = new JsonWriter(out).object();
  let asked = streamOptions !== ASK_USAGE;
  let member = call.json.first();
  while (member != null) {
    if (member.isKey("model")) w.keyOf(member).string(model);
    else if (streamOptions !== KEEP && member.isKey("stream_options")) {
      if (streamOptions === ASK_USAGE) {
        asked = true;
        writeStreamOptions(w.keyOf(member), member);
      }
    } else if (gates == null || !writeGated(member, gates, w)) {
      if (tools == null || !tools.write(member, w)) w.keyOf(member).json(member);
    }
    member = member.next;
  }
  if (gates != null && gates.addsEffort()) w.key("reasoning_effort").string(gates.effort);
  if (!asked) w.key("stream_options").object().key("include_usage").bool(true).end();
  w.end();
  return out.take();
}

/** Writes what the gates make of the member; false when it passes them as it is. */
function writeGated(member: Json, gates: Gates, w: JsonWriter): boolean {
  const fate = gates.fateOf(member);
  if (fate === RENAME) w.key(gates.nameOf(member)).json(member);
  else if (fate === SET_EFFORT) w.keyOf(member).string(gates.effort);
  else if (fate !== DROP) return false;
  return true;
}

function writeStreamOptions(w: JsonWriter, options: Json): void {
  w.object();
  if (options.kind === OBJECT) {
    let option = options.first();
    while (option != null) {
      if (!option.isKey("include_usage")) w.keyOf(option).json(option);
      option = option.next;
    }
  }
  w.key("include_usage").bool(true).end();
}
