import pino, { type Logger } from "pino";

/** JSON lines on stderr, so that stdout stays for what commands print. Bodies are never logged, nor secrets. */
export function createLogger(level: string): Logger {
  const redact = ["authorization", "cookie", "x-api-key", "api-key"].flatMap((header) => [
    `req.headers["${header}"]`,
    `headers["${header}"]`,
  ]);
  return pino(
    { level, redact: { paths: redact, censor: "[hidden]" }, base: { service: "oneapi-control" } },
    pino.destination(2),
  );
}
