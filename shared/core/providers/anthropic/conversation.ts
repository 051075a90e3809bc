import { ARRAY, Json, OBJECT, STRING } from "../../json.ts";
import { SYSTEM_TURNS } from "./capabilities.ts";
import { at, Translation } from "./translation.ts";

/** Part of the `system` field. */
export const SYSTEM_FIELD: i32 = 0;
/** A system message that keeps its place. */
export const SYSTEM_TURN: i32 = 1;
export const USER_TURN: i32 = 2;
export const ASSISTANT_TURN: i32 = 3;
/** The result of a tool (or of a function, its forerunner), part of a user's turn. */
export const TOOL_RESULT: i32 = 4;

/** Where each message of a chat goes. */
export class Conversation {
  readonly messages: Json;
  /** By message, one of the constants above. */
  readonly places: Array<i32> = new Array<i32>();
  endsWithAssistant: boolean = false;
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
  let turn = SYSTEM_FIELD;
  let index: i32 = 0;
  let message = messages.first();
  while (message != null) {
    const place = placeOf(message, index, turn, t);
    if (place < 0) return null;
    places.push(place);
    if (place !== SYSTEM_FIELD) turn = place;
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

/** Where the message goes when `previous` is where the last one went that is not in the `system` field; -1 for nowhere. */
function placeOf(message: Json, index: i32, previous: i32, t: Translation): i32 {
  if (message.kind !== OBJECT) {
    t.refuse(at("messages", index), "Each message must be an object.");
    return -1;
  }
  const role = message.value("role");
  if (role == null || role.kind !== STRING) {
    t.refuseMissing(at("messages", index) + ".role");
    return -1;
  }
  if (role.is("user")) return USER_TURN;
  if (role.is("assistant")) return ASSISTANT_TURN;
  if (role.is("tool") || role.is("function")) return TOOL_RESULT;
  if (role.is("system") || role.is("developer")) {
    const inPlace = t.capability.has(SYSTEM_TURNS) && previous !== SYSTEM_FIELD && previous !== ASSISTANT_TURN;
    return inPlace ? SYSTEM_TURN : SYSTEM_FIELD;
  }
  t.refuse(
    at("messages", index) + ".role",
    "A message's role must be one of 'system', 'developer', 'user', 'assistant', 'tool' and 'function'.",
  );
  return -1;
}
