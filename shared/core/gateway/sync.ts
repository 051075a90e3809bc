import { ByteWriter } from "../byte-writer.ts";
import { Json } from "../json.ts";
import { JsonWriter } from "../json-writer.ts";
import { Config } from "./config.ts";
import { Gateway } from "./gateway.ts";

/** Where the host sends the messages, and the version they speak. */
export const SYNC_PATH: string = "/gateway/v1/sync";
const VERSION: i32 = 1;

/** How long a poll may be held by the control service, and how much longer the host should wait for it. */
const POLL_WAIT_MS: i32 = 25000;
export const POLL_TIMEOUT_MS: i32 = 30000;
export const PUSH_TIMEOUT_MS: i32 = 5000;

/** Not more often than this, unless somebody waits or a whole batch of records does. */
const PUSH_INTERVAL: f64 = 250;
const FIRST_BACKOFF: f64 = 100;
const LAST_BACKOFF: f64 = 2000;
const FIRST_RECORDS_BACKOFF: f64 = 250;

/**
 * The conversation with the control service: two exchanges of the same message run beside each other. The poll is held
 * open until configuration or keys change, and is the only one that takes these over, so they never go backwards. The
 * push brings records and asks for keys, and is answered at once.
 */
export class Sync {
  private readonly gateway: Gateway;
  private readonly node: string;
  private readonly epoch: string;
  private readonly kind: string;
  private configVersion: string = "";
  private keyRevision: f64 = -1;
  private polling: boolean = false;
  private pushing: boolean = false;
  private pushedAt: f64 = 0;
  private pollAfter: f64 = 0;
  private pushAfter: f64 = 0;
  /** The count of refusals in the last push. */
  private toldRefusals: f64 = 0;
  /** The push under way has leases, or records. */
  private tellsLeases: boolean = false;
  private tellsRecords: boolean = false;
  /** Records stay here until then: the control service has had no room for them. */
  private recordsAfter: f64 = 0;
  private recordsBackoff: f64 = FIRST_RECORDS_BACKOFF;
  /** What was told beside records that were refused is told again at once. */
  private again: boolean = false;
  private pollBackoff: f64 = FIRST_BACKOFF;
  private pushBackoff: f64 = FIRST_BACKOFF;

  /** `kind`: `envoy` or `kong`. */
  constructor(gateway: Gateway, node: string, epoch: string, kind: string) {
    this.gateway = gateway;
    this.node = node;
    this.epoch = epoch;
    this.kind = kind;
  }

  /** Writes the next poll; false when one is under way. */
  poll(now: f64, out: ByteWriter): boolean {
    if (this.polling || now < this.pollAfter) return false;
    this.polling = true;

    this.head(POLL_WAIT_MS, out).key("keys").array().end().key("records").array().end().end();
    return true;
  }

  /** Writes the next push; false when one is under way or there is nothing to say yet. */
  push(now: f64, out: ByteWriter): boolean {
    const keys = this.gateway.keys;
    const outbox = this.gateway.outbox;
    if (this.pushing || now < this.pushAfter) return false;
    const leases = this.gateway.admission.leases;
    const renewal = leases.tick(now);
    const openings = this.gateway.openings;
    const records = !outbox.isEmpty() && now >= this.recordsAfter;
    // Once it did not answer, only an answer tells that it is back.
    const urgent = leases.urgent || !openings.isEmpty() || (records && outbox.urgent) || this.gateway.controlLost;
    const news = records || keys.refusals > this.toldRefusals || leases.hasChanges();
    const due = news && (this.again || now >= this.pushedAt + PUSH_INTERVAL);
    const full = records && outbox.hasFullBatch();
    if (!due && !renewal && !keys.isWanting() && !full && !urgent) return false;
    this.again = false;
    this.pushing = true;
    this.pushedAt = now;
    const w = this.head(0, out).key("keys").array();
    const asked = keys.ask();
    for (let i: i32 = 0; i < asked.length; i++) w.string(asked[i]!);
    this.toldRefusals = keys.refusals;
    w.end().key("unauthenticated").object().key("sequence").whole(keys.refusals).end().key("records").array();
    if (records) outbox.write(out);
    this.tellsRecords = records;
    w.end();
    this.tellsLeases = renewal || leases.hasChanges();
    if (this.tellsLeases) leases.write(now, w.key("leases"));
    if (!openings.isEmpty()) openings.write(w.key("operations"));
    w.end();
    return true;
  }

  private head(wait: i32, out: ByteWriter): JsonWriter {
    const w = new JsonWriter(out).object().key("version").int(VERSION);
    w.key("node").string(this.node).key("epoch").string(this.epoch).key("kind").string(this.kind);
    w.key("config_version").string(this.configVersion).key("key_revision");
    if (this.keyRevision < 0) w.int(-1);
    else w.whole(this.keyRevision);
    return w.key("wait_ms").int(wait);
  }

  /** Takes the answer to the poll. */
  polled(body: Uint8Array, now: f64): void {
    const answer = readAnswer(body);
    if (answer == null) {
      this.pollFailed(now);
      return;
    }
    this.polling = false;
    this.pollBackoff = FIRST_BACKOFF;
    this.pollAfter = 0;
    const gateway = this.gateway;
    gateway.controlAnswered();
    gateway.admission.leases.noted(answer.value("limits"));
    if (answer.flag("keys_reset")) gateway.keys.forgetAll();
    gateway.keys.forget(answer.value("changed_keys"));
    const revision = answer.value("key_revision");
    if (revision != null) this.keyRevision = revision.whole(this.keyRevision);
    const config = answer.value("config");
    if (config == null) return;
    gateway.config = Config.read(config);
    this.configVersion = answer.string("config_version", "");
  }

  /** Takes the answer to the push. */
  pushed(body: Uint8Array, now: f64): void {
    const answer = readAnswer(body);
    if (answer == null) {
      this.pushFailed(now);
      return;
    }
    this.pushing = false;
    this.pushBackoff = FIRST_BACKOFF;
    this.pushAfter = 0;
    if (this.tellsRecords) this.recordsBackoff = FIRST_RECORDS_BACKOFF;
    const gateway = this.gateway;
    gateway.controlAnswered();
    if (this.tellsLeases) {
      const time = answer.value("now_ms");
      gateway.admission.leases.answer(answer.value("leases"), time == null ? 0 : time.whole(0), now);
    }
    if (answer.flag("opened")) gateway.openings.answered();
    else gateway.openings.failed();
    const revision = answer.value("key_revision");
    if (revision != null && revision.whole(0) < this.keyRevision) gateway.keys.failed();
    else gateway.keys.answer(answer.value("keys"), now);
    const acknowledged = answer.value("acknowledged");
    if (acknowledged != null) gateway.outbox.acknowledge(acknowledged.whole(0));
  }

  pollFailed(now: f64): void {
    this.polling = false;
    this.pollAfter = now + this.pollBackoff;
    this.pollBackoff = grown(this.pollBackoff);
    if (this.gateway.config == null) this.gateway.controlFailed(now);
  }

  /**
   * The push was answered 503: the control service has no room for records now. They wait and go again under the same
   * numbers; all else that was told goes again at once without them, so that no operation waits for another's record.
   */
  pushRefused(now: f64): void {
    if (!this.tellsRecords) {
      this.pushFailed(now);
      return;
    }
    this.pushing = false;
    this.recordsAfter = now + this.recordsBackoff;
    this.recordsBackoff = grown(this.recordsBackoff);
    this.again = true;
    if (this.tellsLeases) this.gateway.admission.leases.failed();
    this.gateway.openings.failed();
    this.gateway.keys.failed();
  }

  pushFailed(now: f64): void {
    this.pushing = false;
    this.pushAfter = now + this.pushBackoff;
    this.pushBackoff = grown(this.pushBackoff);
    this.gateway.controlFailed(now);
    if (this.tellsLeases) this.gateway.admission.leases.failed();
    this.gateway.openings.failed();
    this.gateway.keys.giveUp();
  }
}

function readAnswer(body: Uint8Array): Json | null {
  const answer = Json.parse(body);
  return answer != null && answer.count32("version", 0) === VERSION ? answer : null;
}

function grown(backoff: f64): f64 {
  return backoff * 2 > LAST_BACKOFF ? LAST_BACKOFF : backoff * 2;
}
