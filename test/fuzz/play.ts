// Compiled by both compilers, as the core is: what is fuzzed is the same in either build.
import { ByteWriter } from "../../shared/core/byte-writer.ts";
import { NO_BYTES, sliceBytes } from "../../shared/core/bytes.ts";
import { Capabilities } from "../../shared/core/capabilities.ts";
import { Provider, ProviderRequest } from "../../shared/core/exchange.ts";
import { Attempt, HOLD } from "../../shared/core/gateway/attempt.ts";
import { readBody } from "../../shared/core/gateway/body.ts";
import { Json } from "../../shared/core/json.ts";
import { Problem } from "../../shared/core/problem.ts";
import { openExchange } from "../../shared/core/providers/registry.ts";
import { decodeUtf8 } from "../../shared/core/text.ts";
import { Usage } from "../../shared/core/usage.ts";

/** Unix time in seconds. */
const NOW: i32 = 1790000000;
/** A provider that asks for more calls than this gets no answer any more. */
const MOST_CALLS: i32 = 12;

/** Reads what `case.ts` wrote: each field behind its length. */
class Fields {
  private at: i32 = 0;
  private readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  int(): i32 {
    const bytes = this.bytes;
    const at = this.at;
    this.at = at + 4;
    return (
      (bytes[at] as i32) |
      ((bytes[at + 1] as i32) << 8) |
      ((bytes[at + 2] as i32) << 16) |
      ((bytes[at + 3] as i32) << 24)
    );
  }

  take(): Uint8Array {
    const size = this.int();
    const from = this.at;
    this.at = from + size;
    return sliceBytes(this.bytes, from, from + size);
  }

  text(): string {
    const bytes = this.take();
    return decodeUtf8(bytes, 0, bytes.length);
  }
}

/**
 * One call of one provider, as `input` tells it: the client's request through the exchange, and the provider's answer in
 * pieces back. Writes all that a client, a provider or the ledger would see to `out`.
 */
export function play(input: Uint8Array, out: ByteWriter): void {
  const fields = new Fields(input);
  const kind = fields.text();
  const path = fields.text();
  const query = fields.text();
  const options = Json.parse(fields.take());
  const model = fields.text();
  const capabilities = Json.parse(fields.take());
  const strict = fields.int() !== 0;
  const endpoint = fields.int();
  const read = readBody(endpoint, fields.take(), NOW);
  const wrong = read.problem;
  if (wrong != null) {
    writeProblem(wrong, out);
    return;
  }
  const provider = new Provider("fuzzed", kind, "provider.example", path, query);
  provider.options = options;
  const exchange = openExchange(read.call!, provider, model);
  if (exchange == null) {
    out.ascii("no exchange");
    return;
  }
  exchange.strict = strict;
  if (capabilities != null) exchange.capabilities = Capabilities.read(capabilities);
  const attempt = new Attempt("req_fuzzed", exchange, "provider-secret", 0);
  const request = attempt.request();
  if (request == null) {
    writeProblem(attempt.problem!, out);
    return;
  }
  writeRequest(request, out);
  receive(attempt, fields, out);
  writeUsage(exchange.usage, out);
  const problem = attempt.problem;
  if (problem != null) writeProblem(problem, out);
  out.ascii(attempt.failed ? " failed" : "").ascii(attempt.truncated ? " truncated" : "");
  out
    .ascii(attempt.complete ? " complete " : " ")
    .ascii(attempt.error)
    .byte(10)
    .int(attempt.shownStatus());
  out.int(exchange.producedBytes);
}

/** Hands the answer over as a host does: a stream as it comes, anything else once it is whole. */
function receive(attempt: Attempt, fields: Fields, out: ByteWriter): void {
  const status = fields.int();
  const events = fields.int() !== 0;
  const encoding = fields.text();
  const body = fields.take();
  const pieces = fields.int();
  const shown = new ByteWriter(0);
  const held = new ByteWriter(0);
  if (encoding.length > 0) attempt.encoded(encoding);
  attempt.head(status, events, "7");
  let from: i32 = 0;
  for (let i: i32 = 0; i < pieces; i++) {
    const to = fields.int();
    const last = i === pieces - 1;
    held.copy(body, from, to);
    from = to;
    if (attempt.isUnsure()) attempt.sniff(held.bytes, held.length);
    if (!last && !attempt.isStream()) continue;
    shown.clear();
    let outcome = attempt.data(held.bytes, held.length, last, shown, 1);
    if (outcome === HOLD && !attempt.isStream()) outcome = callFurther(attempt, status, body, shown, out);
    out.byte(0x30 + outcome);
    if (outcome === 0) out.writer(held);
    else if (outcome !== HOLD) out.writer(shown);
    held.clear();
  }
  attempt.lost("reset", 2);
}

/** Every further call gets the answer of the first. */
function callFurther(attempt: Attempt, status: i32, body: Uint8Array, shown: ByteWriter, out: ByteWriter): i32 {
  for (let i: i32 = 0; i < MOST_CALLS; i++) {
    const request = attempt.further();
    if (request == null) return HOLD;
    writeRequest(request, out);
    const outcome = attempt.part(request.part, status, body, "", shown, 2);
    if (outcome !== HOLD) return outcome;
  }
  return attempt.part(0, 0, NO_BYTES, "", shown, 3);
}

function writeRequest(request: ProviderRequest, out: ByteWriter): void {
  out.text(request.method).byte(32).text(request.path).byte(10);
  for (let i: i32 = 0; i < request.headers.length; i++) out.text(request.headers[i]!).byte(10);
  out.all(request.body).byte(10);
}

function writeProblem(problem: Problem, out: ByteWriter): void {
  out
    .int(problem.status)
    .byte(problem.retryable ? 0x2b : 0x2d)
    .int(problem.restMs)
    .byte(32)
    .int(problem.retryAfter);
  problem.write(out);
}

function writeUsage(usage: Usage, out: ByteWriter): void {
  out.byte(10).int(usage.prompt).byte(32).int(usage.cached).byte(32).int(usage.cacheWrite).byte(32);
  out.int(usage.completion).byte(32).int(usage.reasoning).byte(32).int(usage.images).byte(32).int(usage.source);
  out.all(usage.raw).byte(10);
}
