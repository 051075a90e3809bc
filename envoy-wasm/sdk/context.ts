import { CONTINUE } from "./types";

/** One configured plugin on one worker. Lives as long as the VM. */
export abstract class RootContext {
  readonly id: i32;

  constructor(id: i32) {
    this.id = id;
  }

  /** Takes the plugin's configuration, of `size` bytes; false refuses it. */
  onConfigure(_size: i32): bool {
    return true;
  }

  onTick(): void {}

  /** There is an entry in a queue of this root's. */
  onQueueReady(): void {}

  /** The answer to `call`; no headers mean that there is none. */
  onCallResponse(_token: i32, _headerCount: i32, _bodySize: i32): void {}

  abstract createStream(id: i32): StreamContext;
}

/** One stream: a client's request and its answer (downstream), or one attempt at a provider (upstream). */
export abstract class StreamContext {
  readonly id: i32;

  constructor(id: i32) {
    this.id = id;
  }

  /** `last`: nothing will follow. Body sizes count all that is buffered. */
  onRequestHeaders(_count: i32, _last: bool): i32 {
    return CONTINUE;
  }

  onRequestBody(_size: i32, _last: bool): i32 {
    return CONTINUE;
  }

  onResponseHeaders(_count: i32, _last: bool): i32 {
    return CONTINUE;
  }

  onResponseBody(_size: i32, _last: bool): i32 {
    return CONTINUE;
  }

  /** The body ended with trailers, not with its last bytes. */
  onRequestTrailers(): i32 {
    return CONTINUE;
  }

  onResponseTrailers(): i32 {
    return CONTINUE;
  }

  /** The stream is over, however it went. */
  onDelete(): void {}
}
