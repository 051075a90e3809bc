import { ByteWriter } from "../../byte-writer.ts";
import { NO_BYTES, sliceBytes } from "../../bytes.ts";
import { ARRAY, Json, OBJECT, STRING } from "../../json.ts";
import { memberOf } from "../../json-path.ts";
import { JsonWriter } from "../../json-writer.ts";
import { Problem, providerError } from "../../problem.ts";
import { USAGE_PROVIDER, Usage } from "../../usage.ts";
import { UsageObjects } from "../../usage-objects.ts";
import { readStreamError } from "./failure.ts";

/** The images of an operation as they come, and what was used for them. */
export class ImageList {
  /** How many there are. */
  private count: i32 = 0;
  private readonly entries: ByteWriter = new ByteWriter(512);
  private readonly usageObjects: UsageObjects = new UsageObjects();
  /** Why the last answer has no image, as JSON; empty when nothing says so. */
  private refusal: Uint8Array = NO_BYTES;

  /**
   * Takes the images of an answer in; how many there are. Some of a task's may have failed on their own: the client gets,
   * and pays for, the others.
   */
  add(answer: Json): i32 {
    const output = answer.value("output");
    const before = this.count;
    const results = memberOf(output, "results");
    let entry: Json | null = results != null && results.kind === ARRAY ? results.first() : null;
    while (entry != null) {
      if (!this.take(entry.value("url"), entry.value("actual_prompt")) && entry.value("code") != null) {
        this.refusal = sliceBytes(entry.source, entry.start, entry.end);
      }
      entry = entry.next;
    }
    const choices = memberOf(output, "choices");
    let choice: Json | null = choices != null && choices.kind === ARRAY ? choices.first() : null;
    while (choice != null) {
      this.takeContent(memberOf(choice.value("message"), "content"));
      choice = choice.next;
    }
    const usage = answer.value("usage");
    if (usage != null && usage.kind === OBJECT) this.usageObjects.add(usage);
    return this.count - before;
  }

  private takeContent(content: Json | null): void {
    let part: Json | null = content != null && content.kind === ARRAY ? content.first() : null;
    while (part != null) {
      this.take(part.value("image"), null);
      part = part.next;
    }
  }

  private take(url: Json | null, prompt: Json | null): boolean {
    if (url == null || url.kind !== STRING || url.isEmpty()) return false;
    if (this.count++ > 0) this.entries.byte(0x2c);
    const w = new JsonWriter(this.entries).object().key("url").json(url);
    if (prompt != null && prompt.kind === STRING) w.key("revised_prompt").json(prompt);
    w.end();
    return true;
  }

  /** Why there is none, in the client's terms. */
  problem(model: string): Problem {
    const refusal = Json.parse(this.refusal);
    if (refusal != null) return readStreamError(0, refusal, model);
    return providerError("The provider's answer holds no image.");
  }

  /** Writes OpenAI's list of them, and takes down what was used. `created` is Unix time in seconds. */
  write(created: i32, usage: Usage, out: ByteWriter): void {
    usage.images = this.count;
    usage.source = USAGE_PROVIDER;
    usage.raw = this.usageObjects.take();
    out.ascii('{"created":').int(created).ascii(',"data":[').writer(this.entries).ascii("]}");
  }
}
