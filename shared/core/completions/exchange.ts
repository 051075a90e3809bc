import { ByteWriter } from "../byte-writer.ts";
import { ClientRequest, Exchange, FAILED, MORE, PASS, ProviderRequest, REPLACED } from "../exchange.ts";
import { Json, OBJECT } from "../json.ts";
import { JsonWriter } from "../json-writer.ts";
import { Problem, providerError } from "../problem.ts";
import { SseReader } from "../sse.ts";
import { isSilent, writeAnswer } from "./answer.ts";
import { refusalOf } from "./request.ts";

/**
 * A call for the completion of a prompt at a provider that serves chats only: the chat's own exchange does the work, this
 * puts the call into a chat's words and the answer back into a completion's.
 */
export class CompletionsExchange extends Exchange {
  private readonly chat: Exchange;
  /** What the chat's exchange has written last. */
  private readonly written: ByteWriter = new ByteWriter(0);
  private readonly events: SseReader = new SseReader();

  /** `chat`: an exchange for the same call, as a chat. */
  constructor(call: ClientRequest, chat: Exchange) {
    super(call, chat.provider, chat.model);
    this.chat = chat;
    this.usage = chat.usage;
    this.rewrites = true;
  }

  override request(credential: string, out: ProviderRequest): boolean {
    const refusal = refusalOf(this.call.json, this.strict);
    if (refusal != null) {
      this.problem = refusal;
      return false;
    }
    const chat = this.chat;
    chat.strict = this.strict;
    chat.capabilities = this.capabilities;
    if (chat.request(credential, out)) return true;
    const problem = chat.problem;
    if (problem != null) this.problem = inOurWords(problem);
    return false;
  }

  override response(body: Uint8Array, out: ByteWriter): i32 {
    return this.whole(this.chat.response(body, this.written.clear()), body, out);
  }

  override further(credential: string, out: ProviderRequest): boolean {
    return this.chat.further(credential, out);
  }

  override part(part: i32, body: Uint8Array, out: ByteWriter): i32 {
    return this.whole(this.chat.part(part, body, this.written.clear()), body, out);
  }

  override forgives(status: i32): boolean {
    return this.chat.forgives(status);
  }

  /** Takes what the chat's exchange made of a whole answer. */
  private whole(outcome: i32, body: Uint8Array, out: ByteWriter): i32 {
    const chat = this.chat;
    this.producedBytes = chat.producedBytes;
    this.problem = chat.problem;
    if (outcome === MORE || outcome === FAILED) return outcome;
    const answer = outcome === PASS ? Json.parse(body) : Json.parse(this.written.take());
    if (answer == null || answer.kind !== OBJECT) {
      this.problem = providerError("The provider's answer is not a JSON object.");
      return FAILED;
    }
    writeAnswer(answer, new JsonWriter(out));
    return REPLACED;
  }

  override chunk(chunk: Uint8Array, length: i32, last: boolean, out: ByteWriter): i32 {
    const chat = this.chat;
    const written = this.written.clear();
    const outcome = chat.chunk(chunk, length, last, written);
    const events = this.events;
    if (outcome === PASS) events.push(chunk, length, last);
    else events.push(written.bytes, written.length, last);
    while (events.next()) {
      if (events.hasData) writeEvent(events, out);
      else out.copy(events.bytes, events.rawStart, events.rawEnd);
    }
    this.begun = chat.begun;
    this.finished = chat.finished;
    this.producedBytes = chat.producedBytes;
    this.problem = chat.problem;
    return outcome === FAILED ? FAILED : REPLACED;
  }

  override failure(status: i32, body: Uint8Array, retryAfter: string): Problem {
    return inOurWords(this.chat.failure(status, body, retryAfter));
  }
}

/** Writes a chat's event as a completion's; `[DONE]` stays as it is. */
function writeEvent(events: SseReader, out: ByteWriter): void {
  const chunk = Json.parseSpan(events.data, events.dataStart, events.dataEnd);
  if (chunk == null || chunk.kind !== OBJECT) {
    out.copy(events.bytes, events.rawStart, events.rawEnd);
    return;
  }
  if (isSilent(chunk)) return;
  out.ascii("data: ");
  writeAnswer(chunk, new JsonWriter(out));
  out.ascii("\n\n");
}

/** The client has sent no messages: what is wrong with them is wrong with its prompt. */
function inOurWords(problem: Problem): Problem {
  if (!problem.param.startsWith("messages")) return problem;
  const renamed = new Problem(problem.status, problem.type, problem.code, "prompt", problem.message);
  renamed.retryable = problem.retryable;
  renamed.restMs = problem.restMs;
  renamed.retryAfter = problem.retryAfter;
  return renamed;
}
