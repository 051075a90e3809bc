import { ByteWriter } from "../../byte-writer.ts";
import { NO_BYTES } from "../../bytes.ts";
import { ClientRequest } from "../../exchange.ts";
import { Json, STRING } from "../../json.ts";
import { memberOf } from "../../json-path.ts";
import { escapeJson } from "../../json-text.ts";
import { JsonWriter } from "../../json-writer.ts";
import { Usage } from "../../usage.ts";
import { answersOldWay, writeCallId, writeId } from "./response.ts";
import { ToolNames } from "./tool-names.ts";
import { writeUsage } from "./usage.ts";

/**
 * Writes the chunks of one OpenAI stream. What all chunks share is made once, so that a chunk of text is three copies.
 * @see https://platform.openai.com/docs/api-reference/chat-streaming
 */
export class Chunks {
  /** The client reads `function_call` instead of `tool_calls`. */
  readonly oldWay: boolean;
  private readonly call: ClientRequest;
  /** Made with the first call. */
  private names: ToolNames | null = null;
  /** `data: {…,"choices":[` */
  private start: Uint8Array = NO_BYTES;
  /** … and on to the inside of `"delta":{"content":"`. */
  private contentStart: Uint8Array = NO_BYTES;
  private contentEnd: Uint8Array = NO_BYTES;

  constructor(call: ClientRequest) {
    this.call = call;
    this.oldWay = answersOldWay(call);
  }

  /** Takes down what every chunk tells: the ids of the provider's message, if it gave them. */
  open(message: Json | null, model: string): void {
    const out = new ByteWriter(256);
    out.ascii("data: ");
    const w = new JsonWriter(out).object().key("id");
    writeId(memberOf(message, "id"), this.call, w);
    w.key("object").string("chat.completion.chunk").key("created").int(this.call.created).key("model");
    const served = memberOf(message, "model");
    if (served != null && served.kind === STRING) w.json(served);
    else w.string(model);
    w.key("system_fingerprint").nil().key("choices").array();
    this.start = out.take();
    out.ascii('{"index":0,"delta":{"content":"');
    this.contentStart = out.take();
    out.clear().ascii('"}');
    this.endChoice("null", out);
    this.contentEnd = out.take();
  }

  isOpen(): boolean {
    return this.start.length > 0;
  }

  /** Opens a chunk up to its delta's value. */
  private startDelta(out: ByteWriter): void {
    out.all(this.start).ascii('{"index":0,"delta":');
  }

  /** Closes a chunk after its delta; `reason` is JSON. */
  private endChoice(reason: string, out: ByteWriter): void {
    out.ascii(',"logprobs":null,"finish_reason":').ascii(reason).ascii("}]");
    if (this.call.includeUsage) out.ascii(',"usage":null');
    out.ascii("}\n\n");
  }

  role(out: ByteWriter): void {
    this.startDelta(out);
    out.ascii('{"role":"assistant","content":"","refusal":null}');
    this.endChoice("null", out);
  }

  /** `bytes[start, end)`, and likewise below, is the inside of a JSON string. */
  content(bytes: Uint8Array, start: i32, end: i32, out: ByteWriter): void {
    out.all(this.contentStart).copy(bytes, start, end).all(this.contentEnd);
  }

  reasoning(bytes: Uint8Array, start: i32, end: i32, out: ByteWriter): void {
    this.startDelta(out);
    out.ascii('{"reasoning_content":"').copy(bytes, start, end).ascii('"}');
    this.endChoice("null", out);
  }

  refusal(text: string, out: ByteWriter): void {
    this.startDelta(out);
    out.ascii('{"refusal":').quoted(text).byte(0x7d);
    this.endChoice("null", out);
  }

  /** A call begins; `position` counts calls. */
  startCall(position: i32, id: Json | null, name: Json | null, out: ByteWriter): void {
    this.startDelta(out);
    const w = new JsonWriter(out).object();
    if (this.oldWay) w.key("function_call").object();
    else {
      w.key("tool_calls").array().object().key("index").int(position).key("id");
      writeCallId(id, position, w);
      w.key("type").string("function").key("function").object();
    }
    let names = this.names;
    if (names == null) {
      names = new ToolNames(this.call.json);
      this.names = names;
    }
    names.write(name, w.key("name"));
    w.key("arguments").string("").end();
    if (!this.oldWay) w.end().end();
    w.end();
    this.endChoice("null", out);
  }

  /** A part of a call's arguments. */
  callArguments(position: i32, bytes: Uint8Array, start: i32, end: i32, out: ByteWriter): void {
    this.startArguments(position, out);
    out.copy(bytes, start, end);
    this.endArguments(out);
  }

  /** A call's arguments at once: `input` is a JSON object as it is, not the inside of a string. */
  callInput(position: i32, input: Uint8Array, out: ByteWriter): void {
    this.startArguments(position, out);
    escapeJson(input, 0, input.length, out);
    this.endArguments(out);
  }

  private startArguments(position: i32, out: ByteWriter): void {
    this.startDelta(out);
    if (this.oldWay) out.ascii('{"function_call":{"arguments":"');
    else out.ascii('{"tool_calls":[{"index":').int(position).ascii(',"function":{"arguments":"');
  }

  private endArguments(out: ByteWriter): void {
    out.ascii(this.oldWay ? '"}}' : '"}}]}');
    this.endChoice("null", out);
  }

  /** The end of the answer: its reason, its usage for a client that asked, and the stream's last line. */
  finish(reason: string, usage: Usage, out: ByteWriter): void {
    this.startDelta(out);
    out.ascii("{}");
    this.endChoice('"' + reason + '"', out);
    if (this.call.includeUsage) {
      out.all(this.start).ascii('],"usage":');
      writeUsage(usage, new JsonWriter(out));
      out.ascii("}\n\n");
    }
    out.ascii("data: [DONE]\n\n");
  }
}
