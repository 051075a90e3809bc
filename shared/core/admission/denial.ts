import { Problem } from "../problem.ts";
import { CONCURRENCY, Limit, metricName, SPEND, TOKENS } from "./limit.ts";
import { NO_WINDOW, windowEnd, windowName } from "./window.ts";

const LONGEST_WAIT: f64 = 2147483647;

/** 429: a limit has nothing left for the operation now. `time` is the control service's. */
export function used(limit: Limit, time: f64, start: f64): Problem {
  if (limit.metric === SPEND) {
    const what = limit.window === NO_WINDOW ? "The prepaid balance" : "The budget for this " + windowName(limit.window);
    const problem = quota(what + " of " + subjectOf(limit) + " is used up (spend" + windowText(limit) + ").");
    problem.retryAfter = secondsLeft(limit, time, start);
    return problem;
  }
  const seconds = limit.window === NO_WINDOW ? 1 : secondsLeft(limit, time, start);
  const message = "Rate limit reached for " + subjectOf(limit) + ": " + describe(limit) + ". Please try again in ";
  const problem = rateLimit(limit, message + seconds.toString() + " s.");
  problem.retryAfter = seconds;
  return problem;
}

/** 429: the operation alone would take more than the whole limit. */
export function tooLarge(limit: Limit, amount: f64): Problem {
  if (limit.metric === SPEND) {
    return quota(
      "The request may cost more than the whole budget of " + subjectOf(limit) + " (spend" + windowText(limit) + ").",
    );
  }
  const message =
    "Request too large for " +
    subjectOf(limit) +
    ": " +
    describe(limit) +
    ", requested " +
    wholeText(amount) +
    ". Send a shorter prompt or a smaller max_tokens.";
  return rateLimit(limit, message);
}

function rateLimit(limit: Limit, message: string): Problem {
  const type = limit.metric === TOKENS ? "tokens" : "requests";
  return new Problem(429, type, "rate_limit_exceeded", "", message);
}

function quota(message: string): Problem {
  return new Problem(429, "insufficient_quota", "insufficient_quota", "", message);
}

/** `requests per minute, limit 60`. */
function describe(limit: Limit): string {
  const amount = "limit " + wholeText(limit.amount);
  if (limit.metric === CONCURRENCY) return "concurrency (requests at a time), " + amount;
  return metricName(limit.metric) + windowText(limit) + ", " + amount;
}

function windowText(limit: Limit): string {
  return limit.window === NO_WINDOW ? "" : " per " + windowName(limit.window);
}

/** A name that the client can take to its administrator; whose provider it is does not concern it. */
function subjectOf(limit: Limit): string {
  const subject = limit.subject();
  if (subject === "provider") return "the model's provider";
  if (subject === "key") return "this API key";
  const from = limit.id.indexOf(":") + 1;
  const metric = limit.id.lastIndexOf(":", limit.id.lastIndexOf(":") - 1);
  const name = metric > from ? limit.id.substring(from, metric) : "";
  if (subject === "model") return "the model `" + name.substring(name.indexOf("/") + 1) + "` in this project";
  return "the " + subject + " `" + name + "`";
}

/** Until the window ends, in seconds, rounded up; 0 for a limit without one. */
function secondsLeft(limit: Limit, time: f64, start: f64): i32 {
  if (limit.window === NO_WINDOW) return 0;
  const left = Math.ceil((windowEnd(limit.window, start) - time) * 0.001);
  if (left < 1) return 1;
  return (left > LONGEST_WAIT ? LONGEST_WAIT : left) as i32;
}

/** A whole number as text: one of f64 would get a fraction in Wasm. */
export function wholeText(value: f64): string {
  let rest = value < 0 ? 0 : value;
  let text = "";
  while (rest >= 1000000000) {
    const high = Math.floor(rest / 1000000000);
    const low = ((rest - high * 1000000000) as i32).toString();
    text = "000000000".substring(low.length) + low + text;
    rest = high;
  }
  return (rest as i32).toString() + text;
}
