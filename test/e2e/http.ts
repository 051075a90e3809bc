/** HTTP as it stands on the wire: no retries, no headers of its own, streams event by event. */
import { Agent, type IncomingHttpHeaders, type IncomingMessage, request } from "node:http";

export interface Outgoing {
  method?: string;
  /** A `content-length` given here is sent even when it is not true. */
  headers?: Record<string, string | string[]>;
  /** Objects are sent as JSON; text and bytes as they are. */
  body?: unknown;
  agent?: Agent;
  /** Ends the exchange from our side. */
  signal?: AbortSignal;
}

export interface Incoming {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
}

/** An answer whose body is read event by event. */
export interface IncomingStream {
  status: number;
  headers: IncomingHttpHeaders;
  /** Text of each event without its blank line. Ends with the body; throws when the body is cut off. */
  events: AsyncGenerator<string>;
  /** Closes the connection in the middle. */
  leave(): void;
}

/** No answer within so long is a failure of the test. */
const PATIENCE_MS = 60_000;

const shared = new Agent({ keepAlive: true, maxSockets: 256 });

export async function send(url: string, outgoing: Outgoing = {}): Promise<Incoming> {
  const response = await open(url, outgoing);
  const parts: Buffer[] = [];
  for await (const part of response) parts.push(part as Buffer);
  return { status: response.statusCode ?? 0, headers: response.headers, text: Buffer.concat(parts).toString() };
}

export async function openStream(url: string, outgoing: Outgoing): Promise<IncomingStream> {
  const response = await open(url, outgoing);
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    events: eventsOf(response),
    leave: () => response.destroy(),
  };
}

function open(url: string, outgoing: Outgoing): Promise<IncomingMessage> {
  const body = bytesOf(outgoing.body);
  const headers: Record<string, string | string[]> = { ...outgoing.headers };
  if (body !== null) {
    if (headers["transfer-encoding"] === undefined) headers["content-length"] ??= String(body.length);
    headers["content-type"] ??= "application/json";
  }
  return new Promise((answered, failed) => {
    const call = request(url, {
      method: outgoing.method ?? (body === null ? "GET" : "POST"),
      headers,
      agent: outgoing.agent ?? shared,
      timeout: PATIENCE_MS,
      ...(outgoing.signal === undefined ? {} : { signal: outgoing.signal }),
    });
    call.once("timeout", () => call.destroy(new Error(`no byte within ${PATIENCE_MS} ms`)));
    // A server may answer and close before it has read all that we send: the answer counts, the broken pipe does not.
    call.once("response", answered);
    call.on("error", failed);
    if (body !== null) call.write(body);
    // An untrue length keeps the request open: what is still promised never comes.
    if (body === null || headers["content-length"] === undefined || headers["content-length"] === String(body.length))
      call.end();
  });
}

function bytesOf(body: unknown): Buffer | null {
  if (body === undefined) return null;
  if (Buffer.isBuffer(body)) return body;
  return Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
}

async function* eventsOf(response: IncomingMessage): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const part of response) {
    rest += decoder.decode(part as Buffer, { stream: true });
    const events = rest.split(BLANK_LINE);
    rest = events.pop() ?? "";
    yield* events;
  }
  if (rest !== "") yield rest;
}

const BLANK_LINE = /\r\n\r\n|\n\n|\r\r/;

/** The events of a whole body, each without its blank line. */
export function eventsIn(text: string): string[] {
  return text.split(BLANK_LINE).filter((event) => event !== "");
}

/** What the data of events says, in order; the `data:` lines of one event are one text. */
export function dataOf(events: string[]): string[] {
  return events.flatMap((event) => {
    const lines = event.split(/\r\n|\n|\r/).filter((line) => line.startsWith("data:"));
    return lines.length === 0 ? [] : [lines.map((line) => line.slice(5).replace(/^ /, "")).join("\n")];
  });
}

/** The text that the content deltas of OpenAI chunks add up to. */
export function contentOf(events: string[]): string {
  return dataOf(events)
    .filter((data) => data !== "[DONE]")
    .map((data) => (JSON.parse(data) as Chunk).choices?.[0]?.delta?.content ?? "")
    .join("");
}

interface Chunk {
  choices?: { delta?: { content?: string | null } }[];
}
