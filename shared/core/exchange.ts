import { Limit } from "./admission/limit.ts";
import { ByteWriter } from "./byte-writer.ts";
import { NO_BYTES } from "./bytes.ts";
import { Capabilities, UNTOLD } from "./capabilities.ts";
import { ARRAY, Json, STRING } from "./json.ts";
import { Form } from "./multipart.ts";
import { Problem } from "./problem.ts";
import { Usage } from "./usage.ts";

export const CHAT: i32 = 0;
export const COMPLETIONS: i32 = 1;
export const EMBEDDINGS: i32 = 2;
export const IMAGES: i32 = 3;
export const IMAGE_EDITS: i32 = 4;

/** Every provider takes so many texts in one call for embeddings. */
const SMALLEST_BATCH: i32 = 10;

/** A client's call, checked as far as no provider matters. */
export class ClientRequest {
  /** CHAT, COMPLETIONS, EMBEDDINGS, IMAGES or IMAGE_EDITS. */
  readonly endpoint: i32;
  readonly body: Uint8Array;
  /** `body`, an object; of a form, its fields that are text. */
  readonly json: Json;
  /** What `body` is when it is no JSON. */
  form: Form | null = null;
  /** The public model name asked for. */
  readonly model: string;
  readonly stream: boolean;
  /** `stream_options.include_usage`. */
  readonly includeUsage: boolean;
  /** Unix time in seconds, for answers that must tell when they were made. */
  readonly created: i32;
  /** It may take several calls of a provider, or one that is long in itself: an image is not there as soon as a word. */
  readonly lengthy: boolean;

  constructor(endpoint: i32, body: Uint8Array, json: Json, created: i32) {
    this.endpoint = endpoint;
    this.body = body;
    this.json = json;
    this.created = created;
    this.model = json.string("model", "");
    this.stream = json.flag("stream");
    const options = json.value("stream_options");
    this.includeUsage = options != null && options.flag("include_usage");
    this.lengthy = endpoint !== CHAT && isLengthy(endpoint, json, this.stream);
  }
}

function isLengthy(endpoint: i32, json: Json, stream: boolean): boolean {
  if (endpoint === EMBEDDINGS) return countOf(json.value("input")) > SMALLEST_BATCH;
  return endpoint === COMPLETIONS ? !stream && countOf(json.value("prompt")) > 1 : true;
}

/** How many texts there are in a list of them. */
function countOf(list: Json | null): i32 {
  if (list == null || list.kind !== ARRAY) return 0;
  const first = list.first();
  return first != null && first.kind === STRING ? list.count() : 0;
}

/** A configured account at a vendor, as the gateway needs it. */
export class Provider {
  readonly name: string;
  /** A name of the registry. */
  readonly kind: string;
  /** `host` or `host:port`. */
  readonly authority: string;
  /** The base URL's path without a slash at its end, and its query without `?`. */
  readonly path: string;
  readonly query: string;
  readonly credentials: Array<string> = new Array<string>();
  /** Whether it is spoken to over TLS, and how long a connection may take: for hosts that connect by themselves. */
  tls: boolean = false;
  connectMs: i32 = 0;
  /** Milliseconds. */
  firstTokenMs: i32 = 0;
  idleMs: i32 = 0;
  totalMs: i32 = 0;
  /** The kind's own options (design: oneapi.yaml), or null. */
  options: Json | null = null;
  disabled: boolean = false;
  /** Over everything that this provider serves. */
  limits: Array<Limit> = new Array<Limit>();

  constructor(name: string, kind: string, authority: string, path: string, query: string) {
    this.name = name;
    this.kind = kind;
    this.authority = authority;
    this.path = path;
    this.query = query;
  }

  option(name: string, otherwise: string): string {
    const options = this.options;
    return options == null ? otherwise : options.string(name, otherwise);
  }

  /**
   * How long an attempt may take until its answer is decided, in milliseconds; 0: for ever. An answer must begin within the
   * time of a first token; what only comes whole after several calls has all the time.
   */
  patienceMs(call: ClientRequest): i32 {
    if (call.lengthy) return this.totalMs;
    const limited = this.totalMs > 0 && (this.firstTokenMs === 0 || this.totalMs < this.firstTokenMs);
    return limited ? this.totalMs : this.firstTokenMs;
  }

  /** Whether the option is there and false. */
  refuses(name: string): boolean {
    const options = this.options;
    if (options == null) return false;
    const member = options.value(name);
    return member != null && !options.flag(name);
  }
}

/** What is sent to the provider. The host adds `content-length`, and `:authority` from the provider. */
export class ProviderRequest {
  method: string = "POST";
  /** Path and query. */
  path: string = "";
  /** Names (lower case) and values in turn; all that the provider needs, its credential too. */
  readonly headers: Array<string> = new Array<string>();
  body: Uint8Array = NO_BYTES;
  /** Of a further call: the exchange's own name for it, told again with its answer. */
  part: i32 = 0;
  /** Of a further call: how many milliseconds pass before it is made. */
  waitMs: i32 = 0;

  header(name: string, value: string): void {
    this.headers.push(name);
    this.headers.push(value);
  }
}

/** The bytes may go on as they came; of a stream, `out` got the same. */
export const PASS: i32 = 0;
/** What was written to `out` takes the place of the bytes that came (it may be nothing). */
export const REPLACED: i32 = 1;
/** `problem` says why; what was written to `out` before still counts. */
export const FAILED: i32 = 2;
/** Of a whole answer: nothing can be written yet, further calls of the provider are needed (`Exchange.further`). */
export const MORE: i32 = 3;

/**
 * One attempt: a client call bound to one provider and one of its models. Made for the attempt, never shared; no method
 * throws, and each takes time in proportion to the bytes it is given. Translation between OpenAI's wire format and the
 * provider's is all that happens here: no routing, no clock, no limits.
 */
export abstract class Exchange {
  readonly call: ClientRequest;
  readonly provider: Provider;
  /** The provider's name for the model. */
  readonly model: string;
  /** Told by this exchange, or by the one that does its work. */
  usage: Usage = new Usage();
  /** Why the last method answered false or FAILED. */
  problem: Problem | null = null;
  /** Of a stream: events that tell the client something have come (comments, pings and empty openings do not count). */
  begun: boolean = false;
  /** Of a stream: the provider said that the answer is complete. */
  finished: boolean = false;
  /** Bytes of answer text that came and that no usage of the provider's counts, for an estimate when it never says. */
  producedBytes: i32 = 0;
  /** No answer ever passes as it came: its length and type are known to change. */
  rewrites: boolean = false;
  /** What the client asks is refused when the target cannot express it (`unsupported: reject`), not dropped. */
  strict: boolean = false;
  /** What the model accepts. */
  capabilities: Capabilities = UNTOLD;

  constructor(call: ClientRequest, provider: Provider, model: string) {
    this.call = call;
    this.provider = provider;
    this.model = model;
  }

  /** Fills in what to send with this credential (empty: none); false when the target cannot express the call (`problem`). */
  abstract request(credential: string, out: ProviderRequest): boolean;

  /**
   * Translates a whole answer of status 2xx: PASS, REPLACED, or FAILED when it is none; MORE when it takes further calls
   * to have all of it. Takes down `usage`. The body's memory may be used again after: what is needed later is copied.
   */
  abstract response(body: Uint8Array, out: ByteWriter): i32;

  /**
   * Fills in the next of the further calls that a whole answer needs; false when none is to be made now. Asked after MORE
   * and again after each of their answers, until it says false or some calls are under way, and then with all of them
   * answered it must have one. They go to the same provider with the same credential and belong to the same attempt:
   * batches and repeats name one call after the other (each with its `part`) and are under way together; a task names one
   * with a wait (`waitMs`), and the next once that is answered.
   */
  further(_credential: string, _out: ProviderRequest): boolean {
    return false;
  }

  /**
   * Takes the answer of status 2xx to a further call, in whatever order they come: MORE while answers are missing,
   * REPLACED when `out` has the whole answer, or FAILED; then the attempt is over, and other answers are not told. The
   * usage of all calls is summed up. The body's memory may be used again after.
   */
  part(_part: i32, _body: Uint8Array, _out: ByteWriter): i32 {
    return FAILED;
  }

  /**
   * Whether a further call that failed with this status (0: no answer came) does no harm: `further` then names it again.
   * If not, `failure` says what it means, and the attempt has failed.
   */
  forgives(_status: i32): boolean {
    return false;
  }

  /**
   * Translates the next bytes of a stream, `chunk[0, length)`, cut anywhere: PASS, REPLACED or FAILED. `last` says that
   * none will follow; a stream that ends before it is `finished` is FAILED. The chunk's memory may be used again after.
   */
  abstract chunk(chunk: Uint8Array, length: i32, last: boolean, out: ByteWriter): i32;

  /** What an answer of status 400 and above says, in the client's terms. `retryAfter` is that header's value or empty. */
  abstract failure(status: i32, body: Uint8Array, retryAfter: string): Problem;
}
