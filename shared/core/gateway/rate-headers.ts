import { wholeText } from "../admission/denial.ts";
import { Limit, REQUESTS, TOKENS } from "../admission/limit.ts";
import { Reservation } from "../admission/reservation.ts";
import { NO_WINDOW } from "../admission/window.ts";
import { Operation } from "./operation.ts";

/**
 * OpenAI's `x-ratelimit-{limit,remaining,reset}-{requests,tokens}` for an operation, names and values in turn: of each
 * metric the limit with the least left. What is left is what the control service said last and what lies idle here, so
 * other gateways may have used of it since. `time` is the control service's.
 * @see https://platform.openai.com/docs/guides/rate-limits#rate-limits-in-headers
 */
export function rateHeaders(operation: Operation, time: f64): Array<string> {
  const headers = new Array<string>();
  const limited = operation.limited;
  const reservation = operation.reservation;
  for (let metric: i32 = REQUESTS; metric <= TOKENS; metric++) {
    if (limited != null && limited.metric === metric) write(headers, limited, 0, time);
    else if (reservation != null) writeTightest(headers, reservation, metric, time);
  }
  return headers;
}

function writeTightest(headers: Array<string>, reservation: Reservation, metric: i32, time: f64): void {
  let found: Limit | null = null;
  let least: f64 = 0;
  // A provider's limits are everybody's: they say nothing of what this client may do.
  for (let i: i32 = 0; i < reservation.providerFrom; i++) {
    const share = reservation.shares[i]!;
    if (share.limit.metric !== metric || share.lease.absent) continue;
    const lease = share.lease;
    const idle = lease.idle();
    const left = (lease.left < 0 ? share.limit.amount - lease.granted : lease.left) + (idle > 0 ? idle : 0);
    if (found != null && left >= least) continue;
    found = share.limit;
    least = left;
  }
  if (found != null) write(headers, found, least, time);
}

function write(headers: Array<string>, limit: Limit, left: f64, time: f64): void {
  const ofRequests = limit.metric === REQUESTS;
  headers.push(ofRequests ? "x-ratelimit-limit-requests" : "x-ratelimit-limit-tokens");
  headers.push(wholeText(limit.amount));
  headers.push(ofRequests ? "x-ratelimit-remaining-requests" : "x-ratelimit-remaining-tokens");
  headers.push(wholeText(left));
  const lease = limit.lease;
  if (limit.window === NO_WINDOW || lease == null) return;
  headers.push(ofRequests ? "x-ratelimit-reset-requests" : "x-ratelimit-reset-tokens");
  headers.push(duration(lease.end - time));
}

/** As OpenAI writes it: `6m0s`, `12s`, `20ms`. */
export function duration(milliseconds: f64): string {
  if (milliseconds < 1000) return wholeText(Math.ceil(milliseconds)) + "ms";
  const seconds = Math.ceil(milliseconds * 0.001);
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  let text = wholeText(seconds - minutes * 60) + "s";
  if (minutes > 0) text = wholeText(minutes - hours * 60) + "m" + text;
  return hours > 0 ? wholeText(hours) + "h" + text : text;
}
