import { createHash } from "node:crypto";
import { beforeEach, describe, expect, test } from "vitest";
import { ByteWriter } from "../byte-writer.ts";
import { Json } from "../json.ts";
import { keyChecksum } from "../key-format.ts";
import { Config } from "./config.ts";
import { Gateway } from "./gateway.ts";
import { ANSWERED, NEED_ADDRESS, type Operation, READY, REFUSED, WAIT } from "./operation.ts";

const NOW = 1_790_000_000_000;
const CHAT = "/v1/chat/completions";
const KEY = "sk-of-a-test-0123456789";

const CONFIG = {
  version: "1",
  providers: [
    { name: "a", kind: "openai", authority: "a.example", path: "/v1", credentials: ["s1", "s2"] },
    { name: "b", kind: "openai", authority: "b.example", path: "/v1", credentials: [] },
    { name: "c", kind: "openai", authority: "c.example", path: "/v1", credentials: ["t1", "t2"] },
    { name: "off", kind: "openai", authority: "off.example", path: "/v1", credentials: [], disabled: true },
  ],
  models: [
    {
      name: "gpt",
      targets: [
        { provider: "a", model: "m" },
        { provider: "b", model: "n", priority: 1 },
      ],
      retries: 1,
    },
    { name: "alone", targets: [{ provider: "a", model: "m" }], retries: 2 },
    {
      name: "pools",
      targets: [
        { provider: "a", model: "m" },
        { provider: "c", model: "m", priority: 1 },
      ],
      retries: 1,
    },
    { name: "parked", targets: [{ provider: "off", model: "m" }], retries: 1 },
    { name: "gone", targets: [{ provider: "a", model: "m" }], retries: 0, disabled: true },
  ],
};

let gateway: Gateway;
beforeEach(() => {
  gateway = new Gateway("0000abcd", 1);
  gateway.config = Config.read(json(CONFIG));
});

function json(value: unknown): Json {
  const parsed = Json.parse(Buffer.from(JSON.stringify(value)));
  if (parsed === null) throw new Error("not JSON");
  return parsed;
}

function hashOf(key: string): string {
  return createHash("sha256").update(key).digest("hex");
}

/** Lets the control service tell what this key may do. */
function tell(policy: object, key = KEY, now = NOW): void {
  const known = { known: true, id: "k1", project: "p", user: null, status: "active", ttl_ms: 60_000, models: [] };
  gateway.keys.ask();
  gateway.keys.answer(json([{ ...known, hash: hashOf(key), ...policy }]), now);
}

function authorize(options: { key?: string; method?: string; path?: string; now?: number } = {}): [Operation, number] {
  const { key = KEY, method = "POST", path = CHAT, now = NOW } = options;
  const operation = gateway.open(now);
  const bytes = Buffer.from(key);
  return [operation, gateway.authorize(operation, method, path, bytes, 0, bytes.length, now)];
}

function submit(operation: Operation, body: object, now = NOW): number {
  return gateway.submit(operation, Buffer.from(JSON.stringify(body)), now);
}

function chat(model: string) {
  return { model, messages: [{ role: "user", content: "Hi" }] };
}

describe("a key", () => {
  test("that is not known waits, is asked for once, and is let in when it is told", () => {
    const [first, state] = authorize();
    expect(state).toBe(WAIT);
    const [, second] = authorize();
    expect(second).toBe(WAIT);
    expect(gateway.keys.ask()).toEqual([hashOf(KEY)]);
    tell({});
    expect(gateway.resume(first, NOW)).toBe(READY);
    expect(authorize()[1]).toBe(READY);
  });

  test("that nobody knows is refused, and not asked for again before its time", () => {
    tell({ known: false, ttl_ms: 5000 });
    const [operation, state] = authorize();
    expect(state).toBe(REFUSED);
    expect(operation.problem).toMatchObject({ status: 401, code: "invalid_api_key" });
    expect(authorize({ now: NOW + 4999 })[1]).toBe(REFUSED);
    expect(authorize({ now: NOW + 5000 })[1]).toBe(WAIT);
  });

  test("of the service's own form with a wrong checksum is refused without asking", () => {
    const body = `sk-oa-${"a".repeat(32)}`;
    const right = body + keyChecksum(Buffer.from(body), 0, body.length);
    expect(authorize({ key: right })[1]).toBe(WAIT);
    expect(gateway.keys.ask()).toHaveLength(1);
    expect(authorize({ key: `${body}AAAAAA` })[1]).toBe(REFUSED);
    expect(gateway.keys.ask()).toHaveLength(0);
  });

  test("that brought-in configuration names serves though it looks like the service's own", () => {
    const key = `sk-oa-${"b".repeat(32)}AAAAAA`;
    tell({}, key);
    expect(authorize({ key })[1]).toBe(READY);
  });

  test("that is disabled or expired is refused with a word why", () => {
    tell({ status: "disabled" });
    expect(authorize()[0].problem).toMatchObject({ status: 401, code: "key_disabled" });
    tell({ expires_at_ms: NOW + 1000 });
    expect(authorize({ now: NOW + 999 })[1]).toBe(READY);
    expect(authorize({ now: NOW + 1000 })[0].problem).toMatchObject({ status: 401, code: "key_expired" });
  });

  test("is asked for again in the middle of its time, while it keeps working, and not after its end", () => {
    tell({ ttl_ms: 10_000 });
    gateway.keys.ask();
    expect(authorize({ now: NOW + 4999 })[1]).toBe(READY);
    expect(gateway.keys.ask()).toEqual([]);
    expect(authorize({ now: NOW + 5000 })[1]).toBe(READY);
    expect(authorize({ now: NOW + 5001 })[1]).toBe(READY);
    expect(gateway.keys.ask()).toEqual([hashOf(KEY)]);
    expect(authorize({ now: NOW + 10_000 })[1]).toBe(WAIT);
  });

  test("whose policy has changed is forgotten", () => {
    tell({});
    gateway.keys.forget(json([hashOf("another"), hashOf(KEY)]));
    expect(authorize()[1]).toBe(WAIT);
    tell({});
    gateway.keys.forgetAll();
    expect(authorize()[1]).toBe(WAIT);
  });

  test("bound to addresses serves from these only, also when none of them can be read", () => {
    tell({ allowed_ips: ["10.0.0.0/8", "2001:db8::/32"] });
    const from = (address: string) => {
      const [operation, state] = authorize();
      expect(state).toBe(NEED_ADDRESS);
      operation.address = address;
      return [gateway.resume(operation, NOW), operation.problem?.status];
    };
    expect(from("10.1.2.3:4567")).toEqual([READY, undefined]);
    expect(from("[2001:db8::1]:80")).toEqual([READY, undefined]);
    expect(from("192.0.2.1:80")).toEqual([REFUSED, 403]);
    expect(from("nonsense")).toEqual([REFUSED, 403]);
    tell({ allowed_ips: ["nonsense"] });
    expect(from("10.1.2.3:4567")).toEqual([REFUSED, 403]);
  });

  test("may use the models that every one of its lists holds", () => {
    tell({ models: [["gpt*", "parked"], ["gpt"]] });
    expect(submit(authorize()[0], chat("gpt"))).toBe(READY);
    const [operation] = authorize();
    expect(submit(operation, chat("parked"))).toBe(REFUSED);
    expect(operation.problem).toMatchObject({ status: 404, code: "model_not_found" });
  });

  test("may use none when one of its lists is empty", () => {
    tell({ models: [["gpt"], []] });
    expect(submit(authorize()[0], chat("gpt"))).toBe(REFUSED);
  });
});

describe("without the control service", () => {
  test("known keys keep working, others get 503", () => {
    tell({});
    gateway.controlLost = true;
    expect(authorize()[1]).toBe(READY);
    const [operation, state] = authorize({ key: "sk-another-0123456789abc" });
    expect(state).toBe(REFUSED);
    expect(operation.problem).toMatchObject({ status: 503, code: "control_unavailable" });
  });

  test("before its first word calls wait, and get 503 when it does not come", () => {
    gateway.config = null;
    expect(authorize()[1]).toBe(WAIT);
    gateway.controlLost = true;
    expect(authorize()[0].problem).toMatchObject({ status: 503 });
  });

  test("a flood of unknown keys is held back", () => {
    const states = Array.from({ length: 1030 }, (_, index) => authorize({ key: `sk-flood-${index}-0123456789` }));
    expect(states.filter(([, state]) => state === WAIT)).toHaveLength(1024);
    expect(states.at(-1)?.[0].problem).toMatchObject({ status: 503, retryAfter: 1 });
    expect(gateway.keys.ask()).toHaveLength(256);
  });
});

describe("a model", () => {
  beforeEach(() => tell({}));

  test("that is disabled is not there, and one without a provider in use cannot serve", () => {
    const [gone] = authorize();
    expect(submit(gone, chat("gone"))).toBe(REFUSED);
    expect(gone.problem).toMatchObject({ status: 404 });
    const [parked] = authorize();
    expect(submit(parked, chat("parked"))).toBe(REFUSED);
    expect(parked.problem).toMatchObject({ status: 503, code: "no_target_available" });
  });

  test("is listed when the key may use it and it is not disabled", () => {
    tell({ models: [["g*"]] });
    const [operation, state] = authorize({ method: "GET", path: "/v1/models" });
    expect(state).toBe(ANSWERED);
    const ids = JSON.parse(Buffer.from(operation.answer).toString()).data.map(({ id }: { id: string }) => id);
    expect(ids).toEqual(["gpt"]);
  });
});

describe("attempts", () => {
  beforeEach(() => tell({}));

  test("go through the targets in their order, and then there are none", () => {
    const [operation] = authorize();
    submit(operation, chat("gpt"));
    expect(gateway.cluster(operation)).toBe("oneapi-order:a>b");
    const providers = Array.from({ length: 3 }, () => gateway.attempt(operation, "", NOW)?.exchange.provider.name);
    expect(providers).toEqual(["a", "b", undefined]);
  });

  test("follow the proxy when it has passed over a provider, and never go back", () => {
    const [operation] = authorize();
    submit(operation, chat("gpt"));
    expect(gateway.attempt(operation, "b", NOW)?.exchange.provider.name).toBe("b");
    expect(gateway.attempt(operation, "a", NOW)).toBeNull();
  });

  test("use the credentials of a pool in turn", () => {
    const used = Array.from({ length: 4 }, () => {
      const [operation] = authorize();
      submit(operation, chat("gpt"));
      return gateway.attempt(operation, "", NOW)?.credential;
    });
    expect(new Set(used)).toEqual(new Set(["s1", "s2"]));
    expect(used[0]).toBe(used[2]);
  });

  test("leave out a credential that an attempt before them found refused, at its end or at the next attempt", () => {
    const refuse = (now: number, close: boolean) => {
      const [operation] = authorize({ now });
      submit(operation, chat("gpt"), now);
      const attempt = gateway.attempt(operation, "", now);
      attempt?.head(401, false, "");
      attempt?.data(Buffer.from("{}"), 2, true, new ByteWriter(64), now);
      if (close) gateway.close(operation, false, now);
      else gateway.attempt(operation, "", now);
      return attempt?.credential;
    };
    const next = (now: number) => {
      const [operation] = authorize({ now });
      submit(operation, chat("gpt"), now);
      return gateway.attempt(operation, "", now)?.credential;
    };
    tell({ ttl_ms: 600_000 });
    const refused = refuse(NOW, true);
    expect([next(NOW), next(NOW), next(NOW)]).not.toContain(refused);
    const later = NOW + 60_000;
    expect([next(later), next(later)]).toContain(refused);
    const other = refuse(later, false);
    expect([next(later), next(later), next(later)]).not.toContain(other);
  });

  /** Answers the operation's next attempt so; the provider and the credential that it went with. */
  const fail = (operation: Operation, status: number, retryAfter = "", now = NOW) => {
    const attempt = gateway.attempt(operation, "", now);
    attempt?.head(status, false, retryAfter);
    attempt?.data(Buffer.from("{}"), 2, true, new ByteWriter(64), now);
    return attempt === null ? null : [attempt.exchange.provider.name, attempt.credential];
  };
  const opened = (model: string, now = NOW) => {
    const [operation] = authorize({ now });
    expect(submit(operation, chat(model), now)).toBe(READY);
    return operation;
  };

  test.each([401, 503])("go to the only target once with each of its credentials (%i)", (status) => {
    const operation = opened("alone");
    expect(gateway.cluster(operation)).toBe("oneapi-order:a>a");
    const tried = [fail(operation, status), fail(operation, status), fail(operation, status)];
    expect(tried).toEqual([["a", "s1"], ["a", "s2"], null]);
  });

  test("pass over a target all of whose credentials rest, until the first returns", () => {
    tell({ ttl_ms: 600_000 });
    const first = opened("gpt");
    fail(first, 429, "30");
    gateway.close(first, false, NOW);
    expect(gateway.cluster(opened("gpt"))).toBe("oneapi-order:a>b");
    const second = opened("gpt");
    fail(second, 401);
    gateway.close(second, false, NOW);
    const later = opened("gpt");
    expect(gateway.cluster(later)).toBe("oneapi-order:b>a");
    expect(fail(later, 503)).toEqual(["b", ""]);
    expect(fail(later, 503)?.[0]).toBe("a");
    expect(gateway.cluster(opened("gpt", NOW + 29_999))).toBe("oneapi-order:b>a");
    expect(gateway.cluster(opened("gpt", NOW + 30_000))).toBe("oneapi-order:a>b");
  });

  test("begin where a credential returns soonest when all of all targets rest", () => {
    const rest = (retryAfter: string) => {
      const operation = opened("pools");
      const [provider] = fail(operation, 429, retryAfter) ?? [];
      gateway.close(operation, false, NOW);
      return provider;
    };
    expect([rest("40"), rest("50"), rest("30"), rest("20")]).toEqual(["a", "a", "c", "c"]);
    const operation = opened("pools");
    expect(gateway.cluster(operation)).toBe("oneapi-order:c>a");
    expect(fail(operation, 429)?.[0]).toBe("c");
    expect(gateway.cluster(opened("pools", NOW + 19_999))).toBe("oneapi-order:c>a");
  });

  test("are recorded once, however often the operation is closed", () => {
    const [operation] = authorize();
    submit(operation, chat("gpt"));
    gateway.attempt(operation, "", NOW);
    gateway.close(operation, true, NOW);
    gateway.close(operation, true, NOW);
    expect(gateway.outbox.next()).toBe(2);
  });
});

test("operations have ids of their own", () => {
  const ids = Array.from({ length: 100 }, () => gateway.open(NOW).id);
  expect(new Set(ids).size).toBe(100);
  for (const id of ids) expect(id).toMatch(/^req_0000abcd[0-9a-f]{8}$/);
});

test("while too many records wait no new operation is taken", () => {
  tell({});
  const [operation] = authorize();
  for (let i = 0; i < 13_000; i++) {
    const closing = gateway.open(NOW);
    closing.key = operation.key;
    closing.problem = operation.problem;
    gateway.close(closing, false, NOW);
  }
  const [refused] = authorize();
  expect(refused.problem).toMatchObject({ status: 503, code: "control_unavailable", retryAfter: 5 });
  // What is refused for want of room leaves no record either.
  gateway.close(refused, false, NOW);
  expect(gateway.outbox.next()).toBe(13_001);
  gateway.outbox.acknowledge(13_000);
  expect(authorize()[1]).toBe(READY);
});
