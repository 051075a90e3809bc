/** 408, 409, 429, 5xx: another target may serve; any other 4xx would be the same everywhere. */
export function isRetryable(status: i32): boolean {
  return status >= 500 || status === 408 || status === 409 || status === 429;
}

const LONGEST_WAIT: i32 = 86400;

/** The seconds of a `retry-after` header in its number form, rounded up, at most a day; 0 for a date or nothing. */
export function retrySeconds(header: string): i32 {
  let value: i32 = 0;
  for (let i: i32 = 0; i < header.length; i++) {
    const c = header.charCodeAt(i);
    if (c === 46 && i > 0) return value + 1;
    if (c < 48 || c > 57) return 0;
    value = value * 10 + (c - 48);
    if (value > LONGEST_WAIT) return LONGEST_WAIT;
  }
  return value;
}

/**
 * How long to wait, from the two headers that tell (empty: not there): the value of `retry-after`, or what milliseconds
 * `retry-after-ms` has, which OpenAI and Azure may send alone, as such a value.
 */
export function retryAfterOf(seconds: string, milliseconds: string): string {
  if (seconds.length > 0 || milliseconds.length === 0) return seconds;
  const dot = milliseconds.indexOf(".");
  const whole = dot < 0 ? milliseconds : milliseconds.substring(0, dot);
  // A fraction of a second more, and the number is rounded up: so are milliseconds that are not whole seconds.
  if (whole.length <= 3) return retrySeconds(whole) > 0 ? "1" : "";
  const rest = whole.substring(whole.length - 3);
  return whole.substring(0, whole.length - 3) + (rest === "000" ? "" : "." + rest);
}
