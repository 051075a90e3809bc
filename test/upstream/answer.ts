/** What a dialect answers before the script bends it and the wire carries it. */

export type JsonObject = Record<string, unknown>;

/** A whole JSON answer. `usage` is what it tells about tokens, in the vendor's own words. */
export interface Whole {
  kind: "whole";
  status: number;
  headers: Record<string, string>;
  json: unknown;
  usage: JsonObject | null;
}

/** A stream: each event is complete text with its blank line. `usage` counts as told once all events are written. */
export interface EventStream {
  kind: "stream";
  /** Absent: 200. */
  status?: number;
  headers: Record<string, string>;
  events: string[];
  usage: JsonObject | null;
}

export type Answer = Whole | EventStream;

/** How one vendor speaks: its answer to a request, its error body, and its error inside a running stream. */
export interface Dialect {
  /** Whether the vendor has such a path. */
  serves(path: string): boolean;
  /** The largest body it takes, in bytes; absent: larger than any test here. */
  largest?: number;
  /** The model that a path names; absent where bodies name it. */
  modelIn?(path: string): string | null;
  answer(request: DialectRequest): Answer;
  refusal(status: number, message: string): Whole;
  errorEvent(status: number, message: string): string;
}

export interface DialectRequest {
  method: string;
  path: string;
  query: URLSearchParams;
  headers: Record<string, string>;
  /** Parsed body; null for GET. Text that is no JSON object never gets here. */
  body: JsonObject | null;
  /** Makes ids unlike each other. */
  sequence: number;
  /** Members that replace those of the usage the dialect would tell. */
  usage: JsonObject;
  account: Account;
  /** What the vendor keeps between requests, by id. */
  memory: Map<string, JsonObject>;
}

/** What the fake vendor knows of its customer. Absent lists check nothing. */
export interface Account {
  /** Credentials it accepts. */
  keys?: string[];
  /** Models it has. */
  models?: string[];
  /** Accepts fields it does not know, as local servers do. */
  lenient?: boolean;
  /** Tokens of a prompt that its models take at most. */
  context?: number;
}

/** Thrown by checks; answered in the dialect's own error shape. */
export class Refused extends Error {
  readonly status: number;
  readonly type: string;
  readonly param: string | null;
  readonly code: string | null;
  constructor(status: number, type: string, message: string, param: string | null = null, code: string | null = null) {
    super(message);
    this.status = status;
    this.type = type;
    this.param = param;
    this.code = code;
  }
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A list member by member, or nothing when the value is no list. */
export function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

export function objectsOf(value: unknown): JsonObject[] {
  return listOf(value).filter(isObject);
}
