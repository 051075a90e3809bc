/** Carries an answer to the wire the way a behaviour asks for. */
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { setTimeout as wait } from "node:timers/promises";
import { constants, createGzip, gzipSync } from "node:zlib";
import type { Answer, Dialect, JsonObject } from "./answer.ts";
import type { Log, LogEntry } from "./log.ts";
import type { Behaviour } from "./script.ts";

/** An answer as it will be written: one write per piece. */
interface Wire {
  status: number;
  headers: Record<string, string>;
  pieces: Buffer[];
  streamed: boolean;
  /** Told once the last piece is written. */
  usage: JsonObject | null;
  /** The script shortened it. */
  cut: boolean;
}

/** So long a peer has to read what was written before the connection is reset, as a reset discards what is under way. */
const BEFORE_RESET_MS = 20;

/** Resolves once the answer is written, cut, or the client has left. */
export async function deliver(
  answer: Answer,
  behaviour: Behaviour,
  dialect: Dialect,
  response: ServerResponse,
  entry: LogEntry,
  log: Log,
): Promise<void> {
  const left = new AbortController();
  response.once("close", () => {
    if (!response.writableFinished) log.close(entry, "aborted");
    left.abort();
  });
  try {
    if (behaviour.silence === true) await once(left.signal, "abort");
    await pause(behaviour.delay_ms, left.signal);
    if (left.signal.aborted) return;
    const wire =
      behaviour.gzip === true
        ? await compressed(wireOf(answer, behaviour, dialect))
        : wireOf(answer, behaviour, dialect);
    await write(wire, behaviour, response, entry, log, left.signal);
  } catch (problem) {
    if (!left.signal.aborted) throw problem;
  }
}

function wireOf(answer: Answer, behaviour: Behaviour, dialect: Dialect): Wire {
  const base = bodyOf(answer, behaviour, dialect);
  const wire = { ...base, headers: { ...base.headers, ...behaviour.headers } };
  if (behaviour.error_event !== undefined) {
    const { after_events, status = 500, message = "The server had an error." } = behaviour.error_event;
    wire.pieces = [...wire.pieces.slice(0, after_events), Buffer.from(dialect.errorEvent(status, message))];
    wire.usage = null;
    wire.cut = true;
  }
  if (behaviour.cut?.after_events !== undefined) {
    wire.pieces = wire.pieces.slice(0, behaviour.cut.after_events);
    // What is left out at the very end is only the mark of the end, so usage has been told.
    if (behaviour.cut.after_events !== -1) wire.usage = null;
    wire.cut = true;
  }
  return wire;
}

function bodyOf(answer: Answer, behaviour: Behaviour, dialect: Dialect): Wire {
  const { status = 200, headers } = answer;
  const replaced = { status: behaviour.status ?? status, headers, usage: null, cut: false };
  if (behaviour.chunks !== undefined) {
    const pieces = behaviour.chunks.map((chunk) =>
      typeof chunk === "string" ? Buffer.from(chunk) : Buffer.from(chunk.base64, "base64"),
    );
    return { ...replaced, headers: { "content-type": "text/event-stream", ...headers }, pieces, streamed: true };
  }
  if (behaviour.text !== undefined) {
    const type = behaviour.text.startsWith("<") ? "text/html" : "text/plain";
    return {
      ...replaced,
      headers: { ...headers, "content-type": type },
      pieces: [Buffer.from(behaviour.text)],
      streamed: false,
    };
  }
  if (behaviour.json !== undefined) return jsonWire({ ...replaced, json: behaviour.json });
  if (behaviour.status !== undefined) {
    return jsonWire(
      dialect.refusal(behaviour.status, behaviour.message ?? `The fake provider answers ${behaviour.status}.`),
    );
  }
  if (answer.kind === "whole") return jsonWire(answer);
  const pieces = answer.events.map((event) => Buffer.from(event));
  return { status, headers, pieces, streamed: true, usage: answer.usage, cut: false };
}

function jsonWire(answer: {
  status: number;
  headers: Record<string, string>;
  json: unknown;
  usage: JsonObject | null;
}): Wire {
  const { status, usage, json } = answer;
  const headers = { "content-type": "application/json", ...answer.headers };
  return { status, headers, pieces: [Buffer.from(JSON.stringify(json))], streamed: false, usage, cut: false };
}

/** One gzip member; of a stream each event is flushed, as vendors do. */
async function compressed(wire: Wire): Promise<Wire> {
  const headers = { ...wire.headers, "content-encoding": "gzip" };
  if (!wire.streamed) return { ...wire, headers, pieces: [gzipSync(Buffer.concat(wire.pieces))] };
  const gzip = createGzip({ flush: constants.Z_SYNC_FLUSH });
  const pieces: Buffer[] = [];
  for (const piece of wire.pieces) {
    gzip.write(piece);
    await new Promise<void>((flushed) => gzip.flush(() => flushed()));
    pieces.push(gzip.read() ?? Buffer.alloc(0));
  }
  gzip.end();
  await once(gzip, "readable");
  pieces.push(gzip.read() ?? Buffer.alloc(0));
  return { ...wire, headers, pieces };
}

async function write(
  wire: Wire,
  behaviour: Behaviour,
  response: ServerResponse,
  entry: LogEntry,
  log: Log,
  left: AbortSignal,
): Promise<void> {
  entry.status = wire.status;
  const framing = behaviour.framing ?? (wire.streamed ? "chunked" : "length");
  const length = wire.pieces.reduce((sum, piece) => sum + piece.length, 0);
  response.writeHead(wire.status, framing === "length" ? { ...wire.headers, "content-length": length } : wire.headers);
  response.flushHeaders();
  await pause(behaviour.first_event_ms, left);
  const cutAt = behaviour.cut?.after_bytes ?? Number.POSITIVE_INFINITY;
  for (const [index, piece] of wire.pieces.entries()) {
    if (index > 0) await pause(behaviour.between_ms, left);
    for (const part of partsOf(piece, behaviour.split_bytes)) {
      const allowed = part.subarray(0, Math.max(0, cutAt - entry.bytes));
      await send(allowed, response);
      entry.bytes += allowed.length;
      if (allowed.length < part.length) return end(behaviour, response, entry, log, true);
    }
    entry.events += 1;
  }
  entry.usage = wire.usage;
  await end(behaviour, response, entry, log, wire.cut);
}

function partsOf(piece: Buffer, size: number | undefined): Buffer[] {
  if (size === undefined) return [piece];
  return Array.from({ length: Math.ceil(piece.length / size) }, (_, index) =>
    piece.subarray(index * size, (index + 1) * size),
  );
}

/** Resolves when the bytes are with the kernel, so that each write leaves on its own. */
async function send(bytes: Buffer, response: ServerResponse): Promise<void> {
  if (bytes.length === 0) return;
  await new Promise<void>((written, failed) => {
    response.write(bytes, (problem) => (problem ? failed(problem) : written()));
  });
}

async function end(
  behaviour: Behaviour,
  response: ServerResponse,
  entry: LogEntry,
  log: Log,
  cut: boolean,
): Promise<void> {
  log.close(entry, cut ? "cut" : "complete");
  const how = behaviour.cut?.how ?? "end";
  if (how === "end") {
    response.end();
  } else if (how === "close") {
    response.socket?.end();
  } else {
    await wait(BEFORE_RESET_MS);
    response.socket?.resetAndDestroy();
  }
}

async function pause(milliseconds: number | undefined, left: AbortSignal): Promise<void> {
  if (milliseconds !== undefined && milliseconds > 0) await wait(milliseconds, undefined, { signal: left });
}
