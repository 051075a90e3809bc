import "../target.ts";
import { beforeEach, describe, expect, test } from "vitest";
import { ByteWriter } from "../byte-writer.ts";
import { CHAT, ClientRequest, Provider } from "../exchange.ts";
import { Json } from "../json.ts";
import { openExchange } from "../providers/registry.ts";
import { encodeUtf8 } from "../text.ts";
import { Attempt } from "./attempt.ts";
import { CredentialPools } from "./credentials.ts";

const NOW = 1_790_000_000_000;

let pools: CredentialPools;
beforeEach(() => {
  pools = new CredentialPools();
});

function providerOf(...credentials: string[]): Provider {
  const provider = new Provider("p", "openai", "p.example", "/v1", "");
  provider.credentials.push(...credentials);
  return provider;
}

/** What the next `count` attempts would use. */
function turns(provider: Provider, count: number, now = NOW): string[] {
  return Array.from({ length: count }, () => pools.next(provider, now, []));
}

/** An attempt with this credential that the provider answered so, at `now`. */
function answered(provider: Provider, credential: string, status: number, retryAfter = "", now = NOW): Attempt {
  const body = encodeUtf8('{"model":"m","messages":[{"role":"user","content":"Hi"}]}');
  const call = new ClientRequest(CHAT, body, Json.parse(body) as Json, 0);
  const exchange = openExchange(call, provider, "m");
  if (exchange === null) throw new Error("no such kind");
  const attempt = new Attempt("req_1", exchange, credential, now - 100);
  attempt.head(status, false, retryAfter);
  const answer = encodeUtf8(status === 200 ? '{"choices":[]}' : '{"error":{"message":"No"}}');
  attempt.data(answer, answer.length, true, new ByteWriter(64), now);
  return attempt;
}

describe("a pool", () => {
  test("is used in turn, and each provider's on its own", () => {
    const one = providerOf("a", "b", "c");
    const other = new Provider("q", "openai", "q.example", "/v1", "");
    other.credentials.push("x", "y");
    expect([...turns(one, 2), ...turns(other, 3), ...turns(one, 2)]).toEqual(["a", "b", "x", "y", "x", "c", "a"]);
  });

  test("without a credential answers none", () => {
    expect(pools.next(providerOf(), NOW, [])).toBe("");
  });

  test.each([401, 402, 403, 429])("parks the credential that met a %i, and takes it back after its time", (status) => {
    const provider = providerOf("a", "b", "c");
    turns(provider, 1);
    const attempt = answered(provider, "a", status);
    pools.settle(attempt);
    expect(turns(provider, 4)).toEqual(["b", "c", "b", "c"]);
    const back = NOW + (status === 429 ? 5_000 : 60_000);
    expect(turns(provider, 2, back - 1)).toEqual(["b", "c"]);
    expect(turns(provider, 3, back)).toEqual(["a", "b", "c"]);
  });

  test.each([200, 400, 404, 500, 503])("parks none for a %i", (status) => {
    const provider = providerOf("a", "b");
    turns(provider, 1);
    pools.settle(answered(provider, "a", status));
    expect(turns(provider, 2)).toEqual(["b", "a"]);
  });

  test("parks for as long as the provider says", () => {
    const provider = providerOf("a", "b");
    turns(provider, 2);
    pools.settle(answered(provider, "a", 429, "30"));
    expect(turns(provider, 2, NOW + 29_999)).toEqual(["b", "b"]);
    expect(turns(provider, 2, NOW + 30_000)).toEqual(["a", "b"]);
  });

  test("whose credentials all rest uses the one that returns soonest", () => {
    const provider = providerOf("a", "b", "c");
    turns(provider, 3);
    pools.settle(answered(provider, "a", 401));
    pools.settle(answered(provider, "b", 429, "7"));
    pools.settle(answered(provider, "c", 429, "9"));
    expect(turns(provider, 3)).toEqual(["b", "b", "b"]);
  });

  test("gives a retry another credential, as long as there is one that does not rest", () => {
    const provider = providerOf("a", "b");
    const a = answered(provider, "a", 503);
    const b = answered(provider, "b", 503);
    const elsewhere = answered(new Provider("q", "openai", "q.example", "/v1", ""), "b", 503);
    expect(pools.next(provider, NOW, [])).toBe("a");
    expect(pools.next(provider, NOW, [b])).toBe("a");
    expect(pools.next(provider, NOW, [a])).toBe("b");
    expect(pools.next(provider, NOW, [elsewhere, a])).toBe("b");
    expect(pools.next(provider, NOW, [a, b])).toBe("a");
    pools.settle(answered(provider, "b", 429));
    expect(pools.next(provider, NOW, [a])).toBe("a");
  });

  test("tells when it serves again, if all rest and there are several", () => {
    const provider = providerOf("a", "b");
    expect(pools.restsUntil(provider, NOW)).toBe(0);
    turns(provider, 1);
    pools.settle(answered(provider, "a", 401));
    expect(pools.restsUntil(provider, NOW)).toBe(0);
    pools.settle(answered(provider, "b", 429, "7"));
    expect(pools.restsUntil(provider, NOW)).toBe(NOW + 7_000);
    expect(pools.restsUntil(provider, NOW + 7_000)).toBe(0);
    const single = new Provider("q", "openai", "q.example", "/v1", "");
    single.credentials.push("x");
    turns(single, 1);
    pools.settle(answered(single, "x", 401));
    expect(pools.restsUntil(single, NOW)).toBe(0);
  });

  test("counts a rest from the attempt's end, and never shortens one", () => {
    const provider = providerOf("a", "b");
    turns(provider, 2);
    pools.settle(answered(provider, "a", 429, "30"));
    pools.settle(answered(provider, "a", 429, "1"));
    const late = answered(provider, "b", 429, "1");
    pools.settle(late);
    pools.settle(late);
    expect(turns(provider, 2, NOW + 1_000)).toEqual(["b", "b"]);
    expect(turns(provider, 2, NOW + 30_000)).toEqual(["a", "b"]);
  });

  test("keeps its rests when the configuration changes, by the credential", () => {
    const before = providerOf("a", "b");
    turns(before, 2);
    pools.settle(answered(before, "b", 401));
    const after = providerOf("c", "b");
    expect(turns(after, 3)).toEqual(["c", "c", "c"]);
    expect(turns(after, 2, NOW + 60_000)).toEqual(["b", "c"]);
  });

  test("parks nothing for an attempt of a configuration that is gone", () => {
    const before = providerOf("a", "b");
    const attempt = answered(before, "a", 401);
    const after = providerOf("c");
    turns(after, 1);
    pools.settle(attempt);
    expect(turns(after, 1)).toEqual(["c"]);
  });
});
