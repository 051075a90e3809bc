import { ByteWriter } from "../../byte-writer.ts";
import { ClientRequest } from "../../exchange.ts";
import { Json } from "../../json.ts";
import { JsonWriter } from "../../json-writer.ts";
import { Usage } from "../../usage.ts";
import { answersOldWay, CallWriter, writeId, writeModel } from "./answer.ts";
import { writeLogprobs } from "./logprobs.ts";
import { writeUsage } from "./usage.ts";

/**
 * Writes the chunks of one OpenAI stream; `index` is the choice's. What all chunks share is made once.
 * @see https://platform.openai.com/docs/api-reference/chat-streaming
 */
export class Chunks {
  /** The client reads `function_call` instead of `tool_calls`. */
  readonly oldWay: boolean;
  private readonly call: ClientRequest;
  private readonly calls: CallWriter;
  /** `data: {…,"choices":[` */
  private readonly start: Uint8Array;

  /** `answer` is the stream's first event that tells something: its ids are those of every chunk. */
  constructor(call: ClientRequest, answer: Json, model: string) {
    this.call = call;
    this.oldWay = answersOldWay(call);
    this.calls = new CallWriter(call, answer);
    const out = new ByteWriter(256);
    out.ascii("data: ");
    const w = new JsonWriter(out).object();
    writeId(answer, call, w.key("id"));
    w.key("object").string("chat.completion.chunk").key("created").int(call.created);
    writeModel(answer, model, w.key("model"));
    w.key("system_fingerprint").nil().key("choices").array();
    this.start = out.take();
  }

  /** Opens a chunk up to its delta's value. */
  private startDelta(index: i32, out: ByteWriter): void {
    out.all(this.start).ascii('{"index":').int(index).ascii(',"delta":');
  }

  /** Closes a chunk after its delta; `reason` is JSON. */
  private endChoice(candidate: Json | null, reason: string, out: ByteWriter): void {
    out.ascii(',"logprobs":');
    if (candidate == null) out.ascii("null");
    else writeLogprobs(candidate, new JsonWriter(out));
    out.ascii(',"finish_reason":').ascii(reason).ascii("}]");
    if (this.call.includeUsage) out.ascii(',"usage":null');
    out.ascii("}\n\n");
  }

  role(index: i32, out: ByteWriter): void {
    this.startDelta(index, out);
    out.ascii('{"role":"assistant","content":"","refusal":null}');
    this.endChoice(null, "null", out);
  }

  /** The text is `bytes[start, end)`, the inside of a JSON string. `candidate` has the text's log probabilities, or is null when an earlier chunk told them. */
  content(index: i32, bytes: Uint8Array, start: i32, end: i32, candidate: Json | null, out: ByteWriter): void {
    this.startDelta(index, out);
    out.ascii('{"content":"').copy(bytes, start, end).ascii('"}');
    this.endChoice(candidate, "null", out);
  }

  reasoning(index: i32, bytes: Uint8Array, start: i32, end: i32, out: ByteWriter): void {
    this.startDelta(index, out);
    out.ascii('{"reasoning_content":"').copy(bytes, start, end).ascii('"}');
    this.endChoice(null, "null", out);
  }

  refusal(index: i32, text: string, out: ByteWriter): void {
    this.startDelta(index, out);
    out.ascii('{"refusal":').quoted(text).byte(0x7d);
    this.endChoice(null, "null", out);
  }

  /** A call, which comes whole. `position` counts the choice's calls, `number` those of all choices. */
  functionCall(index: i32, position: i32, number: i32, part: Json, call: Json, out: ByteWriter): void {
    this.startDelta(index, out);
    const w = new JsonWriter(out).object();
    if (this.oldWay) {
      w.key("function_call").object();
      this.calls.writeFunction(call, w);
      w.end();
    } else {
      w.key("tool_calls").array().object().key("index").int(position);
      this.calls.writeCall(part, call, number, w);
      w.end().end();
    }
    w.end();
    this.endChoice(null, "null", out);
  }

  /** The end of one choice. */
  finish(index: i32, reason: string, out: ByteWriter): void {
    this.startDelta(index, out);
    out.ascii("{}");
    this.endChoice(null, '"' + reason + '"', out);
  }

  /** The end of the stream: its usage for a client that asked, and its last line. */
  end(usage: Usage, out: ByteWriter): void {
    if (this.call.includeUsage) {
      out.all(this.start).ascii('],"usage":');
      writeUsage(usage, new JsonWriter(out));
      out.ascii("}\n\n");
    }
    out.ascii("data: [DONE]\n\n");
  }
}
