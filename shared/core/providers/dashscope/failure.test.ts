import "../../target.ts";
import { describe, expect, test } from "vitest";
import { ByteWriter } from "../../byte-writer.ts";
import { encodeUtf8 } from "../../text.ts";
import { chat, event, exchangeFor, receive } from "./harness.ts";

/** The problem of an error body: `code` and `message` make one of DashScope's own. */
function fail(status: number, code: string, message = "M", retryAfter = "") {
  const body = encodeUtf8(JSON.stringify({ code, message, request_id: "r" }));
  return exchangeFor(chat()).failure(status, body, retryAfter);
}

const text = (status: number, body: string) => exchangeFor(chat()).failure(status, encodeUtf8(body), "");

describe("an error", () => {
  test.each([
    [400, "Arrearage", "M"],
    [429, "PrepaidBillOverdue", "M"],
    [429, "CommodityNotPurchased", "M"],
    [400, "Something", "Access denied, please make sure your account is in good standing."],
    [429, "Throttling.AllocationQuota", "Free allocated quota exceeded."],
    [403, "AllocationQuota.FreeTierOnly", "The free tier of the model has been exhausted."],
    [401, "InvalidApiKey", "Invalid API-key provided."],
    [400, "invalid_api_key", "M"],
    [403, "AccessDenied.Unpurchased", "M"],
    [404, "WorkSpaceNotFound", "M"],
  ])("%i %s is the gateway's own fault", (status, code, message) => {
    const problem = fail(status, code, message);
    expect(problem).toMatchObject({ status: 502, code: "provider_error", retryable: true, restMs: 60000 });
    expect(problem.message).not.toContain(message);
  });

  test.each([
    [429, "Throttling"],
    [429, "Throttling.BurstRate"],
    [429, "limit_requests"],
    [400, "LimitRequests"],
    [429, "insufficient_quota"],
    [429, ""],
  ])("%i %s is a rate limit", (status, code) => {
    expect(fail(status, code)).toMatchObject({
      status: 429,
      code: "rate_limit_exceeded",
      retryable: true,
      restMs: 5000,
    });
    expect(fail(status, code, "M", "9")).toMatchObject({ retryAfter: 9, restMs: 9000 });
  });

  test.each([
    [400, "DataInspectionFailed", "M", 400, "content_filter"],
    [400, "data_inspection_failed", "M", 400, "content_filter"],
    [400, "InvalidParameter.DataInspection", "M", 400, ""],
    [400, "InvalidParameter", "<400> Range of input length should be [1, 129024]", 400, "context_length_exceeded"],
    [404, "ModelNotFound", "M", 404, "model_not_found"],
    [404, "model_not_found", "M", 404, "model_not_found"],
    [400, "InvalidParameter", "Model not exist.", 404, "model_not_found"],
    [413, "BadRequest.TooLarge", "M", 413, ""],
    [415, "InvalidFile", "M", 415, ""],
  ])("%i %s, %j is the client's", (status, code, message, shown, shownCode) => {
    expect(fail(status, code, message)).toMatchObject({ status: shown, code: shownCode, retryable: false });
  });

  test.each([
    [408, "RequestTimeOut", 408],
    [409, "Conflict", 409],
    [500, "InternalError.Algo", 500],
    [503, "ModelServingError", 503],
    [529, "", 503],
  ])("%i %s may be met elsewhere", (status, code, shown) => {
    expect(fail(status, code)).toMatchObject({ status: shown, retryable: true });
  });

  test("that says that the gateway asked the wrong service is no client's", () => {
    const problem = fail(400, "InvalidParameter", "url error, please check url!");
    expect(problem).toMatchObject({ status: 502, retryable: true });
  });

  test("may have any shape", () => {
    expect(text(500, "<html>")).toMatchObject({ status: 500, message: "The provider answered with status 500." });
    expect(text(400, "")).toMatchObject({ status: 400 });
    expect(text(400, "[1]")).toMatchObject({ status: 400 });
    expect(text(400, '"x"')).toMatchObject({ message: "x" });
    expect(text(400, '{"error":"E"}')).toMatchObject({ message: "E" });
    expect(text(400, '{"error":{"message":"E","param":"n","code":7}}')).toMatchObject({ message: "E", param: "n" });
    expect(text(404, "<html>")).toMatchObject({ status: 404, code: "" });
    expect(text(429, event({ code: "Throttling", message: "E" }, 429))).toMatchObject({ status: 429, message: "E" });
  });

  test("inside an answer of status 200 has the status of its code", () => {
    const statusOf = (code: string) => receive({ code, message: "M" }).problem?.status;
    expect(statusOf("InvalidParameter")).toBe(400);
    expect(statusOf("InternalError.Algo.InvalidParameter")).toBe(400);
    expect(statusOf("ModelNotFound")).toBe(404);
    expect(statusOf("RequestTimeOut")).toBe(408);
    expect(statusOf("Throttling.RateQuota")).toBe(429);
    expect(statusOf("ModelUnavailable")).toBe(503);
    expect(statusOf("SystemError")).toBe(500);
    expect(statusOf("AccessDenied")).toBe(502);
  });

  test("of the compatible mode is read alike, in a stream too", () => {
    const setting = { options: { mode: "compatible" } };
    const error = { error: { code: "Arrearage", message: "M", type: "Arrearage" } };
    expect(receive(error, chat(), setting).problem).toMatchObject({ status: 502, restMs: 60000 });
    const exchange = exchangeFor(chat({ stream: true }), setting);
    const bytes = encodeUtf8('data: {"error":{"code":"data_inspection_failed","message":"E"}}\n\n');
    exchange.chunk(bytes, bytes.length, false, new ByteWriter(0));
    expect(exchange.problem).toMatchObject({ status: 400, code: "content_filter" });
  });
});
