import { ByteWriter } from "../../shared/core/byte-writer";
import { decodeUtf8 } from "../../shared/core/text";
import { HeaderMap, HeaderMapWriter } from "./headers";
import * as hostcalls from "./hostcalls";
import { answered, keepNext, keptBytes, pointerResult, reuseNext, scratchBytes, sizeResult } from "./memory";
import { STATUS_OK } from "./types";

/** Text that is given to the host again and again, held as the bytes it wants. */
export class Literal {
  private readonly bytes: ArrayBuffer;

  constructor(text: string) {
    this.bytes = String.UTF8.encode(text);
  }

  get at(): usize {
    return changetype<usize>(this.bytes);
  }

  get size(): usize {
    return this.bytes.byteLength;
  }
}

const empty = new HeaderMapWriter();
const spelled = new ByteWriter(256);

export function log(level: i32, message: string): void {
  const text = String.UTF8.encode(message);
  hostcalls.proxy_log(level, changetype<usize>(text), text.byteLength);
}

/** Unix time in milliseconds. */
export function currentTime(): f64 {
  hostcalls.proxy_get_current_time_nanoseconds(pointerResult());
  return Math.floor((load<u64>(pointerResult()) as f64) * 0.000001);
}

/** `count` random bytes as hexadecimal digits. */
export function randomHex(count: i32): string {
  const bytes = new Uint8Array(count);
  hostcalls.random_get(bytes.dataStart, count);
  let text = "";
  for (let i = 0; i < count; i++) text += (bytes[i] < 16 ? "0" : "") + bytes[i].toString(16);
  return text;
}

export function randomInt(): i32 {
  hostcalls.random_get(pointerResult(), 4);
  return load<i32>(pointerResult());
}

/** All headers of a kind; good until the next call of the host. */
export function headers(type: i32): HeaderMap {
  reuseNext();
  const status = hostcalls.proxy_get_header_map_pairs(type, pointerResult(), sizeResult());
  return new HeaderMap(status == STATUS_OK ? answered() : 0);
}

/** Puts these headers in the place of all that are there. */
export function setHeaders(type: i32, map: HeaderMapWriter): void {
  const whole = map.done();
  hostcalls.proxy_set_header_map_pairs(type, whole.bytes.dataStart, whole.length);
}

/** The size of the value of one header, which lies in the scratch buffer; 0 when it is absent. */
export function headerBytes(type: i32, name: Literal): i32 {
  reuseNext();
  const status = hostcalls.proxy_get_header_map_value(type, name.at, name.size, pointerResult(), sizeResult());
  return status == STATUS_OK ? answered() : 0;
}

export function replaceHeader(type: i32, name: Literal, value: string): void {
  const text = spelled.clear().text(value);
  hostcalls.proxy_replace_header_map_value(type, name.at, name.size, text.bytes.dataStart, text.length);
}

/** A property of the stream as text, its path's parts joined by NUL; empty when it is not there. */
export function property(path: Literal): string {
  reuseNext();
  if (hostcalls.proxy_get_property(path.at, path.size, pointerResult(), sizeResult()) != STATUS_OK) return "";
  return decodeUtf8(scratchBytes(), 0, answered());
}

/** Reads `size` bytes of a body; they lie in [0, answer) of the scratch buffer until the next call of the host. */
export function readBody(type: i32, size: i32): i32 {
  reuseNext();
  if (size == 0) return 0;
  const status = hostcalls.proxy_get_buffer_bytes(type, 0, size, pointerResult(), sizeResult());
  return status == STATUS_OK ? answered() : 0;
}

/** Reads `size` bytes of a body into memory of their own. */
export function takeBody(type: i32, size: i32): Uint8Array {
  reuseNext();
  if (size == 0) return new Uint8Array(0);
  keepNext();
  hostcalls.proxy_get_buffer_bytes(type, 0, size, pointerResult(), sizeResult());
  return keptBytes();
}

/** Puts `bytes[0, length)` in the place of the first `size` bytes of a body. */
export function replaceBody(type: i32, size: i32, bytes: Uint8Array, length: i32): void {
  hostcalls.proxy_set_buffer_bytes(type, 0, size, bytes.dataStart, length);
}

/** Adds to what the host holds of a body. */
export function appendBody(type: i32, bytes: Uint8Array, length: i32): void {
  hostcalls.proxy_set_buffer_bytes(type, i32.MAX_VALUE, 0, bytes.dataStart, length);
}

/** A queue that calls the root context's `onQueueReady` once for each entry; its number, or 0. */
export function openQueue(name: string): i32 {
  const text = String.UTF8.encode(name);
  const status = hostcalls.proxy_register_shared_queue(changetype<usize>(text), text.byteLength, pointerResult());
  return status == STATUS_OK ? load<i32>(pointerResult()) : 0;
}

/** Puts an empty entry into a queue. */
export function enqueue(queue: i32): void {
  hostcalls.proxy_enqueue_shared_queue(queue, 0, 0);
}

/** Takes an entry out of a queue. */
export function dequeue(queue: i32): void {
  reuseNext();
  hostcalls.proxy_dequeue_shared_queue(queue, pointerResult(), sizeResult());
}

/** Answers the client from here. */
export function respond(status: i32, body: ByteWriter, map: HeaderMapWriter, details: string): void {
  const reason = String.UTF8.encode(details);
  const whole = map.done();
  hostcalls.proxy_send_local_response(
    status,
    changetype<usize>(reason),
    reason.byteLength,
    body.bytes.dataStart,
    body.length,
    whole.bytes.dataStart,
    whole.length,
    -1,
  );
}

/** Sends a request to a cluster; its token, or -1 when it could not be sent. The answer comes to the root context. */
export function call(cluster: Literal, map: HeaderMapWriter, body: ByteWriter, timeoutMs: i32): i32 {
  const whole = map.done();
  const none = empty.clear().done();
  const status = hostcalls.proxy_http_call(
    cluster.at,
    cluster.size,
    whole.bytes.dataStart,
    whole.length,
    body.bytes.dataStart,
    body.length,
    none.bytes.dataStart,
    none.length,
    timeoutMs,
    pointerResult(),
  );
  return status == STATUS_OK ? load<i32>(pointerResult()) : -1;
}

export function continueStream(type: i32): void {
  hostcalls.proxy_continue_stream(type);
}

export function closeStream(type: i32): void {
  hostcalls.proxy_close_stream(type);
}

/** The calls that follow concern this context. */
export function enter(context: i32): void {
  hostcalls.proxy_set_effective_context(context);
}

export function tickEvery(milliseconds: i32): void {
  hostcalls.proxy_set_tick_period_milliseconds(milliseconds);
}

export function defineMetric(type: i32, name: string): i32 {
  const text = String.UTF8.encode(name);
  hostcalls.proxy_define_metric(type, changetype<usize>(text), text.byteLength, pointerResult());
  return load<i32>(pointerResult());
}

export function incrementMetric(metric: i32, by: i32): void {
  hostcalls.proxy_increment_metric(metric, by as i64);
}

export function recordMetric(metric: i32, value: u64): void {
  hostcalls.proxy_record_metric(metric, value);
}
