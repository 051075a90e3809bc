import { describe, expect, it } from "vitest";
import { encodeUtf8 } from "../../text.ts";
import { chat, exchangeFor, type JsonObject } from "./harness.ts";

const failure = (status: number, body: string, retryAfter = "") =>
  exchangeFor(chat({ model: "claude" })).failure(status, encodeUtf8(body), retryAfter);

const error = (type: string, message: string, members: JsonObject = {}) =>
  JSON.stringify({ type: "error", error: { type, message, ...members }, request_id: "req_1" });

describe("an error of the provider", () => {
  it.each<[number, string, number, string, boolean]>([
    [400, "invalid_request_error", 400, "", false],
    [405, "invalid_request_error", 405, "", false],
    [408, "timeout_error", 408, "", true],
    [409, "conflict_error", 409, "", true],
    [413, "request_too_large", 413, "request_too_large", false],
    [422, "invalid_request_error", 422, "", false],
    [429, "rate_limit_error", 429, "rate_limit_exceeded", true],
    [500, "api_error", 500, "", true],
    [503, "api_error", 503, "", true],
    [504, "timeout_error", 504, "", true],
    [529, "overloaded_error", 503, "", true],
  ])("%i %s becomes %i with code %j, retried: %s", (status, type, shown, code, retryable) => {
    expect(failure(status, error(type, "Why."))).toMatchObject({
      status: shown,
      type,
      code,
      message: "Why.",
      param: "",
      retryable,
    });
  });

  it.each([401, 402, 403])(
    "%i is the gateway's own: 502 without the provider's words, and the credential rests",
    (status) => {
      const problem = failure(status, error("authentication_error", "invalid x-api-key sk-ant-api03-AbC"));
      expect(problem).toMatchObject({ status: 502, code: "provider_error", retryable: true, restMs: 60_000 });
      expect(problem.message).not.toContain("sk-ant");
      expect(problem.message).not.toContain("x-api-key");
    },
  );

  it.each([
    "Your credit balance is too low to access the Anthropic API.",
    "You have reached your specified API usage limits. You will regain access on 2026-12-01.",
    "The workspace's spend limit is reached.",
  ])("400 for want of money is the gateway's own too: %s", (message) => {
    const problem = failure(400, error("invalid_request_error", message));
    expect(problem).toMatchObject({ status: 502, retryable: true, restMs: 60_000 });
    expect(problem.message).not.toContain(message);
  });

  it.each([
    "prompt is too long: 208310 tokens > 200000 maximum",
    "input length and `max_tokens` exceed context limit: 199000 + 8192 > 200000",
  ])("400 is context_length_exceeded for %s", (message) => {
    expect(failure(400, error("invalid_request_error", message))).toMatchObject({
      status: 400,
      code: "context_length_exceeded",
      message,
    });
  });

  it("404 speaks of the model under the name that the client used", () => {
    expect(failure(404, error("not_found_error", "model: claude-internal-7"))).toMatchObject({
      status: 404,
      code: "model_not_found",
      param: "model",
      message: "The model `claude` does not exist or you do not have access to it.",
      retryable: false,
    });
  });

  it("has the code that the provider told", () => {
    expect(failure(400, error("invalid_request_error", "x", { details: { error_code: "bad_thing" } })).code).toBe(
      "bad_thing",
    );
  });

  it.each([
    "",
    "<html><body>502 Bad Gateway</body></html>",
    "upstream connect error",
    "[]",
    "null",
    '{"error":"x"}',
    '{"error":null}',
    '{"x":',
  ])("in another shape (%s) is told by its status", (body) => {
    const problem = failure(502, body);
    expect(problem).toMatchObject({ status: 502, type: "server_error", retryable: true });
    expect(problem.message).toBe("The provider answered with status 502.");
    expect(failure(413, body)).toMatchObject({
      status: 413,
      type: "invalid_request_error",
      code: "request_too_large",
      retryable: false,
    });
    expect(failure(404, body)).toMatchObject({ status: 404, code: "", retryable: false });
  });

  it("never shows a key, nor a message without end", () => {
    expect(failure(400, error("invalid_request_error", "bad sk-ant-x")).message).toBe(
      "The provider answered with status 400.",
    );
    expect(failure(400, error("invalid_request_error", "x".repeat(5000))).message).toHaveLength(2000);
  });

  it.each<[string, number, number]>([
    ["", 0, 5000],
    ["7", 7, 7000],
    ["0.5", 1, 1000],
    ["999999999999", 86400, 86_400_000],
    ["Wed, 21 Oct 2026 07:28:00 GMT", 0, 5000],
    ["-1", 0, 5000],
  ])("429 with retry-after %j says %i s and lets the credential rest %i ms", (header, retryAfter, restMs) => {
    expect(failure(429, error("rate_limit_error", "Slow down."), header)).toMatchObject({ retryAfter, restMs });
    expect(failure(529, error("overloaded_error", "Busy."), header)).toMatchObject({ retryAfter, restMs: 0 });
  });
});
