import { SYSTEM_TURNS } from "../../capabilities.ts";
import { ARRAY, Json, OBJECT, STRING } from "../../json.ts";
import { at, RequestTranslation as Translation } from "../../translation.ts";
import { hasText } from "./content.ts";
import { ASSISTANT_TURN, SYSTEM_FIELD, SYSTEM_TURN, TOOL_RESULT, USER_TURN } from "./place.ts";

const NOWHERE: i32 = -1;

/** Where each message of a chat goes. */
export class Conversation {
  readonly messages: Json;
  /** By message, one of the constants of `place.ts`. */
  readonly places: Array<i32> = new Array<i32>();
  endsWithAssistant: boolean = false;
  /** The number of the message with which the last turn starts. */
  lastTurn: i32 = 0;
  /** The assistant's last turn called tools. */
  lastAssistantCalls: boolean = false;

  constructor(messages: Json) {
    this.messages = messages;
  }
}

/** Reads the messages' roles; null when they are no list of messages (`t.problem`). */
export function readConversation(messages: Json | null, t: Translation): Conversation | null {
  if (messages == null) {
    t.refuseMissing("messages");
    return null;
  }
  if (messages.kind !== ARRAY || messages.isEmpty()) {
    t.refuse("messages", "'messages' must be an array of at least one message.");
    return null;
  }
  const conversation = new Conversation(messages);
  const places = conversation.places;
  // Where the last message went that is a turn; SYSTEM_FIELD while there is none.
  let turn = SYSTEM_FIELD;
  // Where the run of system messages goes that the last message belongs to; NOWHERE when it is none.
  let run = NOWHERE;
  let index: i32 = 0;
  let message = messages.first();
  while (message != null) {
    let place = turnOf(message, index, t);
    if (place === NOWHERE) return null;
    if (place === SYSTEM_FIELD) {
      if (run === NOWHERE) run = placeOfRun(message, turn, t);
      place = run;
    } else run = NOWHERE;
    places.push(place);
    if (place !== SYSTEM_FIELD) {
      if (place !== turn) conversation.lastTurn = index;
      turn = place;
    }
    if (place === ASSISTANT_TURN) {
      conversation.lastAssistantCalls = message.value("tool_calls") != null || message.value("function_call") != null;
    }
    index++;
    message = message.next;
  }
  // A chat of nothing but instructions is legal for OpenAI; here the last of them has to be what the user says.
  if (turn === SYSTEM_FIELD) places[places.length - 1] = USER_TURN;
  conversation.endsWithAssistant = turn === ASSISTANT_TURN;
  return conversation;
}

/** The kind of turn that the message is, SYSTEM_FIELD for a system message; NOWHERE for no message (`t.problem`). */
function turnOf(message: Json, index: i32, t: Translation): i32 {
  if (message.kind !== OBJECT) {
    t.refuse(at("messages", index), "Each message must be an object.");
    return NOWHERE;
  }
  const role = message.value("role");
  if (role == null || role.kind !== STRING) {
    t.refuseMissing(at("messages", index) + ".role");
    return NOWHERE;
  }
  if (role.is("user")) return USER_TURN;
  if (role.is("assistant")) return ASSISTANT_TURN;
  if (role.is("tool") || role.is("function")) return TOOL_RESULT;
  if (isSystem(role)) return SYSTEM_FIELD;
  t.refuse(
    at("messages", index) + ".role",
    "A message's role must be one of 'system', 'developer', 'user', 'assistant', 'tool' and 'function'.",
  );
  return NOWHERE;
}

function isSystem(role: Json): boolean {
  return role.is("system") || role.is("developer");
}

/**
 * Where the run of system messages goes that starts with this one. A model that takes them in place wants them between a
 * user's turn and the assistant's, or at the end.
 * @see https://platform.claude.com/docs/en/build-with-claude/mid-conversation-system-messages
 */
function placeOfRun(first: Json, previousTurn: i32, t: Translation): i32 {
  if (!t.capabilities.has(SYSTEM_TURNS)) return SYSTEM_FIELD;
  if (previousTurn !== USER_TURN && previousTurn !== TOOL_RESULT) return SYSTEM_FIELD;
  let next = first.next;
  while (next != null) {
    const role = next.value("role");
    if (role == null || !isSystem(role)) return isSpoken(next) ? SYSTEM_TURN : SYSTEM_FIELD;
    next = next.next;
  }
  return SYSTEM_TURN;
}

/** Whether the message is an assistant's that says or calls something (one that does not is left out). */
function isSpoken(message: Json): boolean {
  const role = message.value("role");
  if (role == null || !role.is("assistant")) return false;
  if (message.value("tool_calls") != null || message.value("function_call") != null) return true;
  const content = message.value("content");
  return content != null && hasText(content);
}
