import { ByteWriter } from "../byte-writer.ts";
import { isVector, writeEncodedVector } from "../embedding-vector.ts";
import { ClientRequest, FAILED, MORE, Provider, ProviderRequest, REPLACED } from "../exchange.ts";
import { Json, OBJECT } from "../json.ts";
import { JsonWriter } from "../json-writer.ts";
import { Problem, providerError } from "../problem.ts";
import { estimatePrompt } from "../tokens.ts";
import { RequestTranslation } from "../translation.ts";
import { USAGE_ESTIMATE, USAGE_PROVIDER } from "../usage.ts";
import { UsageObjects } from "../usage-objects.ts";
import { WholeExchange } from "../whole-exchange.ts";
import { readInputs } from "./inputs.ts";

const MOST_TOKENS: i32 = 2147483647;

/**
 * Embeddings from a provider that takes only so many texts in one call: the client's inputs go in batches, whose vectors
 * are joined in the order of the inputs. The provider's own class says how a batch is asked for and read.
 */
export abstract class EmbeddingsExchange extends WholeExchange {
  private inputs: Array<Json> = new Array<Json>();
  /** What each batch adds to the list that the client gets, once it has come. */
  private readonly entries: Array<ByteWriter> = new Array<ByteWriter>();
  private named: i32 = 0;
  private missing: i32 = 0;
  private servedModel: string = "";
  /** Of all batches. */
  private tokens: i32 = 0;
  private readonly usageObjects: UsageObjects = new UsageObjects();

  constructor(call: ClientRequest, provider: Provider, model: string) {
    super(call, provider, model);
  }

  /** How many texts the provider takes in one call. */
  protected abstract batchSize(): i32;

  /** Writes the body that asks for these texts; false when the call cannot be expressed, as the first batch tells. */
  protected abstract writeBatch(texts: Array<Json>, t: RequestTranslation): boolean;

  /** Fills in all but the body. */
  protected abstract writeHead(credential: string, out: ProviderRequest): void;

  /** The error that an answer of status 200 tells of, or null. */
  protected abstract errorIn(answer: Json): Problem | null;

  /** Puts the answer's vectors into `vectors`, in the order of the batch's texts. */
  protected abstract readVectors(answer: Json, vectors: Array<Json | null>): void;

  protected usageOf(answer: Json): Json | null {
    return answer.value("usage");
  }

  /** The name of the member of the usage object that counts the texts' tokens. */
  protected abstract tokensMember(): string;

  override request(credential: string, out: ProviderRequest): boolean {
    const t = new RequestTranslation(new ByteWriter(this.call.body.length + 256), this.capabilities, this.strict);
    this.inputs = readInputs(this.call, t);
    if (t.problem == null) this.nameBatch(credential, t, out);
    this.problem = t.problem;
    for (let from: i32 = 0; from < this.inputs.length; from += this.batchSize()) {
      this.entries.push(new ByteWriter(0));
      this.missing++;
    }
    return t.problem == null;
  }

  override further(credential: string, out: ProviderRequest): boolean {
    if (this.named >= this.entries.length) return false;
    return this.nameBatch(
      credential,
      new RequestTranslation(new ByteWriter(1024), this.capabilities, this.strict),
      out,
    );
  }

  private nameBatch(credential: string, t: RequestTranslation, out: ProviderRequest): boolean {
    const from = this.named * this.batchSize();
    if (!this.writeBatch(this.inputs.slice(from, from + this.batchSize()), t)) return false;
    out.part = this.named++;
    this.writeHead(credential, out);
    out.body = t.out.take();
    return true;
  }

  override response(body: Uint8Array, out: ByteWriter): i32 {
    return this.part(0, body, out);
  }

  override part(part: i32, body: Uint8Array, out: ByteWriter): i32 {
    this.problem = this.take(part, Json.parse(body));
    if (this.problem != null) return FAILED;
    if (--this.missing > 0) return MORE;
    this.write(out);
    return REPLACED;
  }

  private take(part: i32, answer: Json | null): Problem | null {
    if (answer == null) return notAnObject();
    const error = this.errorIn(answer);
    if (error != null) return error;
    if (answer.kind !== OBJECT) return notAnObject();
    const first = part * this.batchSize();
    const left = this.inputs.length - first;
    const vectors = new Array<Json | null>();
    for (let i: i32 = 0; i < left && i < this.batchSize(); i++) vectors.push(null);
    this.readVectors(answer, vectors);
    for (let i: i32 = 0; i < vectors.length; i++) {
      const vector = vectors[i];
      if (vector == null || !isVector(vector)) {
        return providerError("The provider's answer does not hold an embedding for each input.");
      }
      this.writeEntry(first + i, vector, this.entries[part]!);
    }
    if (this.servedModel.length === 0) this.servedModel = answer.string("model", "");
    this.count(this.usageOf(answer));
    return null;
  }

  private writeEntry(index: i32, vector: Json, out: ByteWriter): void {
    if (index > 0) out.byte(0x2c);
    const w = new JsonWriter(out).object().key("object").string("embedding").key("index").int(index).key("embedding");
    if (this.call.json.string("encoding_format", "float") === "base64") writeEncodedVector(vector, w);
    else w.json(vector);
    w.end();
  }

  /** Adds a batch's usage object to what the others said. */
  private count(from: Json | null): void {
    if (from == null || from.kind !== OBJECT) return;
    const tokens = from.count32(this.tokensMember(), 0);
    this.tokens = tokens > MOST_TOKENS - this.tokens ? MOST_TOKENS : this.tokens + tokens;
    this.usageObjects.add(from);
  }

  private write(out: ByteWriter): void {
    const usage = this.usage;
    usage.prompt = this.tokens > 0 ? this.tokens : estimatePrompt(this.call.json);
    usage.source = this.tokens > 0 ? USAGE_PROVIDER : USAGE_ESTIMATE;
    usage.raw = this.usageObjects.take();
    out.ascii('{"object":"list","data":[');
    for (let i: i32 = 0; i < this.entries.length; i++) out.writer(this.entries[i]!);
    out.ascii('],"model":').quoted(this.servedModel.length > 0 ? this.servedModel : this.call.model);
    out.ascii(',"usage":{"prompt_tokens":').int(usage.prompt).ascii(',"total_tokens":').int(usage.prompt).ascii("}}");
  }
}

function notAnObject(): Problem {
  return providerError("The provider's answer is not a JSON object.");
}
