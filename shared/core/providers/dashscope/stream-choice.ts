import { ByteWriter } from "../../byte-writer.ts";
import { ARRAY, Json } from "../../json.ts";
import { memberOf } from "../../json-path.ts";
import { JsonWriter } from "../../json-writer.ts";
import { contentOf, finishReason } from "./answer.ts";
import { Progress } from "./progress.ts";
import { NO_ARGUMENTS, writeCallId, writeCallName } from "./response.ts";

/** OpenAI's own bound on tools; more calls in one answer mean a stream gone wrong. */
const MOST_CALLS: i32 = 128;

/** A tool call whose arguments are still growing. */
class GrowingCall {
  /** The provider's number for it. */
  readonly index: i32;
  readonly arguments: Progress;
  started: boolean = false;
  /** A part of its arguments was told. */
  told: boolean = false;

  constructor(index: i32, incremental: boolean) {
    this.index = index;
    this.arguments = new Progress(incremental);
  }
}

/** One choice of a stream: what was told of it, and what each event adds. */
export class StreamChoice {
  readonly index: i32;
  /** The chunk with the role has gone out. */
  opened: boolean = false;
  /** OpenAI's finish reason, once there is one. */
  reason: string = "";
  /** The last event cannot go together with those before it. */
  broken: boolean = false;
  /** Bytes of answer that the last event added. */
  addedBytes: i32 = 0;
  private readonly incremental: boolean;
  private readonly content: Progress;
  private readonly thought: Progress;
  private readonly calls: Array<GrowingCall> = new Array<GrowingCall>();

  constructor(index: i32, incremental: boolean) {
    this.index = index;
    this.incremental = incremental;
    this.content = new Progress(incremental);
    this.thought = new Progress(incremental);
  }

  /** Writes the delta, an object; it is empty (`{}`) when the event adds nothing. */
  writeDelta(choice: Json, out: ByteWriter): void {
    const reason = finishReason(choice);
    if (reason.length > 0) this.reason = reason;
    const final = this.reason.length > 0;
    const message = choice.value("message");
    this.addedBytes = 0;
    const w = new JsonWriter(out).object();
    this.writeText("reasoning_content", memberOf(message, "reasoning_content"), this.thought, final, w);
    this.writeText("content", contentOf(choice), this.content, final, w);
    const calls = memberOf(message, "tool_calls");
    if (calls != null && calls.kind === ARRAY && !calls.isEmpty()) this.writeCalls(calls, final, w);
    w.end();
  }

  private writeText(name: string, text: Json | null, progress: Progress, final: boolean, w: JsonWriter): void {
    progress.take(text, final);
    if (progress.broken) this.broken = true;
    if (progress.added.length > 0) this.writeAdded(name, progress, w);
  }

  private writeAdded(name: string, progress: Progress, w: JsonWriter): void {
    w.key(name).raw('"');
    w.out.writer(progress.added).byte(0x22);
    this.addedBytes += progress.added.length;
  }

  private writeCalls(calls: Json, final: boolean, w: JsonWriter): void {
    let any = false;
    let position: i32 = 0;
    let given = calls.first();
    while (given != null) {
      const index = given.count32("index", position);
      const at = this.placeOf(index);
      if (at >= MOST_CALLS) {
        this.broken = true;
        return;
      }
      if (at === this.calls.length) this.calls.push(new GrowingCall(index, this.incremental));
      const call = this.calls[at]!;
      const called = given.value("function");
      const name = memberOf(called, "name");
      call.arguments.take(memberOf(called, "arguments"), final);
      if (call.arguments.broken) this.broken = true;
      const starts = !call.started && (final || (name != null && !name.isEmpty()) || call.arguments.added.length > 0);
      if (call.arguments.added.length > 0) call.told = true;
      if (starts || call.arguments.added.length > 0) {
        if (!any) w.key("tool_calls").array();
        any = true;
        w.object().key("index").int(at);
        if (starts) {
          call.started = true;
          w.key("id");
          writeCallId(given.value("id"), at, w);
          w.key("type").string("function");
        }
        w.key("function").object();
        if (starts) writeCallName(name, w.key("name"));
        this.writeAdded("arguments", call.arguments, w);
        w.end().end();
      }
      position++;
      given = given.next;
    }
    if (any) w.end();
  }

  /** The place of the call with this number; one beyond the last for a new one. */
  private placeOf(index: i32): i32 {
    for (let i: i32 = 0; i < this.calls.length; i++) {
      if (this.calls[i]!.index === index) return i;
    }
    return this.calls.length;
  }

  /** Writes a delta, an object, for the calls that came without arguments; it is empty (`{}`) when there are none. */
  writeMissing(out: ByteWriter): void {
    const w = new JsonWriter(out).object();
    let any = false;
    for (let i: i32 = 0; i < this.calls.length; i++) {
      if (this.calls[i]!.told) continue;
      if (!any) w.key("tool_calls").array();
      any = true;
      w.object().key("index").int(i).key("function").object().key("arguments").string(NO_ARGUMENTS).end().end();
    }
    if (any) w.end();
    w.end();
  }

  /** The reason to tell the client. */
  finishReason(): string {
    return this.reason === "stop" && this.calls.length > 0 ? "tool_calls" : this.reason;
  }
}
