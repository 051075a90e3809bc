/** What the fake provider saw and did, request by request. */
import type { JsonObject } from "./answer.ts";

export interface LogEntry {
  sequence: number;
  /** Milliseconds since 1970. */
  at_ms: number;
  method: string;
  path: string;
  query: Record<string, string>;
  headers: Record<string, string>;
  /** Parsed JSON; null when there was none. */
  body: JsonObject | null;
  raw: string;
  raw_length: number;
  /** Of the TLS handshake; null without TLS or without one. */
  server_name: string | null;
  status: number | null;
  /** Events of a stream (or pieces of another body) and body bytes written. */
  events: number;
  bytes: number;
  /** Tokens it told the client of, in the vendor's words; null as long as it has told none. */
  usage: JsonObject | null;
  /** `cut`: the script ended it; `aborted`: the client left first. */
  end: "pending" | "complete" | "cut" | "aborted";
  ended_at_ms: number | null;
}

type Seen = Omit<LogEntry, "sequence" | "at_ms" | "status" | "events" | "bytes" | "usage" | "end" | "ended_at_ms">;

export class Log {
  #entries: LogEntry[] = [];
  #sequence = 0;

  open(seen: Seen): LogEntry {
    this.#sequence += 1;
    const entry: LogEntry = {
      sequence: this.#sequence,
      at_ms: Date.now(),
      ...seen,
      status: null,
      events: 0,
      bytes: 0,
      usage: null,
      end: "pending",
      ended_at_ms: null,
    };
    this.#entries.push(entry);
    return entry;
  }

  /** The first word on how it ended stands: what is closed after a cut is no abort. */
  close(entry: LogEntry, end: Exclude<LogEntry["end"], "pending">): void {
    if (entry.end !== "pending") return;
    entry.end = end;
    entry.ended_at_ms = Date.now();
  }

  entries(): LogEntry[] {
    return [...this.#entries];
  }

  clear(): void {
    this.#entries = [];
  }
}
