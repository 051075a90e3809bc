import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MAX_EVENT, SseReader } from "./sse.ts";

interface Event {
  name: string;
  data: string;
}

/** The events of a whole text, read the plain way that WHATWG HTML 9.2.6 describes it; a last one needs no blank line. */
function eventsOf(text: string): Event[] {
  const events: Event[] = [];
  let name = "";
  let lines: string[] = [];
  const dispatch = () => {
    if (lines.length > 0) events.push({ name, data: lines.join("\n") });
    name = "";
    lines = [];
  };
  for (const line of text.replace(/^\ufeff/, "").split(/\r\n|\r|\n/)) {
    const [, field, value = ""] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
    if (line === "") dispatch();
    else if (field === "data") lines.push(value);
    else if (field === "event") name = value;
  }
  dispatch();
  return events;
}

interface Reading {
  events: Event[];
  /** All raw spans, one behind the other. */
  raw: Buffer;
  overflow: boolean;
}

/** Reads a stream in these pieces. Each piece is overwritten once it was read, as a host's buffer would be. */
function read(pieces: Uint8Array[]): Reading {
  const reader = new SseReader();
  const events: Event[] = [];
  const raw: Buffer[] = [];
  const text = (bytes: Uint8Array, start: number, end: number) => Buffer.from(bytes.subarray(start, end)).toString();
  for (const [index, piece] of pieces.entries()) {
    const buffer = Buffer.concat([piece, Buffer.from("data: not part of it\n\n")]);
    reader.push(buffer, piece.length, index === pieces.length - 1);
    while (reader.next()) {
      raw.push(Buffer.from(reader.bytes.subarray(reader.rawStart, reader.rawEnd)));
      if (!reader.hasData) continue;
      events.push({
        name: text(reader.bytes, reader.nameStart, reader.nameEnd),
        data: text(reader.data, reader.dataStart, reader.dataEnd),
      });
    }
    buffer.fill(0x58);
  }
  return { events, raw: Buffer.concat(raw), overflow: reader.overflow };
}

/** `bytes` in pieces that end at these places. */
function cut(bytes: Buffer, places: number[]): Uint8Array[] {
  const ends = [...places.filter((place) => place <= bytes.length).sort((a, b) => a - b), bytes.length];
  return ends.map((end, index) => bytes.subarray(index === 0 ? 0 : ends[index - 1], end));
}

const STREAMS: Record<string, string> = {
  openai: 'data: {"a":1}\n\ndata: {"a":"漢🙂"}\n\ndata: [DONE]\n\n',
  anthropic: 'event: message_start\ndata: {"type":"message_start"}\n\nevent: ping\ndata: {"type": "ping"}\n\n',
  "CRLF ends": "event: x\r\ndata: 1\r\n\r\ndata: 2\r\n\r\n",
  "CR ends": "event: x\rdata: 1\r\rdata: 2\r\r",
  "mixed ends": "data: 1\r\n\ndata: 2\n\r\ndata: 3\r\r\n\ndata: 4\n\n",
  "byte order mark": "\ufeffdata: 1\n\ndata: \ufeff2\n\n",
  comments: ": ping\n\ndata: 1\n: in between\ndata: 2\n\n:\n\n:x\n",
  "no space, two spaces": "data:1\n\ndata:  2\n\ndata\n\n",
  "several data lines": 'data: {\ndata:   "a": 1\ndata: }\n\ndata: b\n\ndata: c\ndata\ndata: d\n\n',
  "other fields": "id: 7\nretry: 100\ndata: 1\nfoo: bar\ndata2: no\n\nevent: lost\n\ndata: 2\n\n",
  "line separators that are none": 'data: "\u2028\u2029\u0085\u000b"\n\n',
  "no blank line at the end": "data: 1\n\ndata: 2\ndata: 3",
  "one line break at the end": "data: 1\n\ndata: 2\n",
  "blank lines only": "\n\n\r\n\r\n\n",
  empty: "",
  "only a mark": "\ufeff",
  "half a mark": "\u00ef",
};

describe.each(Object.entries(STREAMS))("%s", (_name, text) => {
  const bytes = Buffer.from(text);
  const expected = eventsOf(text);

  test("whole", () => {
    expect(read([bytes]).events).toEqual(expected);
  });

  test("cut at any one place", () => {
    for (let at = 0; at <= bytes.length; at++) expect(read(cut(bytes, [at])).events).toEqual(expected);
  });

  test("in pieces of 1, 2, 3 and 7 bytes", () => {
    for (const size of [1, 2, 3, 7]) {
      const places = Array.from({ length: Math.floor(bytes.length / size) }, (_, index) => (index + 1) * size);
      expect(read(cut(bytes, places)).events).toEqual(expected);
    }
  });

  test("with the end told apart from the last bytes", () => {
    expect(read([bytes, Buffer.alloc(0)]).events).toEqual(expected);
  });
});

const streamText = fc
  .array(
    fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom("\n", "\r", "\r\n", "\n\n") },
      { weight: 3, arbitrary: fc.constantFrom("data", "data:", "data: ", "event: ", "event:x", ":", ": ", " ", "id") },
      { weight: 2, arbitrary: fc.constantFrom("a", "漢", "{}", "\ufeff", "data: 1\n\n") },
    ),
    { maxLength: 30 },
  )
  .map((parts) => parts.join(""));

test("any text in any pieces is read as the standard says", () => {
  fc.assert(
    fc.property(streamText, fc.array(fc.nat(120), { maxLength: 12 }), (text, places) => {
      expect(read(cut(Buffer.from(text), places)).events).toEqual(eventsOf(text));
    }),
    { seed: 1, numRuns: 5000 },
  );
});

test("raw spans are the stream without its mark, up to a blank line's late LF and a rest that is no event", () => {
  fc.assert(
    fc.property(streamText, fc.array(fc.nat(120), { maxLength: 12 }), (text, places) => {
      const closed = `${text.replace(/^\ufeff+/, "")}\n\n`;
      const { raw } = read(cut(Buffer.from(closed), places));
      const whole = Buffer.from(closed);
      expect(whole.subarray(0, raw.length)).toEqual(raw);
      expect(whole.subarray(raw.length).toString()).toMatch(/^\n?\n?$/);
    }),
    { seed: 2, numRuns: 2000 },
  );
});

test("an event without a blank line is told as unterminated", () => {
  const reader = new SseReader();
  reader.push(Buffer.from("data: 1\n\ndata: 2"), 16, true);
  expect([reader.next(), reader.unterminated]).toEqual([true, false]);
  expect([reader.next(), reader.unterminated]).toEqual([true, true]);
  expect(reader.next()).toBe(false);
});

test("tells when bytes of an unfinished event are held", () => {
  const reader = new SseReader();
  const states = ["data: 1\n\n", "data", ": 2\n", "\n", "data: 3\n\nda"].map((text) => {
    reader.push(Buffer.from(text), text.length, false);
    while (reader.next());
    return reader.isHolding();
  });
  expect(states).toEqual([false, true, true, false, true]);
});

test("takes an event of 1 MiB in small pieces, in time that grows with its size", () => {
  const text = `data: ${"x".repeat(1 << 20)}\n\n`;
  const bytes = Buffer.from(text);
  const places = Array.from({ length: Math.floor(bytes.length / 256) }, (_, index) => (index + 1) * 256);
  const started = performance.now();
  expect(read(cut(bytes, places)).events[0]?.data.length).toBe(1 << 20);
  expect(performance.now() - started).toBeLessThan(3000);
});

test("refuses an event beyond its bound, and stays so", () => {
  const reader = new SseReader();
  const piece = Buffer.alloc(1 << 20, "x");
  for (let size = 0; size <= MAX_EVENT; size += piece.length) {
    reader.push(piece, piece.length, false);
    expect(reader.next()).toBe(false);
  }
  expect(reader.overflow).toBe(true);
  reader.push(Buffer.from("\n\ndata: 1\n\n"), 11, true);
  expect(reader.next()).toBe(false);
});

test("a chunk longer than the longest event may hold many short ones", () => {
  const event = Buffer.from(`data: ${"x".repeat(100_000)}\n\n`);
  const chunk = Buffer.concat(Array.from({ length: Math.ceil(MAX_EVENT / event.length) + 2 }, () => event));
  const { events, overflow } = read([Buffer.from("data: "), chunk]);
  expect(overflow).toBe(false);
  expect(events).toHaveLength(chunk.length / event.length);
});
