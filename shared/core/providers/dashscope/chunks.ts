import { ByteWriter } from "../../byte-writer.ts";
import { NO_BYTES } from "../../bytes.ts";
import { ClientRequest } from "../../exchange.ts";
import { Json } from "../../json.ts";
import { JsonWriter } from "../../json-writer.ts";
import { Usage } from "../../usage.ts";
import { writeId } from "./response.ts";
import { writeUsage } from "./usage.ts";

/**
 * Writes the chunks of one OpenAI stream. What all chunks share is made once.
 * @see https://platform.openai.com/docs/api-reference/chat-streaming
 */
export class Chunks {
  private readonly call: ClientRequest;
  /** `data: {…,"choices":[` */
  private start: Uint8Array = NO_BYTES;

  constructor(call: ClientRequest) {
    this.call = call;
  }

  isOpen(): boolean {
    return this.start.length > 0;
  }

  /** Takes down what every chunk tells. */
  open(requestId: Json | null, model: string): void {
    const out = new ByteWriter(256);
    out.ascii("data: ");
    const w = new JsonWriter(out).object().key("id");
    writeId(requestId, this.call, w);
    w.key("object").string("chat.completion.chunk").key("created").int(this.call.created).key("model").string(model);
    w.key("system_fingerprint").nil().key("choices").array();
    this.start = out.take();
  }

  role(index: i32, out: ByteWriter): void {
    this.startDelta(index, out);
    out.ascii('{"role":"assistant","content":"","refusal":null}');
    this.endChoice(null, "", out);
  }

  /** `delta` is an object. */
  delta(index: i32, delta: ByteWriter, logprobs: Json | null, out: ByteWriter): void {
    this.startDelta(index, out);
    out.writer(delta);
    this.endChoice(logprobs, "", out);
  }

  finish(index: i32, reason: string, out: ByteWriter): void {
    this.startDelta(index, out);
    out.ascii("{}");
    this.endChoice(null, reason, out);
  }

  /** Usage for a client that asked, and the stream's last line. */
  end(usage: Usage, out: ByteWriter): void {
    if (this.call.includeUsage) {
      out.all(this.start).ascii('],"usage":');
      writeUsage(usage, new JsonWriter(out));
      out.ascii("}\n\n");
    }
    out.ascii("data: [DONE]\n\n");
  }

  private startDelta(index: i32, out: ByteWriter): void {
    out.all(this.start).ascii('{"index":').int(index).ascii(',"delta":');
  }

  private endChoice(logprobs: Json | null, reason: string, out: ByteWriter): void {
    out.ascii(',"logprobs":');
    if (logprobs == null) out.ascii("null");
    else logprobs.write(out);
    out.ascii(',"finish_reason":');
    if (reason.length === 0) out.ascii("null");
    else out.quoted(reason);
    out.ascii("}]");
    if (this.call.includeUsage) out.ascii(',"usage":null');
    out.ascii("}\n\n");
  }
}
