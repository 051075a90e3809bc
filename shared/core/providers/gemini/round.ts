import { ByteWriter } from "../../byte-writer.ts";
import { CALL_IDS, THOUGHT_SIGNATURES } from "../../capabilities.ts";
import { ARRAY, Json, OBJECT, STRING } from "../../json.ts";
import { memberOf } from "../../json-path.ts";
import { escapeJson, isBlankJson, unescapeJson } from "../../json-text.ts";
import { JsonWriter } from "../../json-writer.ts";
import { at, RequestTranslation as Translation } from "../../translation.ts";
import { CallId, NO_SIGNATURE } from "./call-id.ts";
import { isToolName, writeToolName } from "./tool-names.ts";

/** Each result is looked for among its round's calls, so there is a bound; OpenAI's own on tools is the same. */
const MOST_CALLS: i32 = 128;

/** A function that the assistant called. */
class Call {
  /** As the client spells it; empty in the old way, which has none. */
  readonly clientId: string;
  readonly id: CallId;
  readonly name: Json;
  /** A JSON object. */
  readonly input: Json;
  signature: string;
  /** The result's text, in UTF-8. */
  readonly result: ByteWriter = new ByteWriter(0);
  answered: boolean = false;

  constructor(clientId: string, name: Json, input: Json) {
    const id = new CallId(clientId);
    this.clientId = clientId;
    this.id = id;
    this.signature = id.signature;
    this.name = name;
    this.input = input;
  }
}

/**
 * The calls of one message of the assistant, and their results. The API has no ids before Gemini 3: it wants as many results
 * as there were calls, in one turn, and each under its function's name.
 */
export class Round {
  private readonly t: Translation;
  /** The assistant's message, such as `messages[3]`. */
  private readonly param: string;
  private readonly calls: Array<Call> = new Array<Call>();

  constructor(t: Translation, param: string) {
    this.t = t;
    this.param = param;
  }

  isEmpty(): boolean {
    return this.calls.length === 0;
  }

  /** Takes in a `function_call`, the forerunner of `tool_calls`. */
  addFunction(call: Json): boolean {
    return this.add(call, "", null, this.param + ".function_call");
  }

  /** Takes in `tool_calls`. */
  addCalls(calls: Json): boolean {
    const t = this.t;
    const param = this.param + ".tool_calls";
    if (calls.kind !== ARRAY) return t.refuse(param, "'tool_calls' must be an array.");
    let index: i32 = 0;
    let call = calls.first();
    while (call != null) {
      if (index >= MOST_CALLS) return t.refuse(param, "At most 128 tools may be called at a time.");
      const callParam = at(param, index);
      const type = call.value("type");
      if (type != null && !type.is("function"))
        return t.refuseUnsupported(callParam + ".type", "A tool call other than of a function");
      const id = call.value("id");
      if (id == null || id.kind !== STRING || id.isEmpty()) return t.refuseMissing(callParam + ".id");
      const called = call.value("function");
      if (called == null) return t.refuseMissing(callParam + ".function");
      if (!this.add(called, id.text(), call, callParam + ".function")) return false;
      index++;
      call = call.next;
    }
    return true;
  }

  private add(called: Json, clientId: string, outer: Json | null, param: string): boolean {
    const t = this.t;
    const name = called.value("name");
    if (name == null || name.kind !== STRING) return t.refuseMissing(param + ".name");
    if (!isToolName(name)) return t.refuse(param + ".name", "A function's name must match ^[a-zA-Z0-9_.:-]{1,127}$.");
    const input = readInput(called.value("arguments"));
    if (input == null) {
      return t.refuse(param + ".arguments", "A function's arguments must be a string that holds a JSON object.");
    }
    const call = new Call(clientId, name, input);
    // Where Google's own OpenAI layer puts the signature.
    const google = memberOf(memberOf(outer, "extra_content"), "google");
    if (google != null && call.signature.length === 0) call.signature = google.string("thought_signature", "");
    this.calls.push(call);
    return true;
  }

  /** Writes the calls as parts of the model's turn. */
  writeCalls(): boolean {
    const t = this.t;
    const w = t.w;
    for (let i: i32 = 0; i < this.calls.length; i++) {
      const call = this.calls[i]!;
      w.object().key("functionCall").object();
      this.writeId(call);
      writeToolName(call.name, w.key("name"));
      w.key("args").json(call.input).end();
      if (call.signature.length > 0) w.key("thoughtSignature").string(call.signature);
      else if (i === 0 && t.capabilities.has(THOUGHT_SIGNATURES)) w.key("thoughtSignature").string(NO_SIGNATURE);
      w.end();
    }
    return true;
  }

  private writeId(call: Call): void {
    const id = call.id.id;
    if (id.length > 0 && this.t.capabilities.has(CALL_IDS)) this.t.w.key("id").string(id);
  }

  /** The call that a tool's message answers, or null when there is none that waits for an answer (`t.problem`). */
  callOf(message: Json, param: string): Call | null {
    const id = message.string("tool_call_id", "");
    const name = id.length === 0 ? message.string("name", "") : "";
    for (let i: i32 = 0; i < this.calls.length; i++) {
      const call = this.calls[i]!;
      if (!call.answered && call.clientId === id && (id.length > 0 || call.name.is(name))) return call;
    }
    if (id.length === 0 && name.length === 0) this.t.refuseMissing(param + ".tool_call_id");
    else this.t.refuse(param, "This message answers no call of the assistant's message before it.");
    return null;
  }

  hasResult(): boolean {
    for (let i: i32 = 0; i < this.calls.length; i++) {
      if (this.calls[i]!.answered) return true;
    }
    return false;
  }

  /** Writes the results as parts of the user's turn, in the order of the calls. */
  writeResults(): boolean {
    const t = this.t;
    for (let i: i32 = 0; i < this.calls.length; i++) {
      const call = this.calls[i]!;
      if (!call.answered) {
        const message = "Each tool call of an assistant's message must be answered by a tool's message.";
        return t.refuse(at(this.param + ".tool_calls", i), message);
      }
      t.w.object().key("functionResponse").object();
      this.writeId(call);
      writeToolName(call.name, t.w.key("name"));
      writeResult(call.result, t.w.key("response"));
      t.w.end().end();
    }
    return true;
  }
}

/** The JSON object that the string holds, or null when it holds none. The empty string stands for no arguments. */
function readInput(text: Json | null): Json | null {
  const plain = new ByteWriter(2);
  if (text == null || (text.kind === STRING && isBlankJson(text.source, text.start, text.end))) plain.ascii("{}");
  else if (text.kind === STRING) unescapeJson(text.source, text.start, text.end, plain);
  const input = Json.parseSpan(plain.bytes, 0, plain.length);
  return input != null && input.kind === OBJECT ? input : null;
}

/** The API wants an object: one that the tool answered is that, anything else its `output`. */
function writeResult(text: ByteWriter, w: JsonWriter): void {
  const result = Json.parseSpan(text.bytes, 0, text.length);
  if (result != null && result.kind === OBJECT) {
    w.json(result);
    return;
  }
  w.object().key("output").raw('"');
  escapeJson(text.bytes, 0, text.length, w.out);
  w.out.byte(0x22);
  w.end();
}
