import { ByteWriter } from "../../byte-writer.ts";
import { NO_BYTES } from "../../bytes.ts";
import { ClientRequest, FAILED, MORE, Provider, ProviderRequest, REPLACED } from "../../exchange.ts";
import { Json, OBJECT } from "../../json.ts";
import { memberOf } from "../../json-path.ts";
import { invalidRequest, Problem, providerError } from "../../problem.ts";
import { RequestTranslation } from "../../translation.ts";
import { WholeExchange } from "../../whole-exchange.ts";
import { isError, readFailure, readStreamError } from "./failure.ts";
import { ImageList } from "./image-list.ts";
import { AT_ONCE, editsImages, imagePath, imageWay, makesOneImage, writeImageRequest } from "./image-request.ts";
import { nativePath } from "./path.ts";

/** How often a task is asked for: often enough for the fastest models, which take two seconds. */
const POLL_MS: i32 = 1000;
/** A poll that is refused or lost does not end the task, which is paid for; so many in a row do. */
const MOST_LOST_POLLS: i32 = 5;

/**
 * Images, made or edited, of DashScope's own API, which the compatible mode lacks: at once, in a call for each where the model makes one
 * at a time, or as a task, which is made and then asked for until it is done.
 * @see https://help.aliyun.com/en/model-studio/text-to-image-v2-api-reference
 */
export class DashScopeImages extends WholeExchange {
  private readonly way: i32;
  /** Calls that are to be made and have not been named, or answered. */
  private unnamed: i32 = 0;
  private missing: i32 = 1;
  /** Of the first call, for those that repeat it. */
  private body: Uint8Array = NO_BYTES;
  private task: string = "";
  private polls: boolean = false;
  private lostPolls: i32 = 0;
  private readonly images: ImageList = new ImageList();

  constructor(call: ClientRequest, provider: Provider, model: string) {
    super(call, provider, model);
    this.way = imageWay(model);
  }

  override request(credential: string, out: ProviderRequest): boolean {
    if (this.call.form != null && !editsImages(this.model)) {
      const message = "The model `" + this.call.model + "` edits no images.";
      this.problem = invalidRequest(message, "model", "unsupported_endpoint");
      return false;
    }
    // In base64, a file is longer by a third.
    const length = this.call.body.length;
    const t = new RequestTranslation(new ByteWriter(length + (length >> 1) + 256), this.capabilities, this.strict);
    if (!writeImageRequest(this.call, this.model, this.way, t)) {
      this.problem = t.problem;
      return false;
    }
    if (makesOneImage(this.model)) this.missing = this.call.json.count32("n", 1);
    this.unnamed = this.missing - 1;
    this.body = t.out.take();
    this.ask(credential, out);
    return true;
  }

  /** Names the call that makes images, or a task of it. */
  private ask(credential: string, out: ProviderRequest): void {
    out.path = nativePath(this.provider, imagePath(this.way));
    out.header("content-type", "application/json");
    if (this.way !== AT_ONCE) out.header("x-dashscope-async", "enable");
    authorize(credential, out);
    out.body = this.body;
  }

  override further(credential: string, out: ProviderRequest): boolean {
    if (this.polls) {
      this.polls = false;
      out.method = "GET";
      out.path = nativePath(this.provider, "/tasks/" + this.task);
      out.waitMs = POLL_MS;
      authorize(credential, out);
      return true;
    }
    if (this.unnamed === 0) return false;
    this.unnamed--;
    this.ask(credential, out);
    return true;
  }

  override response(body: Uint8Array, out: ByteWriter): i32 {
    return this.part(0, body, out);
  }

  override part(_part: i32, body: Uint8Array, out: ByteWriter): i32 {
    const answer = Json.parse(body);
    if (answer == null || answer.kind !== OBJECT) return this.fail("The provider's answer is not a JSON object.");
    if (isError(answer)) {
      this.problem = readStreamError(0, answer, this.call.model);
      return FAILED;
    }
    if (this.way !== AT_ONCE) {
      const outcome = this.follow(answer);
      if (outcome !== REPLACED) return outcome;
    }
    const added = this.images.add(answer);
    if (added === 0) {
      this.problem = this.images.problem(this.call.model);
      return FAILED;
    }
    if (--this.missing > 0) return MORE;
    this.images.write(this.call.created, this.usage, out);
    return REPLACED;
  }

  /** What the state of the task says: MORE while it is not done, REPLACED when its images are there, or FAILED. */
  private follow(answer: Json): i32 {
    const output = answer.value("output");
    const status = memberOf(output, "task_status");
    if (output == null || status == null) return this.fail("The provider's answer tells of no task.");
    if (status.is("SUCCEEDED")) return REPLACED;
    if (status.is("PENDING") || status.is("RUNNING") || status.is("SUSPENDED")) {
      if (this.task.length === 0) this.task = output.string("task_id", "");
      if (!isTaskId(this.task)) return this.fail("The provider's answer names no task.");
      this.lostPolls = 0;
      this.polls = true;
      return MORE;
    }
    if (status.is("FAILED") && output.value("code") != null) {
      this.problem = readStreamError(0, output, this.call.model);
      return FAILED;
    }
    return this.fail("The provider gave the task up.");
  }

  override forgives(status: i32): boolean {
    if (this.task.length === 0 || (status !== 0 && status !== 429 && status < 500)) return false;
    this.polls = ++this.lostPolls < MOST_LOST_POLLS;
    return this.polls;
  }

  private fail(message: string): i32 {
    this.problem = providerError(message);
    return FAILED;
  }

  override failure(status: i32, body: Uint8Array, retryAfter: string): Problem {
    return readFailure(status, body, retryAfter, this.call.model);
  }
}

/** Whether it may stand in a path: letters, digits and hyphens. */
function isTaskId(text: string): boolean {
  for (let i: i32 = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    const letter = (c >= 97 && c <= 122) || (c >= 65 && c <= 90);
    if (!letter && !(c >= 48 && c <= 57) && c !== 0x2d && c !== 0x5f) return false;
  }
  return text.length > 0 && text.length <= 128;
}

function authorize(credential: string, out: ProviderRequest): void {
  out.header("accept", "application/json");
  if (credential.length > 0) out.header("authorization", "Bearer " + credential);
}
