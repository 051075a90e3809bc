import { describe, expect, it } from "vitest";
import { encodeUtf8 } from "../../text.ts";
import { chat, exchangeFor } from "./harness.ts";

const failure = (status: number, body: unknown, retryAfter = "") =>
  exchangeFor(chat({ model: "demo" })).failure(
    status,
    encodeUtf8(typeof body === "string" ? body : JSON.stringify(body)),
    retryAfter,
  );
const error = (code: number, status: string, message = "Why.", details: unknown[] = []) => ({
  error: { code, message, status, details },
});
const delay = (retryDelay: string) => ({ "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay });
const quota = (quotaId: string) => ({
  "@type": "type.googleapis.com/google.rpc.QuotaFailure",
  violations: [{ quotaId }],
});

describe("an error of the provider", () => {
  it.each<[number, string, number, string, string, boolean]>([
    [400, "INVALID_ARGUMENT", 400, "invalid_request_error", "INVALID_ARGUMENT", false],
    [413, "", 413, "invalid_request_error", "", false],
    [429, "RESOURCE_EXHAUSTED", 429, "rate_limit_error", "rate_limit_exceeded", true],
    [499, "CANCELLED", 503, "server_error", "CANCELLED", true],
    [500, "INTERNAL", 500, "server_error", "INTERNAL", true],
    [503, "UNAVAILABLE", 503, "server_error", "UNAVAILABLE", true],
    [504, "DEADLINE_EXCEEDED", 504, "server_error", "DEADLINE_EXCEEDED", true],
  ])("%i %s is %i %s %j, retried: %s", (status, name, shown, type, code, retryable) => {
    const expected = { status: shown, type, code, message: "Why.", param: "", retryable };
    expect(failure(status, error(status, name))).toMatchObject(expected);
    expect(failure(status, [error(status, name)])).toMatchObject(expected);
  });

  it.each<[number, unknown]>([
    [401, error(401, "UNAUTHENTICATED", "bad AIzaSy")],
    [403, error(403, "PERMISSION_DENIED", "consumer AIzaSy")],
    [403, "<html>AIzaSy</html>"],
    [400, error(400, "INVALID_ARGUMENT", "AIzaSy", [{ reason: "API_KEY_INVALID" }])],
    [400, error(400, "INVALID_ARGUMENT", "API key expired. Please renew the API key AIzaSy.")],
    [400, error(400, "FAILED_PRECONDITION", "User location is not supported for AIzaSy.")],
  ])("%i %j is the gateway's own: 502, and the credential rests", (status, body) => {
    const problem = failure(status, body);
    expect(problem).toMatchObject({ status: 502, code: "provider_error", retryable: true, restMs: 60_000 });
    expect(problem.message).not.toContain("AIza");
  });

  it.each<[unknown[], string, number, number]>([
    [[delay("34s")], "", 34, 34_000],
    [[quota("PerMinute"), delay("34.07s")], "", 35, 35_000],
    [[delay("34s")], "7", 7, 7_000],
    [[], "", 0, 5_000],
    [[delay("soon"), delay("x")], "", 0, 5_000],
    [[quota("GenerateRequestsPerDayPerProjectPerModel-FreeTier"), delay("34s")], "", 3600, 3_600_000],
  ])("with %j and retry-after %j waits %i s, and its credential %i ms", (details, header, retryAfter, restMs) => {
    expect(failure(429, error(429, "RESOURCE_EXHAUSTED", "M", details), header)).toMatchObject({ retryAfter, restMs });
  });

  it("knows a prompt that is too long and a model that is not there", () => {
    const message = "The input token count (2000000) exceeds the maximum number of tokens allowed (1048576).";
    expect(failure(400, error(400, "INVALID_ARGUMENT", message))).toMatchObject({ code: "context_length_exceeded" });
    expect(failure(404, error(404, "NOT_FOUND", "models/x is not found"))).toMatchObject({
      status: 404,
      code: "model_not_found",
      message: "The model `demo` does not exist or you do not have access to it.",
    });
  });

  it.each(["", "<html>Bad gateway</html>", "[]", "null", '{"error":null}', '{"error":{"message":7}}', "[7]"])(
    "may have the body %j",
    (body) => {
      expect(failure(502, body)).toMatchObject({
        status: 502,
        message: "The provider answered with status 502.",
        retryable: true,
      });
    },
  );

  it("may be a string, and shows no key", () => {
    expect(failure(500, { error: "broken" }).message).toBe("broken");
    expect(failure(500, { error: "key AIzaSyX" }).message).not.toContain("AIza");
    expect(failure(500, { error: "x".repeat(5000) }).message).toHaveLength(2000);
  });
});
