import "../../target.ts";
import { describe, expect, test } from "vitest";
import { FAILED } from "../../exchange.ts";
import { encodeUtf8 } from "../../text.ts";
import { chat, exchangeFor, receive } from "./harness.ts";

function failure(status: number, body: unknown, retryAfter = "") {
  const bytes = encodeUtf8(typeof body === "string" ? body : JSON.stringify(body));
  return exchangeFor(chat()).failure(status, bytes, retryAfter);
}

const coded = (code: unknown, message = "Wrong.") => ({ error: { code, message } });

describe("a business code", () => {
  test.each([
    [400, "1214", { status: 400, type: "invalid_request_error", code: "", retryable: false, message: "Wrong." }],
    [400, "1261", { status: 400, code: "context_length_exceeded", retryable: false }],
    [400, "1301", { status: 400, code: "content_filter", retryable: false }],
    [400, "1211", { status: 404, code: "model_not_found", param: "model", retryable: false }],
    [404, "1222", { status: 502, retryable: true }],
    [429, "1302", { status: 429, code: "rate_limit_exceeded", retryable: true, restMs: 5_000 }],
    [429, 1302, { status: 429, code: "rate_limit_exceeded", retryable: true, restMs: 5_000 }],
    [429, "1304", { status: 429, retryable: true, restMs: 3_600_000 }],
    [429, "1305", { status: 429, retryable: true, restMs: 1_000 }],
    [429, "9999", { status: 429, code: "rate_limit_exceeded", retryable: true, restMs: 5_000 }],
    [500, "500", { status: 500, type: "server_error", retryable: true, restMs: 0 }],
    [500, "1234", { status: 500, retryable: true }],
  ])("%i %j", (status, code, expected) => {
    expect(failure(status, coded(code))).toMatchObject(expected);
  });

  test.each([
    [401, "1002", 60_000],
    [403, "1220", 60_000],
    [429, "1113", 600_000],
    [429, "1112", 600_000],
    [429, "1309", 600_000],
    [434, "", 60_000],
    [401, "", 60_000],
    [402, "", 60_000],
  ])("%i %j is the gateway's own fault, and no word of it is told", (status, code, restMs) => {
    const problem = failure(status, coded(code, "key abc.def"));
    expect(problem).toMatchObject({ status: 502, code: "provider_error", retryable: true, restMs });
    expect(problem.message).not.toContain("abc");
  });

  test("yields to the time that the provider names", () => {
    expect(failure(429, coded("1302"), "12")).toMatchObject({ retryAfter: 12, restMs: 12_000 });
  });
});

describe("a plan's window that is used up", () => {
  // The call was made at 2026-09-21T14:13:20Z, which is 22:13:20 in Beijing.
  test.each([
    ["1308", "您的限额将在 2026-09-21 23:13:20 重置。", 3600],
    ["1310", "Your limit will reset at 2026-09-28 00:00:00", 86_400],
    ["1316", "Your limit will reset at 2026-09-21 22:14:20", 60],
  ])("%s rests until it is new, and the client is told", (code, message, retryAfter) => {
    expect(failure(429, coded(code, message))).toMatchObject({
      status: 429,
      code: "rate_limit_exceeded",
      retryable: true,
      retryAfter,
      restMs: retryAfter * 1000,
    });
  });

  test("without a time rests as long as its kind", () => {
    expect(failure(429, coded("1308", "Soon."))).toMatchObject({ retryAfter: 0, restMs: 600_000 });
  });
});

describe("a body", () => {
  test.each<[string, unknown, string]>([
    ["an error that is a text", { error: "Broken" }, "Broken"],
    ["flat", { code: "1210", msg: "Wrong." }, "Wrong."],
    ["HTML", "<html>", "The provider answered with status 400."],
    ["nothing", "", "The provider answered with status 400."],
    ["an array", [{ error: {} }], "The provider answered with status 400."],
  ])("of %s", (_name, body, message) => {
    expect(failure(400, body)).toMatchObject({ status: 400, message });
  });

  test("of a message without an end is cut", () => {
    expect(failure(400, coded("1214", "x".repeat(5000))).message).toHaveLength(2000);
  });
});

describe("an error under status 200", () => {
  test.each([
    [coded("1302"), 429],
    [coded("1301"), 400],
    [coded("nonsense"), 502],
    [{ code: 500, msg: "404 NOT_FOUND", success: false }, 500],
    [{ code: 1113, message: "Arrears" }, 502],
  ])("%j", (answer, status) => {
    expect(receive(answer)).toMatchObject({ result: FAILED, problem: { status } });
  });
});
