import { BACKSLASH, equalsAscii, equalsAsciiFolded, findByte, startsAscii } from "../bytes.ts";
import { CHAT, ClientRequest, EMBEDDINGS } from "../exchange.ts";
import { ARRAY, FALSE, Json, OBJECT, STRING, TRUE } from "../json.ts";
import { invalidRequest, Problem } from "../problem.ts";

/** More members at the top of a body than any API has. */
const MOST_MEMBERS: i32 = 128;

/** A body that has been read: either the call or what is wrong with it. */
export class ReadBody {
  call: ClientRequest | null = null;
  problem: Problem | null = null;
}

/** Reads the body of a call to `endpoint`; `created` is Unix time in seconds. */
export function readBody(endpoint: i32, body: Uint8Array, created: i32): ReadBody {
  const result = new ReadBody();
  const json = Json.parse(body);
  if (json == null || json.kind !== OBJECT) {
    result.problem = invalidRequest(notJson(body), "", "invalid_json");
    return result;
  }
  result.problem = checkCall(endpoint, json);
  if (result.problem == null) result.call = new ClientRequest(endpoint, body, json, created);
  return result;
}

function notJson(body: Uint8Array): string {
  if (body.length === 0) return "The request has no body: send a JSON object.";
  // No JSON begins so, but every form does.
  if (startsAscii(body, 0, body.length, "--")) return "The body of the request is a form: send a JSON object.";
  return "The body of the request is not a JSON object.";
}

/** What is wrong with the fields of a call, whoever may serve it. */
export function checkCall(endpoint: i32, json: Json): Problem | null {
  const problem = checkMembers(json);
  return problem == null ? checkFields(endpoint, json) : problem;
}

/**
 * Refuses a body that two readers could understand differently: a key that stands twice at its top, also behind escapes,
 * or in other letter case where that decides who serves and who pays (some servers match keys regardless of case).
 */
function checkMembers(json: Json): Problem | null {
  let count: i32 = 0;
  let escaped = false;
  let member = json.first();
  while (member != null) {
    if (findByte(member.source, BACKSLASH, member.keyStart, member.keyEnd) >= 0) escaped = true;
    member = member.next;
  }
  member = json.first();
  while (member != null) {
    if (++count > MOST_MEMBERS) return invalidRequest("The request has too many fields.", "", "too_many_fields");
    let other = member.next;
    while (other != null) {
      if (escaped ? member.key() === other.key() : sameKey(member, other)) {
        const key = member.key();
        return invalidRequest("The field `" + key + "` stands twice.", key, "duplicate_field");
      }
      other = other.next;
    }
    if (isDisguised(member, "model") || isDisguised(member, "stream") || isDisguised(member, "stream_options")) {
      const key = member.key();
      return invalidRequest("Unknown field `" + key + "`: names are in lower case.", key, "unknown_field");
    }
    member = member.next;
  }
  return null;
}

function sameKey(left: Json, right: Json): boolean {
  const size = left.keyEnd - left.keyStart;
  if (right.keyEnd - right.keyStart !== size) return false;
  for (let i: i32 = 0; i < size; i++) {
    if ((left.source[left.keyStart + i] as i32) !== (right.source[right.keyStart + i] as i32)) return false;
  }
  return true;
}

/** Whether the key is `name` but for the case of its letters. */
function isDisguised(member: Json, name: string): boolean {
  return (
    equalsAsciiFolded(member.source, member.keyStart, member.keyEnd, name) &&
    !equalsAscii(member.source, member.keyStart, member.keyEnd, name)
  );
}

/** What every provider would refuse; all else is for the provider to judge. */
function checkFields(endpoint: i32, json: Json): Problem | null {
  const model = json.value("model");
  if (model == null)
    return invalidRequest("You must provide a model parameter.", "model", "missing_required_parameter");
  if (model.kind !== STRING || model.isEmpty())
    return invalidRequest("`model` must be a string.", "model", "invalid_type");
  const stream = json.value("stream");
  if (stream != null && stream.kind !== TRUE && stream.kind !== FALSE) {
    return invalidRequest("`stream` must be true or false.", "stream", "invalid_type");
  }
  const options = json.value("stream_options");
  if (options != null && options.kind !== OBJECT) {
    return invalidRequest("`stream_options` must be an object.", "stream_options", "invalid_type");
  }
  if (endpoint === CHAT) {
    const messages = json.value("messages");
    if (messages == null)
      return invalidRequest("You must provide `messages`.", "messages", "missing_required_parameter");
    if (messages.kind !== ARRAY) return invalidRequest("`messages` must be an array.", "messages", "invalid_type");
    if (messages.isEmpty()) return invalidRequest("`messages` must not be empty.", "messages", "empty_array");
  } else if (endpoint === EMBEDDINGS && json.value("input") == null) {
    return invalidRequest("You must provide `input`.", "input", "missing_required_parameter");
  }
  return null;
}
