import { describe, expect, test } from "vitest";
import { ByteWriter } from "../byte-writer.ts";
import {
  CHAT,
  ClientRequest,
  COMPLETIONS,
  EMBEDDINGS,
  Exchange,
  FAILED,
  IMAGES,
  MORE,
  PASS,
  Provider,
  type ProviderRequest,
  REPLACED,
} from "../exchange.ts";
import { Json } from "../json.ts";
import { Problem, providerError } from "../problem.ts";
import { decodeUtf8, encodeUtf8 } from "../text.ts";
import { Attempt, HOLD } from "./attempt.ts";

const NOW = 1_790_000_000_000;

/** An answer in `calls` parts, each a letter, joined with a comma in their order. */
class Letters extends Exchange {
  readonly answers: string[] = [];
  readonly forgiven: number[] = [];
  calls = 3;
  named = 1;

  override request(_credential: string, out: ProviderRequest): boolean {
    out.path = "/letters";
    return true;
  }

  override response(body: Uint8Array, out: ByteWriter): number {
    return this.part(0, body, out);
  }

  override further(credential: string, out: ProviderRequest): boolean {
    if (this.named === this.calls) return false;
    out.part = this.named++;
    out.header("authorization", credential);
    return true;
  }

  override part(part: number, body: Uint8Array, out: ByteWriter): number {
    const letter = decodeUtf8(body, 0, body.length);
    if (letter === "?") {
      this.problem = providerError("no letter");
      out.ascii("half an answer");
      return FAILED;
    }
    this.answers[part] = letter;
    if (this.answers.filter(() => true).length < this.calls) return MORE;
    out.ascii(this.answers.join(","));
    return REPLACED;
  }

  override forgives(status: number): boolean {
    if (!this.forgiven.includes(status)) return false;
    this.named--;
    return true;
  }

  override chunk(): number {
    return PASS;
  }

  override failure(status: number, body: Uint8Array, retryAfter: string): Problem {
    const problem = new Problem(status, "rate_limit_error", "", "", decodeUtf8(body, 0, body.length));
    problem.retryAfter = Number(retryAfter);
    problem.retryable = true;
    return problem;
  }
}

function begin(calls = 3, endpoint = EMBEDDINGS) {
  const body = encodeUtf8('{"model":"m"}');
  const provider = new Provider("p", "openai", "p.example", "", "");
  provider.firstTokenMs = 1000;
  provider.totalMs = 60_000;
  const exchange = new Letters(new ClientRequest(endpoint, body, Json.parse(body) as Json, 1), provider, "m");
  exchange.calls = calls;
  const attempt = new Attempt("req_1", exchange, "secret", NOW);
  attempt.request();
  const out = new ByteWriter(0);
  const text = () => decodeUtf8(out.bytes, 0, out.length);
  const first = (letter: string) => {
    attempt.head(200, false, "");
    const bytes = encodeUtf8(letter);
    return attempt.data(bytes, bytes.length, true, out, NOW);
  };
  const answer = (part: number, letter: string, status = 200, retryAfter = "") =>
    attempt.part(part, status, encodeUtf8(letter), retryAfter, out, NOW + 5);
  const further = () => {
    const requests: ProviderRequest[] = [];
    for (let one = attempt.further(); one !== null; one = attempt.further()) requests.push(one);
    return requests;
  };
  return { attempt, exchange, text, first, answer, further };
}

describe("an answer that takes several calls", () => {
  test("is joined, whatever the order of the parts", () => {
    const { attempt, text, first, answer, further } = begin();
    expect(first("a")).toBe(HOLD);
    const requests = further();
    expect(requests.map(({ part, headers }) => [part, ...headers])).toEqual([
      [1, "authorization", "secret"],
      [2, "authorization", "secret"],
    ]);
    expect(answer(2, "c")).toBe(HOLD);
    expect(attempt.decided).toBe(false);
    expect(answer(1, "b")).toBe(REPLACED);
    expect(text()).toBe("a,b,c");
    expect(attempt).toMatchObject({ complete: true, failed: false, status: 200, decidedAt: NOW + 5 });
    expect(further()).toEqual([]);
  });

  test("has no more than four of its calls under way", () => {
    const { first, answer, further } = begin(9);
    first("a");
    expect(further().map(({ part }) => part)).toEqual([1, 2, 3, 4]);
    answer(3, "d");
    expect(further().map(({ part }) => part)).toEqual([5]);
    expect(further()).toEqual([]);
  });

  test("fails with the part that fails, and waits for no other", () => {
    const { attempt, text, first, answer, further } = begin();
    first("a");
    further();
    expect(answer(2, "slow down", 429, "7")).toBe(REPLACED);
    expect(JSON.parse(text()).error.message).toBe("slow down");
    expect(attempt).toMatchObject({ complete: true, failed: true, status: 429, error: "status 429" });
    expect(attempt.problem).toMatchObject({ status: 429, retryAfter: 7, retryable: true });
    expect(answer(1, "b")).toBe(HOLD);
    expect(further()).toEqual([]);
  });

  test("fails with a part that is no answer, of which the client sees nothing", () => {
    const { attempt, text, first, answer, further } = begin();
    first("a");
    further();
    answer(1, "?");
    expect(JSON.parse(text()).error.message).toBe("no letter");
    expect(attempt).toMatchObject({ failed: true, error: "bad answer" });
  });

  test("fails with a part that is not answered", () => {
    const { attempt, first, answer, further } = begin();
    first("a");
    further();
    answer(1, "", 0);
    expect(attempt).toMatchObject({ failed: true, status: 200, error: "connection" });
    expect(attempt.problem).toMatchObject({ status: 502, retryable: true });
  });

  test("asks again where that does no harm", () => {
    const { exchange, text, first, answer, further } = begin(2);
    exchange.forgiven.push(503);
    first("a");
    further();
    expect(answer(1, "busy", 503)).toBe(HOLD);
    expect(further().map(({ part }) => part)).toEqual([1]);
    answer(1, "b");
    expect(text()).toBe("a,b");
  });

  test("is none when the first one is empty", () => {
    const { attempt, first } = begin();
    expect(first("")).toBe(REPLACED);
    expect(attempt.problem).toMatchObject({ status: 502, message: "The provider's answer is empty." });
  });

  test.each([
    [CHAT, {}, false],
    [EMBEDDINGS, { input: "a" }, false],
    [EMBEDDINGS, { input: Array(10).fill("a") }, false],
    [EMBEDDINGS, { input: Array(11).fill("a") }, true],
    [EMBEDDINGS, { input: Array(11).fill(7) }, false],
    [COMPLETIONS, { prompt: "a" }, false],
    [COMPLETIONS, { prompt: ["a", "b"] }, true],
    [COMPLETIONS, { prompt: ["a", "b"], stream: true }, false],
    [IMAGES, { prompt: "a" }, true],
  ])("of endpoint %i with %j has the whole time: %s", (endpoint, members, lengthy) => {
    const body = encodeUtf8(JSON.stringify({ model: "m", ...members }));
    const call = new ClientRequest(endpoint, body, Json.parse(body) as Json, 1);
    const { exchange } = begin().attempt;
    expect(exchange.provider.patienceMs(call)).toBe(lengthy ? 60_000 : 1000);
  });
});
