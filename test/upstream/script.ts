/** What a test asks of the fake provider: behaviours that bend the dialect's own answer for the requests they match. */
import type { JsonObject } from "./answer.ts";

export interface Behaviour {
  /** Only requests whose path ends so, that name this model, that carry this credential. Absent: every request. */
  match?: { path?: string; model?: string; key?: string };
  /** How many requests it serves; 0 is all of them until the script is deleted. Absent: one. */
  times?: number;

  /** Alone: the dialect's own error of this status. With `json`, `text` or `chunks`: the status line. */
  status?: number;
  /** Message of that error. */
  message?: string;
  /** Added to, or replacing, the answer's headers. */
  headers?: Record<string, string>;
  /** Whole body as JSON, or as it stands. */
  json?: unknown;
  text?: string;
  /** Body written as these pieces, one write each: text, or bytes as base64. */
  chunks?: (string | { base64: string })[];
  /** Members that replace those of the usage told. */
  usage?: JsonObject;

  /** An error event in the dialect's own shape after so many events of the stream; the stream ends with it. */
  error_event?: { after_events: number; status?: number; message?: string };
  /**
   * Stop after so many events (negative: counted from the end; -1 leaves out `[DONE]`) or bytes, then end the body in due form
   * (`end`), close the connection in the middle (`close`, FIN) or reset it (`reset`, RST).
   */
  cut?: { how: "end" | "close" | "reset"; after_events?: number; after_bytes?: number };
  /** Never answer; held until the client leaves. */
  silence?: boolean;

  /** Waits, in milliseconds: before the headers, between headers and the first piece, between pieces. */
  delay_ms?: number;
  first_event_ms?: number;
  between_ms?: number;
  /** Write every piece in portions of so many bytes. */
  split_bytes?: number;
  /** Default: `length` for whole answers, `chunked` for streams. */
  framing?: "length" | "chunked";
  /** Compress although nobody asked for it. */
  gzip?: boolean;
}

const MEMBERS = new Set(
  `match times status message headers json text chunks usage error_event cut silence delay_ms first_event_ms between_ms
  split_bytes framing gzip`.split(/\s+/),
);

export interface Seen {
  path: string;
  model: string | null;
  key: string | null;
}

/** An ordered list of behaviours; the first that matches and has turns left bends the answer. */
export class Script {
  #entries: { behaviour: Behaviour; left: number }[] = [];

  /** Throws on members that do not exist: a misspelt behaviour would otherwise pass as the default answer. */
  add(behaviours: Behaviour[]): void {
    for (const behaviour of behaviours) {
      const unknown = Object.keys(behaviour).find((name) => !MEMBERS.has(name));
      if (unknown !== undefined) throw new TypeError(`no such behaviour: ${unknown}`);
      const times = behaviour.times ?? 1;
      this.#entries.push({ behaviour, left: times === 0 ? Number.POSITIVE_INFINITY : times });
    }
  }

  take(seen: Seen): Behaviour {
    const entry = this.#entries.find(({ behaviour, left }) => left > 0 && matches(behaviour, seen));
    if (entry === undefined) return {};
    entry.left -= 1;
    return entry.behaviour;
  }

  clear(): void {
    this.#entries = [];
  }
}

function matches({ match }: Behaviour, seen: Seen): boolean {
  if (match === undefined) return true;
  if (match.path !== undefined && !seen.path.endsWith(match.path)) return false;
  if (match.model !== undefined && match.model !== seen.model) return false;
  return match.key === undefined || match.key === seen.key;
}
