import { POLL_TIMEOUT_MS, PUSH_TIMEOUT_MS, SYNC_PATH, Sync } from "../../shared/core/gateway/sync";
import { Json } from "../../shared/core/json";
import { RootContext, StreamContext } from "../sdk/context";
import * as host from "../sdk/host";
import { BUFFER_CALL_RESPONSE, BUFFER_PLUGIN_CONFIGURATION, LOG_ERROR, MAP_CALL_RESPONSE } from "../sdk/types";
import { Downstream } from "./downstream";
import { callWaiting } from "./further";
import { Metrics } from "./metrics";
import { PassageQueue } from "./passage";
import { expireAttempts } from "./upstream-root";
import { bodyOut, clearBody, headersOut, now, worker } from "./worker";

/** How exactly time is kept, in milliseconds. */
const TICK_MS: i32 = 20;
const NO_CALL: i32 = -1;

/** The client's side of a worker: makes the operations, talks with the control service, keeps time. */
export class DownstreamRoot extends RootContext {
  private node: string = "";
  private cluster: host.Literal = new host.Literal("");
  private authorization: string = "";
  private sync: Sync | null = null;
  private metrics: Metrics | null = null;
  private pollToken: i32 = NO_CALL;
  private pushToken: i32 = NO_CALL;
  private waiting: Array<Downstream> = [];
  private ending: Array<Downstream> = [];
  readonly passages: PassageQueue = new PassageQueue("oneapi-" + worker().epoch);

  override onConfigure(size: i32): bool {
    const json = Json.parse(host.takeBody(BUFFER_PLUGIN_CONFIGURATION, size));
    if (json == null || json.string("node", "").length == 0 || json.string("control_cluster", "").length == 0) {
      host.log(LOG_ERROR, "oneapi: the plugin's configuration must be JSON with `node`, `control_cluster` and `token`");
      return false;
    }
    this.node = json.string("node", "");
    this.cluster = new host.Literal(json.string("control_cluster", ""));
    this.authorization = "Bearer " + json.string("token", "");
    if (this.sync == null) {
      this.sync = new Sync(worker().gateway, this.node, worker().epoch, "envoy");
      this.metrics = new Metrics();
    }
    host.tickEvery(TICK_MS);
    return true;
  }

  override createStream(id: i32): StreamContext {
    return new Downstream(id, this);
  }

  override onQueueReady(): void {
    this.passages.release();
    this.wakeAll();
  }

  /** An operation has ended: what it gives back may be what others wait for. */
  nudge(): void {
    if (this.waiting.length > 0) this.passages.call();
  }

  override onTick(): void {
    const time = now();
    expireAttempts(time);
    callWaiting(time);
    host.enter(this.id);
    // Those who wait for room in their limits do so for a bounded time.
    this.wakeAll();
    this.endAll(time);
    this.talk(time);
    this.metrics!.publish(time);
  }

  /** Sends what there is to say to the control service. */
  private talk(time: f64): void {
    const sync = this.sync!;
    if (sync.poll(time, clearBody())) {
      this.pollToken = this.send(POLL_TIMEOUT_MS);
      if (this.pollToken == NO_CALL) sync.pollFailed(time);
    }
    if (sync.push(time, clearBody())) {
      this.pushToken = this.send(PUSH_TIMEOUT_MS);
      if (this.pushToken == NO_CALL) {
        sync.pushFailed(time);
        this.wakeAll();
      }
    }
  }

  private send(timeoutMs: i32): i32 {
    headersOut
      .clear()
      .add(":method", "POST")
      .add(":path", SYNC_PATH)
      .add(":authority", "control")
      .add(":scheme", "http");
    headersOut.add("content-type", "application/json").add("authorization", this.authorization);
    return host.call(this.cluster, headersOut, bodyOut, timeoutMs);
  }

  override onCallResponse(token: i32, headerCount: i32, bodySize: i32): void {
    const sync = this.sync!;
    const time = now();
    const isPoll = token == this.pollToken;
    if (!isPoll && token != this.pushToken) return;
    if (isPoll) this.pollToken = NO_CALL;
    else this.pushToken = NO_CALL;
    const status = headerCount > 0 ? host.headers(MAP_CALL_RESPONSE).value(":status") : "";
    if (status != "200") {
      if (isPoll) sync.pollFailed(time);
      else if (status == "503") sync.pushRefused(time);
      else sync.pushFailed(time);
    } else {
      const body = host.takeBody(BUFFER_CALL_RESPONSE, bodySize);
      if (isPoll) sync.polled(body, time);
      else sync.pushed(body, time);
    }
    this.talk(time);
    this.wakeAll();
    this.endAll(time);
  }

  /** The stream is called when the control service has answered. */
  wait(stream: Downstream, time: f64): void {
    this.waiting.push(stream);
    host.enter(this.id);
    this.talk(time);
    host.enter(stream.id);
  }

  /** The end of the stream's answer goes when the record is stored. */
  waitForStore(stream: Downstream): void {
    this.ending.push(stream);
    host.enter(this.id);
    this.talk(now());
    host.enter(stream.id);
  }

  leave(stream: Downstream): void {
    let index = this.waiting.indexOf(stream);
    if (index >= 0) this.waiting.splice(index, 1);
    index = this.ending.indexOf(stream);
    if (index >= 0) this.ending.splice(index, 1);
  }

  private endAll(time: f64): void {
    if (this.ending.length == 0) return;
    const streams = this.ending;
    this.ending = [];
    for (let i = 0; i < streams.length; i++) {
      if (!streams[i].end(time)) this.ending.push(streams[i]);
    }
    host.enter(this.id);
  }

  private wakeAll(): void {
    if (this.waiting.length == 0) return;
    const streams = this.waiting;
    this.waiting = [];
    for (let i = 0; i < streams.length; i++) streams[i].wake();
    host.enter(this.id);
  }
}
