import { Problem } from "../../shared/core/problem";
import * as host from "../sdk/host";
import { BUFFER_RESPONSE, CONTINUE, STOP_AND_BUFFER, STREAM_RESPONSE } from "../sdk/types";
import { clearBody } from "./worker";

/** Nothing has come yet. */
const FRESH: i32 = 0;
/** What came is held until the queue is called. */
const HELD: i32 = 1;
/** What was held has gone; the host would let the next chunk pass. */
const OPEN: i32 = 2;
/** Nothing is held, and the host stops at every chunk. */
const STOPPED: i32 = 3;
const BROKEN: i32 = 4;

/**
 * A stream's way to the client, on which an error event can follow at any time.
 *
 * When a provider breaks off, Envoy's router closes the client's connection and asks no filter; and a filter can write only
 * into what the host holds for it. So the host is always made to hold: each chunk is taken into its buffer and let go in
 * the same call. `continueStream` takes effect as the call returns, before the STOP_AND_BUFFER that the call answers,
 * which leaves an empty buffer of ours. Only the first chunk, for which nothing is held yet, goes by the worker's queue: as
 * soon as the host has done what it is at.
 *
 * Upstream filters are ended before the router closes the client's stream, so they can still call `breakOff`.
 */
export class Passage {
  private state: i32 = FRESH;

  /** `stream` is the downstream filter's context. */
  constructor(
    private readonly stream: i32,
    private readonly operation: i32,
    private readonly queue: PassageQueue,
  ) {
    passages.set(operation, this);
  }

  /** What to answer to the host for a chunk of the stream. */
  pass(last: bool): i32 {
    if (this.state == STOPPED) {
      if (last) return CONTINUE;
      host.continueStream(STREAM_RESPONSE);
      return STOP_AND_BUFFER;
    }
    if (this.state == OPEN && !last) {
      host.continueStream(STREAM_RESPONSE);
      this.state = STOPPED;
    } else if (this.state != HELD) {
      this.state = HELD;
      this.queue.add(this);
    }
    return STOP_AND_BUFFER;
  }

  /** The queue's turn has come. */
  letGo(): void {
    if (this.state != HELD) return;
    this.state = OPEN;
    host.enter(this.stream);
    host.continueStream(STREAM_RESPONSE);
  }

  /** The provider is gone: says so to the client, whose stream is about to be closed. */
  breakOff(problem: Problem): void {
    if (this.state == FRESH || this.state == BROKEN) return;
    this.state = BROKEN;
    const out = clearBody();
    problem.writeEvent(out);
    host.enter(this.stream);
    host.appendBody(BUFFER_RESPONSE, out.bytes, out.length);
    host.continueStream(STREAM_RESPONSE);
  }

  /** The client's stream is over. */
  close(): void {
    this.state = BROKEN;
    passages.delete(this.operation);
  }
}

/** The passages of this worker, by the number of their operation. */
const passages = new Map<i32, Passage>();

/** Tells the client of an operation, if a part of a stream has gone to it, that the rest does not come. */
export function breakOff(operation: i32, problem: Problem): void {
  if (passages.has(operation)) passages.get(operation).breakOff(problem);
}

/** Calls passages back as soon as the host has done what it is at. */
export class PassageQueue {
  private readonly queue: i32;
  private waiting: Array<Passage> = [];

  /** `name` must be this worker's own: queues belong to all workers. */
  constructor(name: string) {
    this.queue = host.openQueue(name);
  }

  add(passage: Passage): void {
    this.waiting.push(passage);
    if (this.waiting.length == 1) host.enqueue(this.queue);
  }

  /** Has the root called back, whether or not a passage waits. */
  call(): void {
    host.enqueue(this.queue);
  }

  /** The host has come to it. */
  release(): void {
    host.dequeue(this.queue);
    const passages = this.waiting;
    this.waiting = [];
    for (let i = 0; i < passages.length; i++) passages[i].letGo();
  }
}
