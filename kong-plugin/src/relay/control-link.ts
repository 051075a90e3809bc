import { ByteWriter, POLL_TIMEOUT_MS, PUSH_TIMEOUT_MS, SYNC_PATH, type Sync } from "@oneapi/core";
import { Pool } from "undici";

const CONNECT_MS = 2000;

interface Answer {
  readonly status: number;
  readonly body: Uint8Array;
}

const NO_ANSWER: Answer = { status: 0, body: new Uint8Array() };

export interface ControlSettings {
  controlUrl: string;
  token: string;
  clock?: () => number;
}

/**
 * Carries the core's conversation with the control service: what it says, and when, is the core's. A poll and a push may
 * be under way together.
 */
export class ControlLink {
  readonly #sync: Sync;
  readonly #pool: Pool;
  readonly #path: string;
  readonly #headers: Record<string, string>;
  readonly #clock: () => number;
  readonly #heard: () => void;
  readonly #out = new ByteWriter(4096);
  readonly #stopped = new AbortController();

  /** `heard` is called after each answer and each failure. */
  constructor({ controlUrl, token, clock = Date.now }: ControlSettings, sync: Sync, heard: () => void) {
    const { origin, pathname } = new URL(controlUrl);
    this.#sync = sync;
    this.#heard = heard;
    this.#clock = clock;
    this.#pool = new Pool(origin, { allowH2: false, connect: { timeout: CONNECT_MS } });
    this.#path = pathname.replace(/\/$/, "") + SYNC_PATH;
    this.#headers = { "content-type": "application/json", authorization: `Bearer ${token}` };
  }

  /** Says what there is to say now. */
  talk(now: number): void {
    const sync = this.#sync;
    if (this.#stopped.signal.aborted) return;
    if (sync.poll(now, this.#out.clear())) {
      void this.#exchange(POLL_TIMEOUT_MS, ({ status, body }, time) => {
        if (status === 200) sync.polled(body, time);
        else sync.pollFailed(time);
      });
    }
    if (sync.push(now, this.#out.clear())) {
      void this.#exchange(PUSH_TIMEOUT_MS, ({ status, body }, time) => {
        if (status === 200) sync.pushed(body, time);
        else if (status === 503) sync.pushRefused(time);
        else sync.pushFailed(time);
      });
    }
  }

  async #exchange(patienceMs: number, answered: (answer: Answer, now: number) => void): Promise<void> {
    const answer = await this.#send(this.#out.take(), patienceMs).catch(() => NO_ANSWER);
    if (this.#stopped.signal.aborted) return;
    answered(answer, this.#clock());
    this.#heard();
  }

  /** Rejects when there is no answer. */
  async #send(message: Uint8Array, patienceMs: number): Promise<Answer> {
    const signal = AbortSignal.any([this.#stopped.signal, AbortSignal.timeout(patienceMs)]);
    const { statusCode, body } = await this.#pool.request({
      method: "POST",
      path: this.#path,
      headers: this.#headers,
      body: message,
      headersTimeout: 0,
      bodyTimeout: 0,
      signal,
    });
    return { status: statusCode, body: await body.bytes() };
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#pool.destroy();
  }
}
